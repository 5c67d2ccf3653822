package till_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// killed is the till as it comes up after a kill at this moment: a copy of what
// is on the disk, none of the memory, with a cloud of its own.
func (r *rig) killed() *rig {
	r.t.Helper()
	k := &rig{t: r.t, dir: filepath.Join(r.t.TempDir(), "data"), o: r.o, log: r.log, kicks: make(chan struct{}, 100)}
	if err := os.CopyFS(k.dir, os.DirFS(r.dir)); err != nil {
		r.t.Fatal(err)
	}
	k.cloud = &fakeCloud{answer: map[string]func(json.RawMessage) (string, error){}}
	k.o.Cloud, k.o.RequestTimeout = k.cloud, 200*time.Millisecond
	k.o.KickDrawer = func(context.Context) error { k.kicks <- struct{}{}; return nil }
	k.start()
	r.t.Cleanup(func() { k.halt() })
	return k
}

// survives kills the till and checks what must be true whatever was going on:
// every sale is there as it was, the drawer stays shut, no code is shown.
func (r *rig) survives() *rig {
	r.t.Helper()
	k := r.killed()
	was, _, err := r.till.Sales(till.Filter{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range was {
		got := k.sale(s.ID)
		if got.State != s.State || got.Total != s.Total || got.Paid != s.Paid || got.Number != s.Number || len(got.Tenders) != len(s.Tenders) || len(got.Items) != len(s.Items) {
			r.t.Errorf("sale was %+v\n  now %+v", s, got)
		}
	}
	if sc := k.scene(); sc.Pay != nil {
		r.t.Errorf("a pay code is shown after the restart: %+v", sc.Pay)
	}
	for _, s := range was {
		if p := k.sale(s.ID).Payment; p != nil && p.URL != "" {
			r.t.Errorf("a POS application is given the pay code after the restart: %+v", p)
		}
	}
	select {
	case <-k.kicks:
		r.t.Error("the drawer opens after a restart")
	default:
	}
	return k
}

func settled(s sale.Sale) bool { return len(s.Unsettled()) == 0 }

func TestKilledAtEachStep(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.RequestTimeout = 20 * time.Second })
	s := r.open()
	if sc := r.survives().scene(); sc.Kind != display.Basket || len(sc.Lines) != 2 {
		t.Errorf("scene after a kill with an open sale: %+v", sc)
	}
	r.do(sale.Pay{Sale: s.ID, Method: "cash", Amount: money(250)})
	r.survives()

	// The question is on its way.
	answered := make(chan struct{})
	r.cloud.on("payment.create", func(data json.RawMessage) (string, error) {
		<-answered
		return echo(`{"state":"pending","url":"https://pay.example/$id"}`)(data)
	})
	call := till.Call{Key: "pay-1", Fingerprint: "f"}
	paid := make(chan till.Answer, 1)
	go func() {
		a, err := r.till.Do(context.Background(), call, sale.Pay{Sale: s.ID, Method: "qr"})
		if err != nil {
			t.Error(err)
		}
		paid <- a
	}()
	r.until("create is asked", func() bool { return r.cloud.count("payment.create") == 1 })
	k := r.survives()
	if sc := k.scene(); sc.Kind != display.Processing {
		t.Errorf("scene after a kill while asking: %+v", sc)
	}
	k.cloud.on("payment.query", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	k.until("the code is there once the query has said pending", func() bool { return k.scene().Pay != nil })
	if a, err := k.till.Do(context.Background(), call, sale.Pay{Sale: s.ID, Method: "qr"}); err != nil || k.cloud.count("payment.create") != 0 {
		t.Errorf("repeated with its key after the kill: %s, %v, asked %v", a.Body, err, k.cloud.asked)
	}

	close(answered)
	<-paid
	k = r.survives()
	k.cloud.on("payment.query", echo(`{"state":"paid"}`))
	k.until("paid while the till was dead", func() bool { return k.sale(s.ID).State == sale.Closed })

	// The basket changes under the code.
	cancelled := make(chan struct{})
	r.cloud.on("payment.cancel", func(json.RawMessage) (string, error) { <-cancelled; return `{"state":"cancelled"}`, nil })
	s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "egg", Name: "鸡蛋", UnitPrice: money(750)}})
	k = r.survives()
	k.until("the withdrawn payment is cancelled", func() bool { return k.cloud.count("payment.cancel") > 0 })
	if k.cloud.count("payment.query") > 0 {
		t.Error("a withdrawn payment is asked about instead of cancelled")
	}
	close(cancelled)
	r.until("cancelled", func() bool { return settled(r.sale(s.ID)) })

	// Closed, its receipt waiting, then half printed.
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash"})
	k = r.survives()
	if sc := k.scene(); sc.Kind != display.Paid {
		t.Errorf("scene after a kill behind the closing: %+v", sc)
	}
	if j := k.printJob(printer.Confirmed, printer.ProcessID); j.ID != s.ID+"/receipt" {
		t.Errorf("job %q", j.ID)
	}
	j, err := r.till.Next(context.Background(), "printer-1")
	if err == nil {
		err = r.till.Begin(context.Background(), "printer-1", j.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	k = r.survives()
	if a, err := k.till.Job(j.ID); err != nil || a.Outcome != printer.Uncertain {
		t.Errorf("a job that was being sent is %+v, %v", a, err)
	}
	if ev := k.events("receipt.outcome"); len(ev) != 1 {
		t.Errorf("%d outcomes reported", len(ev))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	if j, err := k.till.Next(ctx, "printer-1"); err == nil {
		t.Errorf("%s would be printed again", j.ID)
	}
	cancel()
	if s := k.sale(s.ID); s.Receipt.Outcome != "unknown" {
		t.Errorf("the sale's receipt is %s", s.Receipt.Outcome)
	}
	if err := r.till.End(context.Background(), j.ID, printer.Confirmed, printer.InOrder, ""); err != nil {
		t.Fatal(err)
	}

	// Numbers go on without a hole.
	k = r.survives()
	n := k.do(sale.Pay{Sale: k.open().ID, Method: "cash"})
	if n.Number != s.Number+1 || n.Day != s.Day {
		t.Errorf("number %d after %d", n.Number, s.Number)
	}
}

// Money that is to be given back is asked for until it is answered, under the
// same refund id.
func TestKilledWhileRefunding(t *testing.T) {
	r := newRig(t)
	r.cloud.on("payment.create", echo(`{"state":"paid","tenders":[{"method":"wallet","amount":4250}]}`))
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	impatient(&r.o)
	r.restart()
	if s.State != sale.Closed {
		t.Fatalf("%+v", s)
	}
	s = r.do(sale.RefundSale{Sale: s.ID, Reason: "r"})
	k := r.killed()
	k.cloud.says("payment.refund", `{"state":"done"}`)
	k.until("given back", func() bool { return k.sale(s.ID).State == sale.Refunded })
	r.cloud.mu.Lock()
	first := r.cloud.asked[len(r.cloud.asked)-1]
	r.cloud.mu.Unlock()
	if k.cloud.asked[0] != first {
		t.Errorf("asked %q, then %q", first, k.cloud.asked[0])
	}
	if ev := k.events("sale.refunded"); len(ev) != 1 {
		t.Errorf("sale.refunded %d times", len(ev))
	}
}

func TestExpiry(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.QRTTL = 150 * time.Millisecond }, impatient)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s, err := r.try(sale.Pay{Sale: r.open().ID, Method: "qr"})
	if err != nil {
		wantCode(t, err, sale.CodePaymentUnknown) // slow machine
	}
	s = r.current()
	r.until("the code goes when its time is over", func() bool { return r.scene().Pay == nil })
	r.until("it is cancelled", func() bool { return r.cloud.count("payment.cancel") > 0 })
	if s = r.sale(s.ID); s.State != sale.Open || s.Payment.State != sale.PayExpired || s.Payment.URL != "" {
		t.Errorf("%+v", s.Payment)
	}
	r.cloud.says("payment.cancel", `{"state":"expired"}`)
	r.until("settled", func() bool { return settled(r.sale(s.ID)) })
	if s = r.do(sale.Pay{Sale: s.ID, Method: "cash"}); s.State != sale.Closed {
		t.Errorf("%+v", s)
	}
}

