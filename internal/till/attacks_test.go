package till_test

import (
	"crypto/ed25519"
	"encoding/json"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// The attacks of docs/offline-pay.md, one test each, under their numbers.

func TestP1ReplayAndScreenshot(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.scan(proof)
	// The same shopper's phone is still there: no message, and no second effect.
	if s.scan(proof) || s.scene().Text != "" {
		t.Errorf("scene %+v", s.scene())
	}
	next := s.ask()
	s.notBooked(proof, "a proof of the sale before", next.ID)
	s.restart()
	s.notBooked(proof, "the same after a restart", next.ID)
	if n := len(s.events("sale.closed")); n != 1 || len(s.sale(asked.ID).Tenders) != 1 {
		t.Errorf("%d closings", n)
	}
	// Paid in cash meanwhile, the next shopper's own proof still counts for nothing else.
	s.do(sale.CancelPayment{Sale: next.ID})
	s.do(sale.Pay{Sale: next.ID, Method: "cash"})
	s.notBooked(proof, "with no sale open", next.ID)
}

func TestP2DoubleSpendOverTills(t *testing.T) {
	a := alone(t)
	b := newShop(t, 1004, a.pay, a.trust, a.o.Now)
	asked, other := a.ask(), b.ask()
	proof := a.phone(cloud.PayChoice{})
	b.notBooked(proof, "a proof for another till", other.ID)
	if !a.scan(proof) || a.sale(asked.ID).State != sale.Closed {
		t.Error("not taken where it belongs")
	}
	// Two till numbers by mistake alike: the nonce still tells them apart.
	c := newShop(t, 1003, nil, a.trust, a.o.Now)
	again := c.do(sale.Pay{Sale: c.open().ID, Method: "qr"})
	c.notBooked(proof, "a request of a twin", again.ID)
}

// A restored database has requests open that were paid: their proof pays them
// again in the till's eyes, but never a second request, and the cloud has the
// money once.
func TestP2RestoredDatabase(t *testing.T) {
	s := alone(t)
	s.ask()
	old := s.killed()
	old.o.Offline = s.o.Offline
	seen := map[string]bool{}
	note := func(r *rig, id string) {
		if p := r.sale(id).Payment; seen[p.Nonce] {
			t.Errorf("nonce %s drawn twice", p.Nonce)
		} else {
			seen[p.Nonce] = true
		}
	}
	s.scan(s.phone(cloud.PayChoice{}))
	for range 2 {
		note(s.rig, s.ask().ID)
		old.cloud.setDown(true)
		note(old, old.do(sale.Pay{Sale: old.open().ID, Method: "qr"}).ID)
		s.do(sale.VoidSale{Sale: s.current().ID, Reason: "r"})
		old.do(sale.VoidSale{Sale: old.current().ID, Reason: "r"})
	}
}

func TestP3TwoPhones(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	url := s.scene().Pay.URL
	proof := s.phoneAt(url, cloud.PayChoice{Shopper: "Li"})
	_, problem := s.pay.PayPage(url, cloud.PayChoice{Shopper: "Wang"})
	wantProblem(t, problem, "paid_by_other")
	if again := s.phoneAt(url, cloud.PayChoice{Shopper: "Li"}); again != proof {
		t.Error("the payer's second look shows another proof")
	}
	if n := s.pay.Payments()[asked.Payment.ID].Charges; n != 1 {
		t.Errorf("charged %d times", n)
	}
	s.scan(proof)
	if got := s.sale(asked.ID); got.State != sale.Closed || got.Paid != 4250 {
		t.Errorf("%+v", got)
	}
}

func TestP4EditedAddress(t *testing.T) {
	s := alone(t)
	s.ask()
	url := s.scene().Pay.URL
	for i := len(pagePrefix); i < len(url); i++ {
		other := byte('A')
		if url[i] == 'A' {
			other = 'B'
		}
		_, problem := s.pay.PayPage(url[:i]+string(other)+url[i+1:], cloud.PayChoice{Shopper: "Li"})
		wantProblem(t, problem, "not_ours")
	}
	// A cloud that was deceived all the same: the till compares the amount.
	lied := s.forge(s.scene().Pay.PaymentID, 1)
	s.notBooked(lied, "a proof for less", s.current().ID)
}

// forge makes a proof with the cloud's key 9, which the till is made to hold.
func (s *shop) forge(paymentID string, amount uint32) string {
	s.t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.trustFile(func() { s.trust["9"] = public })
	return proofFor(s.t, paymentID, amount, 9, key)
}

func TestP5PhishingSticker(t *testing.T) {
	s := alone(t)
	s.ask()
	url := s.scene().Pay.URL
	_, problem := s.pay.OpenPage("HTTPS://P.EXAMPLE.CC/P/" + url[len(pagePrefix):])
	wantProblem(t, problem, "not_ours")
	// A thief's own request on a sticker names the thief's till, sale and amount:
	// the page shows what is to be compared with the screen.
	page, problem := s.pay.OpenPage(url)
	if problem != nil || page.Till != "acme/sh-001/1003" || page.Amount != 4250 || !strings.Contains(s.scene().Text, six(page.Sale)) {
		t.Errorf("page %+v, %+v; screen %q", page, problem, s.scene().Text)
	}
}

func TestP6ForgedProof(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	// With the till's own key, and with one of the attacker's.
	s.notBooked(proofFor(t, asked.Payment.ID, 4250, 8, s.key), "signed with the till's key", asked.ID)
	_, own, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.notBooked(proofFor(t, asked.Payment.ID, 4250, 8, own), "signed with a key of one's own", asked.ID)
	s.notBooked(proofFor(t, asked.Payment.ID, 4250, 77, own), "signed with an unknown key", asked.ID)
}

func TestP7CancelInTheApp(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	wantProblem(t, s.pay.RefundInApp(asked.Payment.ID), "locked")
	s.scan(proof)
	wantProblem(t, s.pay.RefundInApp(asked.Payment.ID), "locked")
	// Giving it back at the till needs the cloud first.
	s.refused(sale.CodeLinkDown, sale.RefundSale{Sale: asked.ID, Reason: "r"})
	if got := s.sale(asked.ID); len(got.Refunds) != 0 {
		t.Errorf("%+v", got.Refunds)
	}
	half := s.do(sale.Pay{Sale: s.open().ID, Method: "qr", Amount: money(1000)})
	s.scan(s.phone(cloud.PayChoice{}))
	s.refused(sale.CodeLinkDown, sale.VoidSale{Sale: half.ID, Reason: "r"})
	if got := s.sale(half.ID); got.State != sale.Open || got.Paid != 1000 {
		t.Errorf("%+v", got)
	}
	s.cloud.setDown(false)
	s.do(sale.RefundSale{Sale: asked.ID, Reason: "r"})
	s.until("given back", func() bool { return s.sale(asked.ID).State == sale.Refunded })
	wantProblem(t, s.pay.RefundInApp(asked.Payment.ID), "not_found") // given back already
	if got := s.do(sale.VoidSale{Sale: half.ID, Reason: "r"}); got.State != sale.Void {
		t.Errorf("%+v", got)
	}
}

func TestP8KeyRotation(t *testing.T) {
	s := alone(t)
	keep := s.trust["8"]
	s.trustFile(func() { delete(s.trust, "8") }) // this till has been offline since before 8 was published
	asked := s.ask()
	if !s.scan(s.phone(cloud.PayChoice{})) || s.sale(asked.ID).State != sale.Closed {
		t.Error("the cloud did not sign with the newest key that the till holds")
	}
	s.ask()
	s.pay.Revoke(7)
	_, problem := s.pay.PayPage(s.scene().Pay.URL, cloud.PayChoice{Shopper: "Li"})
	wantProblem(t, problem, "key_revoked") // before any money moves
	if p := s.pay.Payments()[s.scene().Pay.PaymentID]; p.Charges != 0 {
		t.Error("charged")
	}
	s.do(sale.VoidSale{Sale: s.current().ID, Reason: "r"})
	s.trustFile(func() { s.trust["8"] = keep })
	asked = s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.trustFile(func() { delete(s.trust, "8") })
	s.notBooked(proof, "signed with a key that was taken out", asked.ID)
}

func TestP9StolenCloudKey(t *testing.T) {
	s := alone(t)
	// With the key, a thief can pay what this till asks for, up to the ceilings.
	for range s.o.Offline.MaxCount {
		asked := s.ask()
		if !s.scan(s.forge(asked.Payment.ID, 4250)) {
			t.Fatal("the forged proof is not as good as a real one")
		}
	}
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: s.open().ID, Method: "qr"})
	dear := s.do(sale.OpenSale{Items: []sale.Add{{SKU: "tv", Name: "电视", UnitPrice: money(900000)}}})
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: dear.ID, Method: "qr"})
}

