package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// plainMarkup stands for the real parser: one line of text, and a drawer kick
// that must never get through.
func plainMarkup(o *till.Options) {
	o.Markup = func(src string) (printer.Doc, error) {
		if src == "bad" {
			return nil, fmt.Errorf("line 1: bad")
		}
		return printer.Doc{printer.Text{Line: src}, printer.OpenDrawer{}, printer.Cut{}}, nil
	}
}

func (r *rig) print(cmd any) (till.PrintAnswer, error) {
	r.t.Helper()
	var p till.PrintAnswer
	a, err := r.till.Do(context.Background(), till.Call{Origin: "api"}, cmd)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(a.Body, &p)
}

func TestPrintJobs(t *testing.T) {
	r := newRig(t, plainMarkup)
	p, err := r.print(till.PrintRequest{JobID: "j1", Markup: "hello"})
	if err != nil || p.Outcome != printer.Queued || p.Printer != "printer-1" {
		t.Fatal(p, err)
	}
	if p, err = r.print(till.PrintRequest{JobID: "j1", Markup: "hello"}); err != nil || p.JobID != "j1" {
		t.Error("the same job again:", p, err)
	}
	_, err = r.print(till.PrintRequest{JobID: "j1", Markup: "other"})
	wantCode(t, err, sale.CodeJobConflict)
	for code, bad := range map[string]till.PrintRequest{
		sale.CodeNoPrinter:   {JobID: "j2", Printer: "nobody", Markup: "x"},
		sale.CodeUnknownSale: {JobID: "j3", Receipt: "nobody"},
		sale.CodeInvalid:     {JobID: "j4", Markup: "bad"},
	} {
		_, err = r.print(bad)
		wantCode(t, err, code)
	}
	for _, bad := range []till.PrintRequest{{JobID: "auto-7", Markup: "x"}, {JobID: "a b", Markup: "x"}, {JobID: "j5"}, {JobID: "j6", Markup: "x", Escpos: []byte("y")}, {JobID: "S/receipt", Markup: "x"}} {
		_, err = r.print(bad)
		wantCode(t, err, sale.CodeInvalid)
	}
	_, err = r.print(till.ReprintJob{JobID: "j1"})
	wantCode(t, err, sale.CodeWrongState)

	// The printer wants paper: the job waits, then is printed.
	ctx := context.Background()
	j, err := r.till.Next(ctx, "printer-1")
	if err != nil || j.ID != "j1" || !j.Expires.After(r.o.Now()) {
		t.Fatal(j, err)
	}
	if err := r.till.Begin(ctx, "printer-1", "j1"); err != nil {
		t.Fatal(err)
	}
	if err := r.till.Begin(ctx, "printer-1", "j1"); err == nil {
		t.Error("begun twice")
	}
	if err := r.till.End(ctx, "j1", printer.Queued, printer.NoEvidence, "paper"); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if got, err := r.till.Job("j1"); err != nil || got.Outcome != printer.Queued || got.Reason != "paper" {
		t.Errorf("%+v, %v", got, err)
	}
	j = r.printJob(printer.Confirmed, printer.InOrder)
	for _, b := range j.Doc {
		if _, is := b.(printer.OpenDrawer); is {
			t.Error("markup opens the drawer")
		}
	}
	if err := r.till.End(ctx, "j1", printer.Confirmed, printer.InOrder, ""); err == nil {
		t.Error("ended twice")
	}

	for n := 1; n <= 2; n++ {
		p, err = r.print(till.ReprintJob{JobID: "j1"})
		if want := fmt.Sprintf("j1/copy-%d", n); err != nil || p.JobID != want || p.CopyOf != "j1" {
			t.Fatalf("copy %+v, %v, want %s", p, err, want)
		}
		if j = r.printJob(printer.Sent, printer.BytesTaken); docText(j.Doc) != "*** 重打 COPY ***\nhello\n*** 重打 COPY ***" {
			t.Errorf("copy says %q", docText(j.Doc))
		}
	}
	_, err = r.till.Job("nobody")
	wantCode(t, err, sale.CodeUnknownJob)
}

