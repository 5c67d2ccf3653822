package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"tilld/internal/cloud"
	"tilld/internal/qr"
	"tilld/internal/sim"
)

const (
	pagePrefix = "HTTPS://P.EXAMPLE.CN/P/" // of the pay page
	tillNumber = 1003
)

// payOffline is the configuration's payment.offline section of a shop whose
// till can be paid without a link, by proof or by code: shopOptions.payment.
const payOffline = `, offline: {enabled: true, url_prefix: "` + pagePrefix + `", max_amount: "5000.00", max_count: 20, code_key_file: "{dir}/code-keys.json", code_max_amount: "500.00"}`

// codeGen is the generation of the key that till and cloud share for pay codes.
const codeGen = 1

// shareCodeKey makes that key and puts it where the till finds it.
func (s *shop) shareCodeKey() error {
	s.codeKey = make([]byte, 32)
	if _, err := rand.Read(s.codeKey); err != nil {
		return err
	}
	set := fmt.Sprintf(`{"keys":[{"kty":"oct","kid":"%d","k":%q}]}`, codeGen, base64.RawURLEncoding.EncodeToString(s.codeKey))
	return os.WriteFile(s.file("code-keys.json"), []byte(set), 0o600)
}

// enrol tells the cloud the till's public key, as a chain does when it sets a
// till up. The till makes its key at its first start.
func (s *shop) enrol() error {
	text, err := os.ReadFile(s.file("data/till-key"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("till-key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return fmt.Errorf("till-key is a %T", key)
	}
	public, _ := private.Public().(ed25519.PublicKey)
	s.cloud.Enrol(cloud.Enrolment{Path: tillPath, Number: tillNumber, Key: public, CodeKeys: map[byte][]byte{codeGen: s.codeKey}})
	return nil
}

// offlineCode asks for a pay code and reads the one on the screen.
func (s *one) offlineCode(ctx context.Context) (url string, err error) {
	if err := s.shop.enrol(); err != nil {
		return "", err
	}
	mark := s.screen.mark()
	var answer struct{ Payment *payment }
	if err := s.post(ctx, "pay", map[string]any{"method": "qr"}, &answer); err != nil {
		return "", err
	}
	if p := answer.Payment; p == nil || p.State != "pending" || !p.Offline || p.Amount != s.goods.total() {
		return "", fmt.Errorf("pay without a link: %+v, want pending, offline and %d", p, s.goods.total())
	}
	s.payID = answer.Payment.ID
	err = s.sees(ctx, mark, "the offline code", func(sc scene) bool {
		return sc.Kind == "paying" && sc.Pay != nil && sc.Pay.PaymentID == s.payID && sc.Pay.Offline
	})
	if err != nil {
		return "", err
	}
	err = s.step(ctx, "offline code read off the screen", func() error {
		img, err := s.picture(ctx, "/screen/pay.png?side=400&id="+s.payID)
		if err == nil {
			url, err = sim.DecodeQR(img)
		}
		return err
	})
	return url, err
}

// payOnPhone is the shopper's phone, which is online: it returns what its
// screen shows after the payment, read back from the picture.
func (s *one) payOnPhone(ctx context.Context, url string, choice cloud.PayChoice) (proof string, err error) {
	page, problem := s.shop.cloud.OpenPage(url)
	if problem != nil {
		return "", fmt.Errorf("the pay page: %+v", problem)
	}
	if page.Till != tillPath || page.Amount != s.goods.total() || page.PaymentID != s.payID {
		return "", fmt.Errorf("the pay page shows %+v, want %d", page, s.goods.total())
	}
	choice.Confirmed = true // whatever it asks
	err = s.step(ctx, "paid on the phone", func() error {
		text, problem := s.shop.cloud.PayPage(url, choice)
		if problem != nil {
			return fmt.Errorf("the pay page: %+v", problem)
		}
		shown, err := qr.Make(text, qr.M)
		if err != nil {
			return err
		}
		proof, err = sim.DecodeQR(shown.Image(6, qr.Quiet))
		return err
	})
	return proof, err
}

// showProof holds the phone in front of the scanner; the sale must close.
func (s *one) showProof(ctx context.Context, proof string) error {
	mark := s.screen.mark()
	began, err := s.scan(ctx, proof)
	if err != nil {
		return err
	}
	f, err := s.screen.wait(ctx, mark, "paid scene", func(f frame) bool {
		sc := decodeScene(f)
		return sc.Kind == "paid" && sc.SaleID == s.id
	})
	if err != nil {
		return err
	}
	s.note("proof scanned → screen thanks", f.at.Sub(began))
	return s.closed(ctx, s.goods.total())
}

// codes is what the phone shows beside the proof, to be typed and as a bar code.
func (s *one) codes() (typed, barcode string, err error) {
	p := s.shop.cloud.Payments()[s.payID]
	if len(p.Code) != 8 || len(p.Barcode) != 18 {
		return "", "", fmt.Errorf("the phone shows no code: %q, %q", p.Code, p.Barcode)
	}
	return p.Code, p.Barcode, nil
}

// typesWrong types a code that is wrong; the till has to refuse it as want.
func (s *one) typesWrong(ctx context.Context, code, want string) error {
	var none json.RawMessage
	err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", "", map[string]any{"method": "proof", "code": code}, &none)
	if got := refused(err); got != want {
		return fmt.Errorf("a wrong code: %q (%w), want %s", got, err, want)
	}
	return s.unpaid(ctx)
}

// openPage has the demo's shopper, who is always online, scan an offline code
// that is on the screen: from then on it is among the payments that wait.
func (d *demo) openPage(raw json.RawMessage) {
	var sc scene
	if json.Unmarshal(raw, &sc) != nil || sc.Pay == nil || !sc.Pay.Offline || d.shop.enrol() != nil {
		return
	}
	d.shop.cloud.OpenPage(sc.Pay.URL)
}

// payOnPhone pays on the phone and shows the proof to the scanner, unless none
// shall read it: then there are the digits that the phone shows.
func (d *demo) payOnPhone(url string, scan bool) error {
	proof, problem := d.shop.cloud.PayPage(url, cloud.PayChoice{Shopper: "demo", Confirmed: true})
	if problem != nil {
		return errors.New(problem.Message)
	}
	if !scan {
		return nil
	}
	return d.shop.scanner.Scan(proof)
}
