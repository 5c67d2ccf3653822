package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"tilld/internal/sim"
)

// journey11: the e-invoice from the receipt.
func journey11() journey {
	var printed string
	return journey{
		id: "J11", name: "E-invoice from the receipt",
		shop: func(o *shopOptions) { o.receipt = `, invoice_url: "https://tax.example/i?shop=acme"` },
		facts: func(v *visit) []fact {
			s, away := v.buy("CUP-CELADON", "TEA-OOL-250"), v.buy("RICE-5")
			return []fact{
				{"the receipt has a code for the e-invoice, apart from the marketing code and named as such", s.first(s.scanAll, s.payCode, v.snapScreen, s.shopperPaysPlain, s.receipt, s.paperHas("扫码开具电子发票"), s.snapPaper(v), func(context.Context) (err error) {
					printed, err = s.paperCode("https://tax.example/i?")
					return err
				})},
				{"it is a plain https link that asks for nothing but the reference: nobody has to follow or join", func(context.Context) error {
					u, err := url.Parse(printed)
					if err == nil && (u.Host != "tax.example" || u.Query().Get("shop") != "acme" || len(u.Query()) != 2) {
						err = fmt.Errorf("the code is %q", printed)
					}
					return err
				}},
				{"the reference names merchant, store, till, sale, day, number and total, and the till's signature over it holds", s.signed(&printed)},
				{"a reference with another total has no valid signature", s.forgedReference(&printed)},
				{"sale.closed has the same number and total, so that the tax side can compare", steps(s.inCloud, s.sameInCloud(&printed))},
				{"a copy of the receipt bears the same code and says COPY", s.copyHas(&printed)},
				{"without a link the receipt has its e-invoice code all the same", steps(v.offline(away.first(away.scanAll, away.cash, away.receipt, func(context.Context) (err error) {
					printed, err = away.paperCode("https://tax.example/i?")
					return err
				}, away.signed(&printed))), v.online, away.inCloud)},
			}
		},
	}
}

// reference takes a code apart: what is signed, and the signature.
func reference(code string) (text string, sig []byte, err error) {
	u, err := url.Parse(code)
	if err != nil {
		return "", nil, err
	}
	body, tail, ok := strings.Cut(u.Query().Get("ref"), ".")
	if !ok {
		return "", nil, fmt.Errorf("no signature in %q", code)
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return "", nil, err
	}
	sig, err = base64.RawURLEncoding.DecodeString(tail)
	return string(raw), sig, err
}

// tillKey is the public half of the till's key, as its first event tells it.
func (p *script) tillKey() (ed25519.PublicKey, error) {
	for _, e := range p.shop.cloud.Ledger().Events(source, 0) {
		if e.Type != "tilld.till.started.v1" {
			continue
		}
		var d struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return nil, err
		}
		key, err := base64.RawURLEncoding.DecodeString(d.Key)
		if err == nil && len(key) != ed25519.PublicKeySize {
			err = fmt.Errorf("till.started has a key of %d bytes", len(key))
		}
		return key, err
	}
	return nil, errors.New("the till never told its key")
}

func (s *one) signed(code *string) step {
	return func(ctx context.Context) error {
		text, sig, err := reference(*code)
		if err != nil {
			return err
		}
		key, err := s.tillKey()
		if err != nil {
			return err
		}
		got, err := s.shop.api.sale(ctx, s.id)
		if err != nil {
			return err
		}
		want := fmt.Sprintf("%s/%s/%s/%d/%d/CNY", tillPath, s.id, got.Day, got.Number, got.Total)
		if text != want || got.Number == 0 {
			return fmt.Errorf("the reference is %q, want %q", text, want)
		}
		if !ed25519.Verify(key, []byte(text), sig) {
			return errors.New("the signature does not hold")
		}
		return nil
	}
}

func (s *one) forgedReference(code *string) step {
	return func(context.Context) error {
		text, sig, err := reference(*code)
		if err != nil {
			return err
		}
		key, err := s.tillKey()
		if err != nil {
			return err
		}
		if ed25519.Verify(key, []byte(strings.Replace(text, "/CNY", "0/CNY", 1)), sig) {
			return errors.New("the signature holds for another total")
		}
		return nil
	}
}

func (s *one) sameInCloud(code *string) step {
	return func(context.Context) error {
		sales, err := s.shop.cloud.Ledger().Sales(source)
		if err != nil {
			return err
		}
		text, _, err := reference(*code)
		if got := sales[s.id]; err == nil && !strings.HasSuffix(text, fmt.Sprintf("/%s/%s/%d/%d/CNY", got.ID, got.Day, got.Number, got.Total)) {
			err = fmt.Errorf("the cloud has %+v, the reference says %q", got, text)
		}
		return err
	}
}

// copyHas prints the receipt again and reads the copy.
func (s *one) copyHas(code *string) step {
	return func(ctx context.Context) error {
		if err := s.post(ctx, "reprint", map[string]any{}, nil); err != nil {
			return err
		}
		var k sim.Ticket
		err := s.until(ctx, "the copy", func() (bool, error) {
			list, _ := s.paper.Tickets(s.ticket.ID)
			for _, t := range list {
				if t.Cut && len(t.QR) > 0 {
					k = t
				}
			}
			return k.ID != 0, nil
		})
		if err != nil {
			return err
		}
		if !isCopy(s.paper, k) || !strings.Contains(strings.Join(k.QR, "\n"), *code) {
			return fmt.Errorf("the copy has the codes %q:\n%s", k.QR, strings.Join(k.Lines, "\n"))
		}
		return nil
	}
}