// A machine whose clock is set back shows a pay code no longer than it was made
// for, with or without a cloud that says so.
func TestExpiryWhenTheClockIsSetBack(t *testing.T) {
	var back atomic.Int64
	r := newRig(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(-time.Duration(back.Load())) }
		o.QRTTL = 4 * time.Second
	})
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.open()
	back.Store(int64(10 * time.Minute)) // also before, once
	if _, err := r.try(sale.Pay{Sale: s.ID, Method: "qr"}); err != nil {
		t.Fatal(err)
	}
	r.until("the code is shown", func() bool { return r.scene().Pay != nil })
	back.Store(int64(time.Hour))
	r.cloud.setDown(true)
	r.until("the code goes when its time is over", func() bool { return r.scene().Pay == nil })
	if p := r.sale(s.ID).Payment; p == nil || p.State != sale.PayExpired && p.State != sale.PayPending || !p.Withdrawn {
		t.Errorf("%+v", p)
	}
}

// The time left on the glass follows a clock that is set back, and forth again, and
// otherwise stays what it is.
func TestTimeLeftWhenTheClockIsSetBack(t *testing.T) {
	var back atomic.Int64
	r := newRig(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(-time.Duration(back.Load())) }
	})
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	at := s.Payment.ExpiresAt
	near := func(by time.Duration) func() bool {
		return func() bool {
			p := r.scene().Pay
			return p != nil && p.ExpiresAt.Sub(at.Add(by)).Abs() <= 2*time.Second
		}
	}
	back.Store(int64(time.Hour))
	r.until("the time left is right", near(-time.Hour))
	shown := r.scene().Pay.ExpiresAt
	r.cloud.setDown(true)
	r.scan("3999999999999") // a message beside the code
	r.until("the scene is another", func() bool { return r.scene().Text != "" })
	if p := r.scene().Pay; p == nil || !p.ExpiresAt.Equal(shown) {
		t.Errorf("%+v, want the end at %v still", p, shown)
	}
	back.Store(0)
	r.until("and again", near(0))
	if p := r.scene().Pay; p.ExpiresAt.After(at) {
		t.Errorf("the code ends at %v, it was made for %v", p.ExpiresAt, at)
	}
}