func TestP10ClockSkew(t *testing.T) {
	var off atomic.Int64
	var untrusted atomic.Bool
	s := alone(t, func(o *till.Options) {
		right := o.Now
		o.Now = func() time.Time { return right().Add(time.Duration(off.Load())) }
		o.ClockStatus = func() till.ClockStatus { return till.ClockStatus{Trusted: !untrusted.Load()} }
	})
	pays := func(code string, choice cloud.PayChoice) {
		t.Helper()
		id := s.ask().ID
		choice.Shopper = "Li"
		proof, problem := s.pay.PayPage(s.scene().Pay.URL, choice)
		if code != "" {
			wantProblem(t, problem, code)
			s.do(sale.VoidSale{Sale: id, Reason: "r"})
			return
		}
		if problem != nil || !s.scan(proof) || s.sale(id).State != sale.Closed {
			t.Errorf("%+v %+v", problem, s.sale(id))
		}
	}
	off.Store(int64(9 * time.Minute))
	pays("", cloud.PayChoice{})
	off.Store(int64(11 * time.Minute))
	pays("over", cloud.PayChoice{})
	off.Store(-int64(20 * 365 * 24 * time.Hour)) // a dead clock chip
	untrusted.Store(true)
	pays("confirm", cloud.PayChoice{})
	pays("", cloud.PayChoice{Confirmed: true})
}

