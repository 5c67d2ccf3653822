package till_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/cloud"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
	"tilld/internal/till"
)

var codeKey = bytes.Repeat([]byte{0x5a}, 32)

// withCodes is a shop whose till takes codes up to 100.00, two without a link.
func withCodes(t testing.TB, more ...func(*till.Options)) *shop {
	t.Helper()
	s := alone(t, append([]func(*till.Options){func(o *till.Options) {
		o.Offline.Codes = &till.PayCodes{MaxAmount: 10000, MaxCount: 2, Keys: func() (offlinepay.CodeKeys, error) {
			return offlinepay.CodeKeys{3: codeKey}, nil
		}}
	}}, more...)...)
	s.shareCodeKeys(map[byte][]byte{3: codeKey})
	return s
}

func (s *shop) shareCodeKeys(keys map[byte][]byte) {
	s.pay.Enrol(cloud.Enrolment{Path: "acme/sh-001/1003", Number: 1003, KeyGen: 2, Key: s.key.Public().(ed25519.PublicKey), CodeKeys: keys})
}

// code pays on the phone and returns what it shows beside the proof.
func (s *shop) code(choice cloud.PayChoice) (typed, barcode, proof string) {
	s.t.Helper()
	id := s.scene().Pay.PaymentID
	proof = s.phone(choice)
	p := s.pay.Payments()[id]
	return p.Code, p.Barcode, proof
}

// other is a code that is wrong.
func other(code string, n int) string {
	b := []byte(code)
	b[len(b)-1-n%4] = '0' + (b[len(b)-1-n%4]-'0'+1+byte(n/4))%10
	return string(b)
}

func (s *shop) type_(id, code string) sale.Sale {
	s.t.Helper()
	return s.do(sale.Pay{Sale: id, Method: "proof", Code: code})
}

func (s *shop) typedWrong(id, code, want string) {
	s.t.Helper()
	s.refused(want, sale.Pay{Sale: id, Method: "proof", Code: code})
}

func TestTypedCode(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	typed, barcode, proof := s.code(cloud.PayChoice{})
	if len(typed) != 8 || len(barcode) != 18 {
		t.Fatalf("the phone shows %q and %q", typed, barcode)
	}
	got := s.type_(asked.ID, typed[:4]+" "+typed[4:])
	p := got.Payment
	if got.State != sale.Closed || got.Paid != 4250 || len(got.Tenders) != 1 || got.Tenders[0].Method != "wallet" || got.Tenders[0].PaymentID != p.ID {
		t.Fatalf("%+v", got)
	}
	// What the journal has of it says how, and is no code.
	closed := s.events("sale.closed")
	if p.CodeForm != "typed" || p.Proof != "" || p.Request == "" || len(closed) != 1 || !strings.Contains(string(closed[0].Data), `"code_form":"typed"`) {
		t.Errorf("%+v", p)
	}
	if body := string(closed[0].Data); strings.Contains(body, typed) || strings.Contains(body, barcode) {
		t.Error("the code is in sale.closed")
	}
	// One nonce, closed once: neither again, nor by the other forms.
	s.typedWrong(asked.ID, typed, sale.CodeProofUsed)
	s.typedWrong(asked.ID, barcode, sale.CodeProofUsed)
	s.typedWrong(asked.ID, proof, sale.CodeProofUsed)
	if s.scan(barcode) || s.scan(proof) || len(s.sale(asked.ID).Tenders) != 1 {
		t.Error("booked twice")
	}
	next := s.ask()
	s.notBooked(proof, "the proof of a sale that a code has paid", next.ID)
	s.typedWrong(next.ID, typed, sale.CodeProofRefused)
}

