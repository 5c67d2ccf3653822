package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

func TestCashSale(t *testing.T) {
	r := newRig(t)
	s := r.open()
	if s.State != sale.Open || s.Total != 4250 || s.Number != 0 {
		t.Fatalf("opened as %+v", s)
	}
	if sc := r.scene(); sc.Kind != display.Basket || len(sc.Lines) != 2 || !sc.Lines[1].Highlight || *sc.Total != 4250 {
		t.Errorf("scene %+v, want the basket with its last line highlighted", sc)
	}
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash", Given: money(5000)})
	if s.State != sale.Closed || s.Number != 1 || s.Change != 750 || s.Paid != 4250 {
		t.Fatalf("paid as %+v", s)
	}
	select {
	case <-r.kicks:
	case <-time.After(60 * time.Second):
		t.Error("the drawer did not open for a cash tender")
	}
	if sc := r.scene(); sc.Kind != display.Paid || sc.Paid.Change != 750 || sc.Number != 1 || len(sc.QR) != 1 {
		t.Errorf("scene %+v, want thanks with the change", sc)
	}
	closed := r.events("sale.closed")
	var told sale.Sale
	if len(closed) != 1 || json.Unmarshal(closed[0].Data, &told) != nil || told.Total != 4250 || len(told.Items) != 2 || told.Number != 1 {
		t.Errorf("events %v, want one sale.closed with the whole sale", closed)
	}
	job := r.printJob(printer.Confirmed, printer.ProcessID)
	if job.ID != s.ID+"/receipt" {
		t.Errorf("job %q", job.ID)
	}
	codes := 0
	for _, b := range job.Doc {
		if _, is := b.(printer.QR); is {
			codes++
		}
		if _, is := b.(printer.OpenDrawer); is {
			t.Error("the receipt opens the drawer")
		}
	}
	if codes != 2 {
		t.Errorf("%d codes on the receipt, want the invoice and the community", codes)
	}
	if got := r.sale(s.ID).Receipt.Outcome; got != "confirmed" {
		t.Errorf("the sale's receipt is %q", got)
	}
	if len(r.events("receipt.outcome")) != 1 {
		t.Error("no receipt.outcome event")
	}
	r.refused(sale.CodeWrongState, sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: "x", UnitPrice: money(1)}})
}

func TestQRSale(t *testing.T) {
	r := newRig(t)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.open()
	s = r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	p := s.Payment
	if s.State != sale.Paying || p == nil || p.State != sale.PayPending || p.URL != "https://pay.example/"+p.ID || p.Amount != 4250 {
		t.Fatalf("paying as %+v", p)
	}
	sc := r.scene()
	if sc.Kind != display.Paying || sc.Pay == nil || sc.Pay.URL != p.URL || sc.Pay.Amount != 4250 || !sc.Pay.ExpiresAt.Equal(p.ExpiresAt) {
		t.Fatalf("scene %+v, want the pay code", sc)
	}
	result := func(amount int64, tenders string) error {
		return r.till.PaymentResult(context.Background(), json.RawMessage(fmt.Sprintf(
			`{"payment_id":%q,"state":"paid","amount":%d,"tenders":[%s],"points":{"earned":42},"member":{"id_masked":"13800001234","joined":true,"consent":true},
			"offers":[{"id":"o1","title":"咖啡八折","url":"https://o.example/1"}],"coupons":[{"id":"c1","title":"满50减5"}]}`, p.ID, amount, tenders)))
	}
	wantCode(t, result(4249, ""), sale.CodeInvalid)
	wantCode(t, result(4250, `{"method":"wallet","amount":4000}`), sale.CodeInvalid)
	wantCode(t, result(4250, `{"method":"cash","amount":4250}`), sale.CodeInvalid)
	if err := result(4000, `{"method":"wallet","amount":4000,"scheme":"wechat"},{"method":"stored_value","amount":250,"balance":9750}`); err != nil {
		t.Fatal(err)
	}
	if err := result(4250, ""); err != nil {
		t.Errorf("a repeated result: %v", err)
	}
	s = r.sale(s.ID)
	if s.State != sale.Closed || s.Number != 1 || len(s.Tenders) != 2 || s.Payment.URL != "" {
		t.Fatalf("closed as %+v", s)
	}
	if s.Member.IDMasked != "****1234" {
		t.Errorf("member %q is stored in clear", s.Member.IDMasked)
	}
	if sc := r.scene(); sc.Kind != display.Paid || sc.Pay != nil || sc.Paid.Points.Earned != 42 || len(sc.Offers) != 1 {
		t.Errorf("scene %+v, want thanks without a pay code", sc)
	}
	wantCode(t, r.till.PaymentResult(context.Background(), json.RawMessage(`{"payment_id":"nobody","state":"paid","amount":1}`)), sale.CodeNotFound)
	wantCode(t, r.till.PaymentResult(context.Background(), json.RawMessage(`{"payment_id":"`+p.ID+`","state":"paid","amount":4250,"extra":1}`)), sale.CodeInvalid)
}

