package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// The largest sale there can be still fits one event.
func TestLargestSaleCloses(t *testing.T) {
	r := newRig(t)
	s := r.do(sale.OpenSale{})
	name := strings.Repeat("<", 500) // six bytes each in JSON
	for {
		got, err := r.try(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: name, UnitPrice: money(1)}})
		if err != nil {
			wantCode(t, err, sale.CodeTooManyLines)
			break
		}
		s = got
	}
	for len(s.Items) < sale.MaxLines {
		got, err := r.try(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: "x", UnitPrice: money(1)}})
		if err != nil {
			break
		}
		s = got
	}
	r.cloud.on("payment.create", func(json.RawMessage) (string, error) {
		return "", &till.CloudError{Code: "no", Message: strings.Repeat("<", 400)}
	})
	for range sale.MaxPayments {
		r.refused(sale.CodePaymentFailed, sale.Pay{Sale: s.ID, Method: "qr"})
	}
	long := strings.Repeat("<", 1000)
	offers := strings.Repeat(fmt.Sprintf(`{"id":"o","title":%q,"text":%q,"brand":%q,"url":%q},`, long, long, long, long), 20)
	coupons := strings.Repeat(fmt.Sprintf(`{"id":"c","title":%q},`, long), 30)
	r.cloud.on("payment.create", echo(fmt.Sprintf(`{"state":"paid","offers":[%s],"coupons":[%s]}`, offers[:len(offers)-1], coupons[:len(coupons)-1])))
	s = r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	if s.State != sale.Closed || len(r.events("sale.closed")) != 1 {
		t.Fatalf("%s", s.State)
	}
	r.refused(sale.CodeTooManyPayments, sale.Pay{Sale: func() string {
		s := r.open()
		r.cloud.on("payment.create", func(json.RawMessage) (string, error) { return "", &till.CloudError{Code: "no"} })
		for range sale.MaxPayments + 1 {
			r.refused(sale.CodePaymentFailed, sale.Pay{Sale: s.ID, Method: "qr"})
		}
		return s.ID
	}(), Method: "qr"})
}

// What follows a sale by itself: thanks, offers, reported once, then idle.
func TestAfterTheSale(t *testing.T) {
	clock := newClock()
	r := newRig(t, func(o *till.Options) { o.Now = clock.now })
	r.cloud.on("payment.create", echo(`{"state":"paid","offers":[{"id":"o1","title":"咖啡","url":"https://o.example/1"}]}`))
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	if k := r.scene().Kind; k != display.Paid {
		t.Errorf("scene %s", k)
	}
	look := func(after time.Duration) display.Scene {
		clock.add(after)
		r.do(sale.Park{Sale: r.do(sale.Recall{Sale: r.parked()}).ID}) // any commit has the scene worked out anew
		return r.scene()
	}
	if sc := look(7 * time.Second); sc.Kind != display.Offers || sc.Offers[0].ID != "o1" || sc.SaleID != s.ID {
		t.Errorf("scene %+v", sc)
	}
	r.until("the offers are reported", func() bool { return len(r.events("offer.shown")) == 1 })
	if sc := look(30 * time.Second); sc.Kind != display.Idle {
		t.Errorf("scene %+v", sc)
	}
	if n := len(r.events("offer.shown")); n != 1 {
		t.Errorf("offer.shown %d times", n)
	}
}

// parked is the id of a sale that is put aside; one is made when there is none.
func (r *rig) parked() string {
	r.t.Helper()
	list, _, err := r.till.Sales(till.Filter{State: sale.Parked})
	if err != nil {
		r.t.Fatal(err)
	}
	if len(list) == 0 {
		return r.do(sale.Park{Sale: r.do(sale.OpenSale{}).ID}).ID
	}
	return list[0].ID
}