func TestBarcodeInsteadOfAProof(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	_, barcode, proof := s.code(cloud.PayChoice{})
	if s.scan(other(barcode, 0)) || s.sale(asked.ID).State != sale.Paying {
		t.Error("a wrong bar code has an effect")
	}
	if s.sale(asked.ID).Payment.CodeTries != 0 {
		t.Error("a bar code that is wrong takes a try from who types")
	}
	if !s.scan(barcode) || s.scene().Kind != display.Paid {
		t.Errorf("the scanner says no, or the screen still shows the refusal: %+v", s.scene())
	}
	got := s.sale(asked.ID)
	if got.State != sale.Closed || got.Payment.CodeForm != "barcode" {
		t.Errorf("%+v", got)
	}
	rows, _, err := s.till.Scans(0, 10)
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	for _, r := range rows {
		if r.Kind != "proof_code" || r.Code != "" {
			t.Errorf("ledger %+v", r)
		}
	}
	// The phone is still in front of the scanner while the screen says thanks.
	if s.scan(barcode) || s.scene().Text != "" {
		t.Errorf("%+v", s.scene())
	}
	next := s.ask()
	if s.scan(barcode) || s.scan(proof) || s.sale(next.ID).State != sale.Paying {
		t.Error("the bar code of the sale before counts")
	}
	// By the API, where a keyboard scanner may have typed it.
	_, barcode, _ = s.code(cloud.PayChoice{})
	if got := s.do(sale.AddItem{Sale: next.ID, Add: sale.Add{Code: barcode}}); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
}

// A proof first, and its code says nothing any more.
func TestProofThenCode(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	typed, barcode, proof := s.code(cloud.PayChoice{})
	s.scan(proof)
	s.typedWrong(asked.ID, typed, sale.CodeProofUsed)
	s.typedWrong(asked.ID, barcode, sale.CodeProofUsed)
	if got := s.sale(asked.ID); len(got.Tenders) != 1 || got.Payment.CodeForm != "" || got.Payment.Proof != proof {
		t.Errorf("%+v", got)
	}
}

func TestCodeTries(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	typed, _, proof := s.code(cloud.PayChoice{})
	for n := range 4 {
		s.typedWrong(asked.ID, other(typed, n), sale.CodeProofRefused)
		if n == 1 {
			s.restart() // the tries are on the disk
		}
	}
	if got := s.sale(asked.ID).Payment.CodeTries; got != 4 {
		t.Fatalf("%d tries", got)
	}
	s.typedWrong(asked.ID, other(typed, 4), sale.CodeProofLocked) // the fifth
	s.typedWrong(asked.ID, typed, sale.CodeProofLocked)           // and the right one is too late
	s.restart()
	s.typedWrong(asked.ID, typed, sale.CodeProofLocked)
	if got := s.sale(asked.ID); got.State != sale.Paying || got.Paid != 0 {
		t.Fatalf("%+v", got)
	}
	if !s.scan(proof) { // the proof needs no tries
		t.Error("the proof is refused")
	}
	if got := s.sale(asked.ID); got.State != sale.Closed || got.Payment.CodeForm != "" {
		t.Errorf("%+v", got)
	}
}

// What the disk has when the machine dies behind any try is what was answered,
// so that no power cut gives a try back.
func TestCodeTriesSurviveAKill(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	typed, _, _ := s.code(cloud.PayChoice{})
	for n := range 3 {
		s.typedWrong(asked.ID, other(typed, n), sale.CodeProofRefused)
		k := s.killed()
		if got := k.sale(asked.ID).Payment.CodeTries; got != n+1 {
			t.Fatalf("after the kill %d tries, not %d", got, n+1)
		}
	}
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Fatalf("%+v", got)
	}
	k := s.killed()
	if got := k.sale(asked.ID); got.State != sale.Closed || len(got.Tenders) != 1 {
		t.Errorf("%+v", got)
	}
}