func TestPayWithoutLink(t *testing.T) {
	r := newRig(t)
	s := r.open()
	r.cloud.setDown(true)
	r.refused(sale.CodeLinkDown, sale.Pay{Sale: s.ID, Method: "qr"})
	if s := r.sale(s.ID); s.State != sale.Open || s.Payment != nil {
		t.Errorf("after a refusal %+v", s)
	}
	if s := r.do(sale.Pay{Sale: s.ID, Method: "cash"}); s.State != sale.Closed {
		t.Errorf("cash without link: %s", s.State)
	}
}

// The cloud does not answer: 504, then the till goes on asking until it knows.
func TestSilentCloud(t *testing.T) {
	r := newRig(t, impatient)
	s := r.open()
	r.refused(sale.CodePaymentUnknown, sale.Pay{Sale: s.ID, Method: "qr"})
	if got := r.sale(s.ID).Payment.State; got != sale.PayUnknown {
		t.Fatalf("payment %s, want unknown", got)
	}
	if len(r.events("payment.unknown")) != 1 {
		t.Error("no payment.unknown event")
	}
	if sc := r.scene(); sc.Kind != display.Processing || sc.Pay != nil {
		t.Errorf("scene %+v, want processing", sc)
	}
	r.refused(sale.CodePaymentPending, sale.Pay{Sale: s.ID, Method: "cash"})
	r.cloud.on("payment.query", echo(`{"state":"paid","payment_id":"$id"}`))
	r.until("the query finds it paid", func() bool { return r.sale(s.ID).State == sale.Closed })
}

// A change of the basket withdraws the code in the same commit, the cloud's
// word about the payment is still heard.
func TestPaidButChanged(t *testing.T) {
	r := newRig(t)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.open()
	s = r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	old := s.Payment.ID
	s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "egg", Name: "鸡蛋", UnitPrice: money(500)}})
	if s.State != sale.Open || s.Payment != nil || len(s.Payments) != 1 || s.Payments[0].URL != "" {
		t.Fatalf("changed as %+v", s)
	}
	if sc := r.scene(); sc.Pay != nil || sc.Kind != display.Basket {
		t.Fatalf("scene %+v still has the code", sc)
	}
	r.until("payment.cancel is sent", func() bool { return r.cloud.count("payment.cancel") > 0 })
	if err := r.till.PaymentResult(context.Background(), json.RawMessage(`{"payment_id":"`+old+`","state":"paid","amount":4250}`)); err != nil {
		t.Fatal(err)
	}
	s = r.sale(s.ID)
	if !s.PaidButChanged || s.Paid != 4250 || s.Total != 4750 || s.State != sale.Open {
		t.Fatalf("paid but changed as %+v", s)
	}
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash"})
	if s.State != sale.Closed || s.PaidButChanged || s.Paid != 4750 {
		t.Fatalf("finished as %+v", s)
	}
}