// A client that asks for a sale's receipt again, with the same id, gets the same
// job, whatever head office has put at the foot of receipts since.
func TestReceiptAskedForAgain(t *testing.T) {
	r := newRig(t)
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	ask := till.PrintRequest{JobID: "j1", Receipt: s.ID}
	first, err := r.print(ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.till.ReceiptSet(context.Background(), []byte(`{"qr":[],"footer":"明天见"}`)); err != nil {
		t.Fatal(err)
	}
	if again, err := r.print(ask); err != nil || again.JobID != "j1" || !again.Created.Equal(first.Created) {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	other := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	_, err = r.print(till.PrintRequest{JobID: "j1", Receipt: other.ID})
	wantCode(t, err, sale.CodeJobConflict)
}

// docText is the document as lines of text.
func docText(doc printer.Doc) string {
	var lines []string
	for _, b := range doc {
		switch b := b.(type) {
		case printer.Text:
			lines = append(lines, b.Line)
		case printer.Columns:
			var cells []string
			for _, c := range b.Cells {
				cells = append(cells, c.Text)
			}
			lines = append(lines, strings.Join(cells, " | "))
		case printer.QR:
			lines = append(lines, "QR "+b.Caption)
		case printer.Rule:
			lines = append(lines, "--")
		}
	}
	return strings.Join(lines, "\n")
}

func TestReceiptText(t *testing.T) {
	at := time.Date(2026, 3, 14, 4, 5, 6, 0, time.UTC)
	r := newRig(t, func(o *till.Options) { o.Now = func() time.Time { return at } })
	r.prices()
	r.cloud.on("payment.create", echo(`{"state":"paid","tenders":[{"method":"wallet","amount":$amount,"scheme":"wechat","reference":"wx1"}],"points":{"earned":12,"balance":1292},
		"stored_value":{"card_masked":"****8899","balance":20000},"member":{"id_masked":"138****1234","level":"金卡","consent":true},"coupons":[{"id":"c","title":"满50减5","expires":"2026-04-14"}],
		"offers":[{"id":"o","brand":"Hill","title":"咖啡八折","url":"https://o.example/1"}]}`))
	s := r.do(sale.OpenSale{Cashier: "E-1", Adviser: "A-2"})
	s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "6921168509256", Quantity: "2", Discount: 100}})
	s = r.do(sale.Pay{Sale: s.ID, Method: "cash", Amount: money(500), Given: money(2000)})
	s = r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	doc, err := r.till.ReceiptDoc(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := `购物小票
单号 | 03-20260314-0001
门店 | sh-001
收银机 | 03
时间 | 2026-03-14 12:05:06
收银员 | E-1
导购 | A-2
--
面包
  2 × 7.00 | 14.00
  原价 10.00
  优惠 | -1.00
--
共优惠 | 1.00
合计 | ¥13.00
现金 | ¥5.00
  收到 | ¥20.00
微信支付 | ¥8.00
  参考号 wx1
找零 | ¥15.00
--
储值卡余额 ****8899 | ¥200.00
会员 | 138****1234 金卡
本次积分 | +12
积分余额 | 1292
赠券 满50减5
  有效期至 2026-04-14
--
QR 扫码开具电子发票
QR 加入社群
--
Hill 咖啡八折
QR 
` + s.ID
	if got := docText(doc); got != want {
		t.Errorf("receipt:\n%s\nwant:\n%s", got, want)
	}
	a := r.do(sale.Reprint{Sale: s.ID})
	if a.ID != s.ID {
		t.Errorf("reprint answers %+v", a)
	}
	r.printJob(printer.Confirmed, printer.ProcessID)
	if j := r.printJob(printer.Confirmed, printer.ProcessID); j.ID != s.ID+"/receipt/copy-1" || !strings.HasPrefix(docText(j.Doc), till.CopyMark) || strings.Count(docText(j.Doc), till.CopyMark) != 2 {
		t.Errorf("copy %s:\n%s", j.ID, docText(j.Doc))
	}
	r.cloud.says("payment.refund", `{"state":"done"}`)
	s = r.do(sale.RefundSale{Sale: s.ID, Amount: money(100), Reason: "坏了"})
	r.until("refunded", func() bool { return r.sale(s.ID).Refunds[0].State == sale.RefundDone })
	if j := r.printJob(printer.Confirmed, printer.ProcessID); !strings.Contains(docText(j.Doc), "退款金额 | -¥1.00\n微信支付 | -¥1.00\n原因 | 坏了") {
		t.Errorf("refund receipt %s:\n%s", j.ID, docText(j.Doc))
	}
}

// After a restart the ledger knows whether a printer was left in the middle of
// its last job.
func TestTorn(t *testing.T) {
	r := newRig(t, plainMarkup)
	ctx := context.Background()
	torn := func(want bool, when string) {
		t.Helper()
		got, err := r.till.Torn("printer-1")
		if err != nil || got != want {
			t.Errorf("%s: torn %v, %v; want %v", when, got, err, want)
		}
	}
	torn(false, "before the first job")
	if _, err := r.print(till.PrintRequest{JobID: "j1", Markup: "a"}); err != nil {
		t.Fatal(err)
	}
	torn(false, "queued")
	if err := r.till.Begin(ctx, "printer-1", "j1"); err != nil {
		t.Fatal(err)
	}
	torn(true, "being sent")
	r.restart()
	torn(true, "stopped in the middle")
	r.restart()
	torn(true, "and stopped once more")
	if _, err := r.print(till.PrintRequest{JobID: "j2", Markup: "b"}); err != nil {
		t.Fatal(err)
	}
	torn(true, "the next one waits")
	if err := r.till.Begin(ctx, "printer-1", "j2"); err != nil {
		t.Fatal(err)
	}
	if err := r.till.End(ctx, "j2", printer.Failed, printer.NoEvidence, printer.Expired); err != nil {
		t.Fatal(err)
	}
	torn(true, "the next one has failed: nothing of it was sent")
	if _, err := r.print(till.PrintRequest{JobID: "j3", Markup: "c"}); err != nil {
		t.Fatal(err)
	}
	r.printJob(printer.Confirmed, printer.InOrder)
	torn(false, "the next one is on paper")
	if got, err := r.till.Torn("printer-2"); got || err != nil {
		t.Errorf("another printer: %v, %v", got, err)
	}
}