// Over all requests, a day has twenty wrong codes; then no request says that a
// code is taken, and the status page says so.
func TestCodesAreLockedForADay(t *testing.T) {
	var skew atomic.Int64
	s := withCodes(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(time.Duration(skew.Load())) }
		o.ClockStatus = nil // the phone has the time confirmed
	})
	wrong := 0
	sure := cloud.PayChoice{Confirmed: true}
	for wrong < 20 {
		asked := s.ask()
		typed, _, _ := s.code(sure)
		for n := range 4 {
			want := sale.CodeProofRefused
			if wrong++; wrong == 20 {
				want = sale.CodeProofLocked
			}
			s.typedWrong(asked.ID, other(typed, n), want)
		}
		s.do(sale.CancelPayment{Sale: asked.ID})
		s.do(sale.Pay{Sale: asked.ID, Method: "cash"})
	}
	if !s.condition("pay_codes_locked") {
		t.Error("nobody is told")
	}
	s.restart()
	asked := s.ask()
	if asked.Payment.Request != "" {
		t.Error("the request says that a code is taken")
	}
	if typed, _, proof := s.code(sure); typed != "" || !s.scan(proof) {
		t.Errorf("the phone shows %q", typed)
	}
	skew.Store(int64(-48 * time.Hour)) // a clock that is set back unlocks nothing
	if s.ask().Payment.Request != "" {
		t.Error("unlocked by the clock")
	}
	skew.Store(int64(25 * time.Hour))
	asked = s.ask()
	typed, _, _ := s.code(sure)
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
}

// What a code is not given for: too much, too many, a coupon of the cloud's, a
// till that takes none.
func TestCodeCeilings(t *testing.T) {
	s := withCodes(t)
	big := s.do(sale.OpenSale{Items: []sale.Add{{SKU: "tv", Name: "电视", UnitPrice: money(10001)}}})
	if got := s.do(sale.Pay{Sale: big.ID, Method: "qr"}); got.Payment.Request != "" {
		t.Error("a code would be taken above the ceiling")
	}
	if typed, barcode, _ := s.code(cloud.PayChoice{}); typed != "" || barcode != "" {
		t.Error("a code is given above the ceiling")
	}
	s.typedWrong(big.ID, "12345678", sale.CodeProofRefused)
	if s.sale(big.ID).Payment.CodeTries != 0 {
		t.Error("counted where there is nothing to guess")
	}
	s.do(sale.VoidSale{Sale: big.ID, Reason: "r"})

	discounted := s.ask()
	if typed, _, proof := s.code(cloud.PayChoice{Discount: 250}); typed != "" || !s.scan(proof) {
		t.Error("a code cannot say what a coupon paid")
	}
	if got := s.sale(discounted.ID); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
	for range 2 { // with the proof above three payments, which is all
		asked := s.ask()
		typed, _, _ := s.code(cloud.PayChoice{})
		s.type_(asked.ID, typed)
	}
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: s.open().ID, Method: "qr"}) // codes count as proofs do
	s.cloud.setDown(false)
	s.open() // a new spell
	s.cloud.setDown(true)
	asked := s.ask()
	typed, _, _ := s.code(cloud.PayChoice{})
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
	if asked = s.ask(); asked.Payment.Request == "" {
		t.Error("the second of two")
	}
	typed, _, _ = s.code(cloud.PayChoice{})
	s.type_(asked.ID, typed)
	if asked = s.ask(); asked.Payment.Request != "" {
		t.Error("a third code is taken without a link")
	}
	off := alone(t)
	asked = off.ask()
	off.typedWrong(asked.ID, "12345678", sale.CodeProofRefused)
	if off.scan("93"+strings.Repeat("1", 16)) || asked.Payment.Request != "" {
		t.Error("taken although it is off")
	}
}