func TestClockSetBackWhileStopped(t *testing.T) {
	clock := newClock()
	r := newRig(t, func(o *till.Options) { o.Now = clock.now })
	first := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	clock.add(-48 * time.Hour)
	r.restart()
	if ev := r.events("clock.jumped"); len(ev) != 1 || !strings.Contains(string(ev[0].Data), `"jump_ms":-1728`) {
		t.Errorf("clock.jumped: %v", ev)
	}
	if s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"}); s.Day != first.Day || s.Number != 2 {
		t.Errorf("number %d on %s after a clock set back, want 2 on %s", s.Number, s.Day, first.Day)
	}
}

func TestJobsOfAPrinterThatIsGone(t *testing.T) {
	r := newRig(t, plainMarkup, func(o *till.Options) { o.Printers = []string{"printer-1", "kitchen"} })
	if _, err := r.print(till.PrintRequest{JobID: "k1", Printer: "kitchen", Markup: "x"}); err != nil {
		t.Fatal(err)
	}
	r.o.Printers = []string{"printer-1"}
	r.restart()
	if j, err := r.till.Job("k1"); err != nil || j.Outcome != printer.Failed {
		t.Errorf("%+v, %v", j, err)
	}
}

// The answer with the pay code got lost, the query says pending: the code is
// asked for again instead of an empty square being shown.
func TestLostPayCode(t *testing.T) {
	r := newRig(t, impatient)
	s := r.open()
	r.refused(sale.CodePaymentUnknown, sale.Pay{Sale: s.ID, Method: "qr"})
	r.cloud.says("payment.query", `{"state":"pending"}`)
	r.until("the query says pending", func() bool { return r.sale(s.ID).Payment.State == sale.PayPending })
	if sc := r.scene(); sc.Kind != display.Processing || sc.Pay != nil {
		t.Errorf("scene %+v", sc)
	}
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	r.until("the code is there", func() bool { return r.scene().Pay != nil })
	if n := len(r.events("payment.unknown")); n != 1 {
		t.Errorf("payment.unknown %d times", n)
	}
}

// Calls with the same key at the same time are one call.
func TestSameKeyAtOnce(t *testing.T) {
	r := newRig(t)
	bodies := make(chan string, 8)
	for range 8 {
		go func() {
			a, err := r.till.Do(context.Background(), till.Call{Key: "once", Fingerprint: "f"}, sale.OpenSale{})
			if err != nil {
				t.Error(err)
			}
			bodies <- string(a.Body)
		}()
	}
	first := <-bodies
	for range 7 {
		if b := <-bodies; b != first {
			t.Errorf("%s and %s", b, first)
		}
	}
	if list, _, _ := r.till.Sales(till.Filter{}); len(list) != 1 {
		t.Errorf("%d sales", len(list))
	}
}

// Auth code while a pay code is up: the code goes, then the shopper is charged.
func TestCollectInsteadOfQR(t *testing.T) {
	r := newRig(t)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	r.cloud.says("payment.cancel", `{"state":"cancelled"}`)
	r.cloud.says("payment.collect", `{"state":"pending"}`)
	confirmed := make(chan struct{})
	r.cloud.on("payment.query", func(data json.RawMessage) (string, error) { <-confirmed; return `{"state":"paid"}`, nil })
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	if !r.scan("134567890123456789") {
		t.Fatal("refused")
	}
	r.until("the charge is pending", func() bool {
		p := r.sale(s.ID).Payment
		return p != nil && p.Method == "collect" && p.State == sale.PayPending
	})
	if sc := r.scene(); sc.Kind != display.Processing || sc.Pay != nil {
		t.Errorf("scene %+v", sc)
	}
	close(confirmed)
	r.until("the password was right", func() bool { return r.sale(s.ID).State == sale.Closed })
	if n := r.cloud.count("payment.collect"); n != 1 {
		t.Errorf("collected %d times", n)
	}
}