func TestRefunds(t *testing.T) {
	r := newRig(t, impatient)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.open()
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash", Amount: money(1000), Given: money(1000)})
	if _, err := r.try(sale.Pay{Sale: s.ID, Method: "qr"}); err != nil {
		wantCode(t, err, sale.CodePaymentUnknown) // slow machine
	}
	s = r.sale(s.ID)
	if err := r.till.PaymentResult(context.Background(), json.RawMessage(`{"payment_id":"`+s.Payment.ID+`","state":"paid","amount":3250}`)); err != nil {
		t.Fatal(err)
	}
	<-r.kicks
	s = r.do(sale.RefundSale{Sale: s.ID, Lines: []int{2}, Reason: "坏了"})
	if len(s.Refunds) != 1 || s.Refunds[0].State != sale.RefundPending || s.Refunds[0].Number != 0 {
		t.Fatalf("without an answer the refund is %+v", s.Refunds)
	}
	if len(r.events("sale.refunded")) != 0 {
		t.Error("reported before the money is back")
	}
	r.cloud.says("payment.refund", `{"state":"done"}`)
	r.until("the refund is answered", func() bool { return r.sale(s.ID).Refunds[0].State == sale.RefundDone })
	s = r.sale(s.ID)
	if f := s.Refunds[0]; f.Amount != 3050 || f.Number != 2 || s.State != sale.Closed {
		t.Fatalf("refunded %+v of %s", f, s.State)
	}
	r.do(sale.RefundSale{Sale: s.ID, Reason: "全退"})
	r.until("all is given back", func() bool { return r.sale(s.ID).Refunds[1].State == sale.RefundDone })
	s = r.sale(s.ID)
	if s.State != sale.Refunded || s.Refunds[1].Number != 3 || s.Refunds[1].Amount != 1200 {
		t.Fatalf("all refunded as %s %+v", s.State, s.Refunds)
	}
	select {
	case <-r.kicks:
	case <-time.After(60 * time.Second):
		t.Error("the drawer stays shut for cash that is given back")
	}
	r.refused(sale.CodeRefundTooMuch, sale.RefundSale{Sale: s.ID, Reason: "再退"})
	z, err := r.till.ZReport("")
	if err != nil || z.Sales != 1 || z.Refunds != 2 || z.Net != 0 || z.Refunded != 4250 || z.Tenders["cash"] != 0 || z.Tenders["wallet"] != 0 || z.LastNumber != 3 {
		t.Errorf("Z report %+v, %v", z, err)
	}
}

func TestVoidGivesBack(t *testing.T) {
	r := newRig(t)
	s := r.open()
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash", Amount: money(1000)})
	s = r.do(sale.VoidSale{Sale: s.ID, Reason: "顾客不要了"})
	if s.State != sale.Void || s.Paid != 0 || s.Number != 0 {
		t.Fatalf("void as %+v", s)
	}
	list := r.events("sale.voided")
	var d sale.VoidData
	if len(list) != 1 || json.Unmarshal(list[0].Data, &d) != nil || len(d.GivenBack) != 1 || d.GivenBack[0].Amount != 1000 || d.GivenBack[0].Method != "cash" {
		t.Fatalf("sale.voided %s", list)
	}
	if _, err := r.till.Current(); err == nil {
		t.Error("a void sale is still current")
	}
}

func TestIdempotency(t *testing.T) {
	r := newRig(t)
	call := till.Call{Key: "k1", Origin: "api", Fingerprint: "f1"}
	cmd := sale.OpenSale{ExternalID: "pos-77", Items: []sale.Add{{SKU: "a", Name: "A", UnitPrice: money(100)}}}
	first, err := r.till.Do(context.Background(), call, cmd)
	if err != nil || !first.Created {
		t.Fatal(err, first)
	}
	again := func(c till.Call, cmd any, want till.Answer) {
		t.Helper()
		a, err := r.till.Do(context.Background(), c, cmd)
		if err != nil || string(a.Body) != string(want.Body) || a.Created != want.Created {
			t.Errorf("repeated: %s, %v, want %s", a.Body, err, want.Body)
		}
	}
	again(call, cmd, first)
	again(till.Call{Key: "k2", Fingerprint: "f1"}, cmd, first) // by external id
	_, err = r.till.Do(context.Background(), till.Call{Key: "k1", Fingerprint: "f2"}, cmd)
	wantCode(t, err, sale.CodeKeyReused)
	bad := till.Call{Key: "k3", Fingerprint: "f3"}
	_, err = r.till.Do(context.Background(), bad, sale.Park{Sale: "nobody"})
	wantCode(t, err, sale.CodeUnknownSale)
	r.restart()
	again(call, cmd, first)
	again(till.Call{}, cmd, first)
	_, err = r.till.Do(context.Background(), bad, sale.Park{Sale: "nobody"})
	wantCode(t, err, sale.CodeUnknownSale)
	list, _, err := r.till.Sales(till.Filter{})
	if err != nil || len(list) != 1 {
		t.Errorf("%d sales, %v, want one", len(list), err)
	}
}