// A pay code that no phone could read is withdrawn, not shown.
func TestUnreadablePayCode(t *testing.T) {
	for _, answer := range []string{
		`{"state":"pending","url":"https://pay.example/\u0007"}`,
		`{"state":"pending","picture_png_base64":"bm8gcGljdHVyZQ=="}`,
		`{"state":"pending","picture_png_base64":"!!"}`,
	} {
		r := newRig(t)
		r.cloud.says("payment.create", answer)
		s := r.open()
		r.refused(sale.CodePaymentFailed, sale.Pay{Sale: s.ID, Method: "qr"})
		if r.scene().Pay != nil {
			t.Errorf("%s is shown", answer)
		}
		r.until("it is cancelled", func() bool { return r.cloud.count("payment.cancel") > 0 })
	}
}

func TestQueueFull(t *testing.T) {
	r := newRig(t)
	s := r.open()
	r.halt()
	r.max = 1
	r.start()
	r.refused(sale.CodeQueueFull, sale.OpenSale{})
	if s := r.do(sale.Pay{Sale: s.ID, Method: "cash"}); s.State != sale.Closed {
		t.Errorf("the open sale cannot be finished: %+v", s)
	}
	r.refused(sale.CodeQueueFull, sale.OpenSale{})
	if sc := r.scene(); sc.Kind != display.Message {
		t.Errorf("scene %+v", sc)
	}
	if list := r.health.List("en"); len(list) == 0 || list[0].Code != "queue_full" {
		t.Errorf("conditions %+v", list)
	}
	if ok, reasons := r.till.Ready(); ok || len(reasons) == 0 {
		t.Errorf("ready %v %v", ok, reasons)
	}
}