// A late code is money that came, like a late proof.
func TestLateCode(t *testing.T) {
	s := withCodes(t)
	// The code ran out on the screen, the basket is as it was: paid.
	asked := s.ask()
	typed, _, _ := s.code(cloud.PayChoice{})
	s.do(sale.CancelPayment{Sale: asked.ID})
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
	// The basket changed: booked, and said.
	asked = s.ask()
	typed, _, proof := s.code(cloud.PayChoice{})
	s.do(sale.AddItem{Sale: asked.ID, Add: sale.Add{SKU: "b", Name: "包", UnitPrice: money(50)}})
	got := s.type_(asked.ID, typed)
	if got.State != sale.Open || !got.PaidButChanged || got.Paid != 4250 {
		t.Errorf("%+v", got)
	}
	if n := s.events("payment.unknown"); len(n) != 1 || !strings.Contains(string(n[0].Data), `"code_form":"typed"`) {
		t.Errorf("%d events", len(n))
	}
	s.notBooked(proof, "the proof behind the code", asked.ID)
	s.do(sale.Pay{Sale: asked.ID, Method: "cash"})
	if got := s.sale(asked.ID); got.State != sale.Closed || got.Paid != 4300 {
		t.Errorf("%+v", got)
	}
	// Another request took its place: the code is that of the one before.
	s.cloud.setDown(false)
	s.open()
	s.cloud.setDown(true)
	asked = s.ask()
	typed, _, _ = s.code(cloud.PayChoice{})
	s.do(sale.CancelPayment{Sale: asked.ID})
	s.do(sale.Pay{Sale: asked.ID, Method: "qr"})
	if got := s.type_(asked.ID, typed); got.State != sale.Closed || len(got.Tenders) != 1 || got.Tenders[0].PaymentID != asked.Payment.ID {
		t.Errorf("%+v", got)
	}
	// Void: given back, once there is a link.
	asked = s.ask()
	typed, _, _ = s.code(cloud.PayChoice{})
	s.do(sale.VoidSale{Sale: asked.ID, Reason: "r"})
	if got := s.type_(asked.ID, typed); got.State != sale.Void || len(got.Refunds) != 1 || got.Refunds[0].State != sale.RefundPending {
		t.Errorf("%+v", got)
	}
}

// While the file has two keys, a request of either generation is paid.
func TestCodeKeyRotation(t *testing.T) {
	keys := offlinepay.CodeKeys{3: codeKey}
	s := withCodes(t, func(o *till.Options) {
		o.Offline.Codes.Keys = func() (offlinepay.CodeKeys, error) { return keys, nil }
	})
	next := bytes.Repeat([]byte{0x77}, 32)
	s.shareCodeKeys(map[byte][]byte{3: codeKey, 4: next})
	asked := s.ask()
	typed, _, _ := s.code(cloud.PayChoice{})
	keys = offlinepay.CodeKeys{3: codeKey, 4: next}
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
	keys = offlinepay.CodeKeys{4: next}
	asked = s.ask()
	typed, _, _ = s.code(cloud.PayChoice{})
	if got := s.type_(asked.ID, typed); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
}

// Without its key file the till sells on, with proofs alone, and says so.
func TestCodeKeyFileIsGone(t *testing.T) {
	gone := false
	s := withCodes(t, func(o *till.Options) {
		o.Offline.Codes.Keys = func() (offlinepay.CodeKeys, error) {
			if gone {
				return nil, errors.New("no such file")
			}
			return offlinepay.CodeKeys{3: codeKey}, nil
		}
	})
	asked := s.ask()
	typed, barcode, proof := s.code(cloud.PayChoice{})
	gone = true
	s.typedWrong(asked.ID, typed, sale.CodeProofRefused)
	if s.sale(asked.ID).Payment.CodeTries != 0 || s.scan(barcode) || !s.condition("pay_code_keys") {
		t.Error("a code was judged without a key")
	}
	if !s.scan(proof) {
		t.Error("the proof is refused")
	}
	if asked = s.ask(); asked.Payment.Request != "" {
		t.Error("the request says that a code is taken")
	}
}

// The cloud has called a payment unpaid: only a proof overrules it.
func TestCodeAgainstTheCloudsWord(t *testing.T) {
	s := withCodes(t)
	asked := s.ask()
	body, err := json.Marshal(map[string]any{"payment_id": asked.Payment.ID, "state": "expired", "amount": 4250, "tenders": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	typed, _, proof := s.code(cloud.PayChoice{})
	if err := s.till.PaymentResult(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	s.typedWrong(asked.ID, typed, sale.CodeProofRefused)
	if !s.scan(proof) || s.sale(asked.ID).State != sale.Closed {
		t.Error("the proof is refused")
	}
}