func TestP11LatePayment(t *testing.T) {
	s := alone(t)
	pay := func() (string, string) { id := s.ask().ID; return id, s.scene().Pay.URL }
	// The shopper goes, the sale is paid in cash, then the phone is shown.
	cash, url := pay()
	s.do(sale.CancelPayment{Sale: cash})
	s.do(sale.Pay{Sale: cash, Method: "cash"})
	proof := s.phoneAt(url, cloud.PayChoice{})
	if !s.scan(proof) {
		t.Error("money is dropped")
	}
	got := s.sale(cash)
	if got.State != sale.Closed || !got.PaidButChanged || got.Paid != 8500 || !s.condition("paid_late") {
		t.Errorf("%+v", got)
	}
	if sc := s.scene(); sc.Title == "" || sc.Text == "" {
		t.Errorf("nobody is told: %+v", sc)
	}
	ev := s.events("payment.unknown")
	if len(ev) != 1 || !strings.Contains(string(ev[0].Data), proof) || !strings.Contains(string(ev[0].Data), `"paid_but_changed":true`) {
		t.Errorf("%d payment.unknown: %s", len(ev), ev)
	}
	if s.scan(proof) || len(s.sale(cash).Tenders) != 2 {
		t.Error("the late one counts twice")
	}
	// Void meanwhile: it is given back as soon as there is a link.
	void, url := pay()
	s.do(sale.VoidSale{Sale: void, Reason: "r"})
	if !s.scan(s.phoneAt(url, cloud.PayChoice{Confirmed: true})) {
		t.Error("money is dropped")
	}
	if got := s.sale(void); got.State != sale.Void || len(got.Refunds) != 1 || got.Refunds[0].State != sale.RefundPending {
		t.Errorf("%+v", got)
	}
	s.cloud.setDown(false)
	s.until("the void sale's money is given back", func() bool { return s.sale(void).Refunds[0].State == sale.RefundDone })
	s.do(sale.RefundSale{Sale: cash, Reason: "paid twice"})
	s.until("the excess is given back", func() bool { return s.sale(cash).Refunds[0].State == sale.RefundDone })
	if got := s.sale(cash); got.Paid != 4250 || got.PaidButChanged || s.condition("paid_late") {
		t.Errorf("%+v", got)
	}
	back := 0
	for _, p := range s.pay.Payments() {
		for _, r := range p.Refunds {
			back += int(r.Amount)
		}
	}
	if back != 8500 {
		t.Errorf("%d given back", back)
	}
	// At the cloud a request's time ends too.
	s.cloud.setDown(true)
	_, url = pay()
	s.pay.Expire(s.scene().Pay.PaymentID)
	_, problem := s.pay.PayPage(url, cloud.PayChoice{Shopper: "Li", Confirmed: true})
	wantProblem(t, problem, "over")
}