// A tender right behind a change waits for the cancelled payment's last word.
func TestCashBehindAChange(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.RequestTimeout = 10 * time.Second })
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	asked, answer := make(chan struct{}), make(chan struct{})
	r.cloud.on("payment.cancel", func(json.RawMessage) (string, error) {
		close(asked)
		<-answer
		return `{"state":"cancelled"}`, nil
	})
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	s = r.do(sale.RemoveItem{Sale: s.ID, Line: 2})
	done := make(chan error, 1)
	go func() {
		_, err := r.till.Do(context.Background(), till.Call{}, sale.Pay{Sale: s.ID, Method: "cash"})
		done <- err
	}()
	<-asked
	if st := r.sale(s.ID).State; st != sale.Open {
		t.Errorf("taken before the cloud has spoken: %s", st)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s = r.sale(s.ID); s.State != sale.Closed || s.Total != 1200 {
		t.Errorf("%+v", s)
	}
}

func TestCancelPaymentLetsGoOn(t *testing.T) {
	r := newRig(t, impatient)
	s := r.open()
	r.refused(sale.CodePaymentUnknown, sale.Pay{Sale: s.ID, Method: "qr"})
	r.cloud.setDown(true)
	r.refused(sale.CodePaymentPending, sale.Pay{Sale: s.ID, Method: "cash"})
	r.do(sale.CancelPayment{Sale: s.ID})
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash"})
	if s.State != sale.Closed {
		t.Fatalf("%+v", s)
	}
	old := s.Payment
	if old == nil && len(s.Payments) > 0 {
		old = &s.Payments[0]
	}
	r.restart()
	if err := r.till.PaymentResult(context.Background(), json.RawMessage(`{"payment_id":"`+old.ID+`","state":"paid","amount":4250}`)); err != nil {
		t.Fatal(err)
	}
	if s = r.sale(s.ID); !s.PaidButChanged || s.Paid != 8500 {
		t.Errorf("a payment that came after all: %+v", s)
	}
}

// TestScanReturnsSoon: the scanner's goroutine is never held up by the cloud.
func TestScanReturnsSoon(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.LookupTimeout = 5 * time.Minute })
	answer := make(chan struct{})
	r.cloud.on("price.lookup", func(json.RawMessage) (string, error) {
		<-answer
		return `{"items":[{"sku":"a","name":"A","unit_price":100}]}`, nil
	})
	scanned := make(chan struct{})
	go func() { r.scanSoon("4006381333931"); close(scanned) }()
	select {
	case <-scanned: // while the cloud still thinks
	case <-time.After(time.Minute):
		t.Error("the scan waits for the cloud")
	}
	close(answer)
	r.until("the article is in", func() bool { return r.scene().Kind == display.Basket })
}

// fakeClock is a clock that the test moves.
type fakeClock struct {
	at chan time.Time
}

func newClock() *fakeClock {
	c := &fakeClock{at: make(chan time.Time, 1)}
	c.at <- time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC)
	return c
}

func (c *fakeClock) now() time.Time { at := <-c.at; c.at <- at; return at }

func (c *fakeClock) add(d time.Duration) { c.at <- (<-c.at).Add(d) }

// Without a link each kind of code is refused with what the cashier can do, and
// the sale goes on.
func TestCodesWithoutLink(t *testing.T) {
	r := newRig(t)
	r.cloud.setDown(true)
	s := r.open()
	seen := map[string]bool{}
	for _, code := range []string{"M:12345678", "C:SAVE300", "P:PICK01", "B:HAND01"} {
		_, err := r.try(sale.AddItem{Sale: s.ID, Add: sale.Add{Code: code}})
		wantCode(t, err, sale.CodeLinkDown)
		if seen[err.Error()] {
			t.Errorf("%s: %v says nothing about its kind", code, err)
		}
		seen[err.Error()] = true
	}
	if got := r.do(sale.Pay{Sale: s.ID, Method: "cash"}); got.State != sale.Closed || got.Member != nil || len(got.Coupons) != 0 {
		t.Errorf("%+v", got)
	}
}