// P11: a code that ran out, was cancelled or put aside while the basket stayed
// as it was: the money is what is due, so the sale is paid.
func TestP11LateButDue(t *testing.T) {
	for name, end := range map[string]func(*shop, string){
		"cancelled":           func(s *shop, id string) { s.do(sale.CancelPayment{Sale: id}) },
		"parked":              func(s *shop, id string) { s.do(sale.Park{Sale: id}) },
		"asked again":         func(s *shop, id string) { s.do(sale.CancelPayment{Sale: id}); s.do(sale.Pay{Sale: id, Method: "qr"}) },
		"another sale is up":  func(s *shop, id string) { s.ask() },
		"restarted meanwhile": func(s *shop, id string) { s.do(sale.CancelPayment{Sale: id}); s.restart() },
	} {
		s := alone(t)
		id := s.ask().ID
		proof := s.phone(cloud.PayChoice{})
		end(s, id)
		if got := s.scan(proof); !got || s.sale(id).State != sale.Closed || s.sale(id).PaidButChanged {
			t.Errorf("%s: %v %+v", name, got, s.sale(id))
		}
	}
}

func TestP12PhoneDies(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	s.phone(cloud.PayChoice{}) // nobody ever shows it
	s.cloud.setDown(false)
	// The cloud pushes what was paid …
	body, err := json.Marshal(s.pay.Payments()[asked.Payment.ID].Result)
	if err == nil {
		err = s.till.PaymentResult(t.Context(), body)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := s.sale(asked.ID); got.State != sale.Closed || len(got.Tenders) != 1 {
		t.Errorf("%+v", got)
	}
	// … and the till asks.
	s.cloud.setDown(true)
	asked = s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.cloud.setDown(false)
	s.until("the till finds out by itself", func() bool { return s.sale(asked.ID).State == sale.Closed })
	if s.scan(proof) || len(s.sale(asked.ID).Tenders) != 1 { // charged again and shown
		t.Error("counts twice")
	}
	// A code that no phone has opened stays on the screen while the cloud knows
	// nothing of it.
	s.cloud.setDown(true)
	s.ask()
	s.cloud.setDown(false)
	asks := s.cloud.count("payment.query")
	s.until("the till asks", func() bool { return s.cloud.count("payment.query") > asks })
	if s.scene().Pay == nil {
		t.Error("the code went because the cloud does not know it yet")
	}
	if !s.scan(s.phone(cloud.PayChoice{})) {
		t.Error("a proof does not count once there is a link")
	}
}

func TestP13StolenTill(t *testing.T) {
	s := alone(t)
	s.pay.Block(1003, true)
	s.ask()
	_, problem := s.pay.PayPage(s.scene().Pay.URL, cloud.PayChoice{Shopper: "Li"})
	wantProblem(t, problem, "till_blocked")
	s.pay.Block(1003, false)
	s.phone(cloud.PayChoice{})
}

func TestP14Garbage(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	limit := new(big.Int).Lsh(big.NewInt(1), 808).String()
	for _, text := range []string{"92" + strings.Repeat("0", 244), "92" + strings.Repeat("9", 244), "92" + limit} {
		s.notBooked(text, "garbage in a proof's form", asked.ID)
	}
	for _, text := range []string{"92" + strings.Repeat("0", 243), "92" + strings.Repeat("0", 245), "92" + strings.Repeat("7", 2900)} {
		if s.scan(text) {
			t.Errorf("%d digits are taken", len(text))
		}
	}
	if got := s.sale(asked.ID); len(got.Items) != 2 || got.State != sale.Paying {
		t.Errorf("%+v", got)
	}
}
