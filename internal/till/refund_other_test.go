package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

const otherID = "01KKN80GGGJJ1NP4RWPBAXBAHZ"

// otherTill plays the cloud with one sale of another till: tea 12.00 and rice
// 30.50, 20.00 by wallet and the rest in cash.
type otherTill struct {
	mu   sync.Mutex
	back map[string]int64
	ids  []string // refund ids asked for, in order
}

func (o *otherTill) left() (n int64) {
	n = 4250
	for _, a := range o.back {
		n -= a
	}
	return n
}

func (o *otherTill) serve(c *fakeCloud) {
	c.on("sale.lookup", func(data json.RawMessage) (string, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		var q struct{ Code string }
		if err := json.Unmarshal(data, &q); err != nil {
			return "", err
		}
		if q.Code != otherID && q.Code != "05-20260313-0042" {
			return "", &till.CloudError{Code: "not_found", Message: "never sold"}
		}
		tea := 1200
		if o.left() < 4250 {
			tea = 0
		}
		return fmt.Sprintf(`{"sale":{"id":%q,"till":"acme/sh-001/05","day":"2026-03-13","number":42,"state":"closed","currency":"CNY","total":4250,"refundable":%d,
			"items":[{"line":1,"sku":"tea","name":"乌龙茶","quantity":"1","unit_price":1200,"total":1200,"refundable":%d},{"line":2,"sku":"rice","name":"大米","quantity":"1","unit_price":3050,"total":3050,"refundable":3050}],
			"tenders":[{"method":"wallet","amount":2000,"scheme":"wechat"},{"method":"cash","amount":2250}],"closed_at":"2026-03-13T18:00:00+08:00","cashier":"E-9"}}`, otherID, o.left(), tea), nil
	})
	c.on("sale.refund", o.refund)
}

func (o *otherTill) refund(data json.RawMessage) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var q struct {
		Sale, RefundID string
		Refund         string `json:"refund_id"`
		Amount         int64
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return "", err
	}
	o.ids = append(o.ids, q.Refund)
	if _, known := o.back[q.Refund]; !known {
		if q.Amount > o.left() {
			return "", &till.CloudError{Code: "refund_too_much", Message: "nothing is left"}
		}
		if o.back == nil {
			o.back = map[string]int64{}
		}
		o.back[q.Refund] = q.Amount
	}
	return fmt.Sprintf(`{"state":"done","tenders":[{"method":"wallet","amount":200,"scheme":"wechat"},{"method":"cash","amount":%d}]}`, q.Amount-200), nil
}

// Goods of another till come back here: once, as a numbered refund of this till
// that names the sale, with the cash out of this drawer.
func TestRefundOfAnotherTill(t *testing.T) {
	r := newRig(t)
	var other otherTill
	other.serve(r.cloud)
	r.do(till.OpenShift{Float: 10000})
	number := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"}).Number
	<-r.kicks

	for _, code := range []string{"05-20260313-0042", otherID, "R:" + otherID, " r-" + strings.ToLower(otherID)} {
		found, err := r.till.LookupSale(t.Context(), code)
		if err != nil || found.ID != otherID || found.Local || found.Refundable != 4250 || found.Till != "acme/sh-001/05" {
			t.Fatalf("%s: %+v, %v", code, found, err)
		}
	}
	cmd := till.RefundOther{Code: "05-20260313-0042", Lines: []int{1}, Reason: "torn", Cashier: "E-3"}
	call := till.Call{Key: "k", Fingerprint: "f", Origin: "cashier"}
	first, err := r.till.Do(t.Context(), call, cmd)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.till.Do(t.Context(), call, cmd)
	if err != nil || string(again.Body) != string(first.Body) {
		t.Errorf("the same key: %s, %v", again.Body, err)
	}
	var s sale.Sale
	if err := json.Unmarshal(first.Body, &s); err != nil {
		t.Fatal(err)
	}
	if s.State != sale.Refunded || s.RefundOf != otherID || s.Number != 0 || len(s.Refunds) != 1 || s.Refunds[0].State != sale.RefundDone || s.Refunds[0].Amount != 1200 || s.Refunds[0].Number != number+1 {
		t.Errorf("%+v", s)
	}
	<-r.kicks // the cash part opens the drawer
	for _, id := range []string{s.ID, s.Refunds[0].ID} {
		if doc, err := r.till.ReceiptDoc(id); err != nil || !strings.Contains(docText(doc), "torn") {
			t.Errorf("the picture of its receipt, %v:\n%s", err, docText(doc))
		}
	}
	list := r.events("sale.refunded")
	if len(list) != 1 || list[0].Subject != otherID {
		t.Fatalf("%d events: %+v", len(list), list)
	}
	for _, part := range []string{`"sale":"` + otherID, `"refund_of":"` + otherID, `"refund_from":{"till":"acme/sh-001/05","day":"2026-03-13","number":42}`, `"sale_number":42`, `"lines":[1]`, `"amount":1200`, `"reason":"torn"`, `"cashier":"E-3"`, `"乌龙茶"`} {
		if !strings.Contains(string(list[0].Data), part) {
			t.Errorf("the event lacks %s: %s", part, list[0].Data)
		}
	}
	r.refused(sale.CodeRefundTooMuch, till.RefundOther{Code: otherID, Lines: []int{1}, Reason: "again"})
	r.refused(sale.CodeUnknownLine, till.RefundOther{Code: otherID, Lines: []int{7}, Reason: "r"})
	r.refused(sale.CodeInvalid, till.RefundOther{Code: otherID, Lines: []int{}, Reason: "r"})
	r.refused(sale.CodeRefundTooMuch, till.RefundOther{Code: otherID, Amount: money(3051), Reason: "r"})
	r.refused(sale.CodeInvalid, till.RefundOther{Code: otherID, Amount: money(1)})
	r.refused(sale.CodeUnknownSale, till.RefundOther{Code: "05-20260313-0043", Reason: "r"})
	rest := r.do(till.RefundOther{Code: otherID, Reason: "the rest"})
	if rest.Refunds[0].Amount != 3050 {
		t.Errorf("the rest: %+v", rest.Refunds)
	}
	r.refused(sale.CodeRefundTooMuch, till.RefundOther{Code: otherID, Reason: "more"})
	r.cloud.setDown(true)
	r.refused(sale.CodeLinkDown, till.RefundOther{Code: otherID, Reason: "r"})
	z, err := r.till.ZReport("")
	if err != nil || z.Sales != 1 || z.Refunds != 2 || z.Refunded != 4250 || z.Tenders["cash"] != 4250-3850 || z.Tenders["wallet"] != -400 || z.LastNumber != number+2 {
		t.Errorf("Z report %+v, %v", z, err)
	}
	a, err := r.till.Do(t.Context(), till.Call{}, till.CloseShift{Counted: 0})
	if err != nil || !strings.Contains(string(a.Body), `"expected":10400`) {
		t.Errorf("shift: %s, %v", a.Body, err)
	}
}

// The cloud says no after the lookup said yes: another till was faster.
func TestRefundOfAnotherTillLost(t *testing.T) {
	r := newRig(t)
	var other otherTill
	other.serve(r.cloud)
	r.cloud.on("sale.refund", func(json.RawMessage) (string, error) {
		return "", &till.CloudError{Code: "refund_too_much", Message: "refunded a moment ago"}
	})
	r.refused(sale.CodeRefundTooMuch, till.RefundOther{Code: otherID, Reason: "r"})
	if n := len(r.events("sale.refunded")); n != 0 {
		t.Errorf("%d refunds are reported", n)
	}
	if z, err := r.till.ZReport(""); err != nil || z.Refunds != 0 || z.Voids != 0 {
		t.Errorf("%+v, %v", z, err)
	}
	if s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"}); s.Number != 1 {
		t.Errorf("a refused refund took number %d", s.Number-1)
	}
}

// The agent dies while the cloud is silent: the refund is asked for again, under
// the same id, and given back once. A made-up answer gives nothing back.
func TestRefundOfAnotherTillAcrossRestart(t *testing.T) {
	r := newRig(t, impatient)
	var other otherTill
	other.serve(r.cloud)
	r.cloud.on("sale.refund", nil)
	call := till.Call{Key: "k", Fingerprint: "f"}
	cmd := till.RefundOther{Code: otherID, Amount: money(1000), Reason: "r"}
	a, err := r.till.Do(context.Background(), call, cmd)
	if err != nil || !strings.Contains(string(a.Body), `"state":"pending"`) {
		t.Fatalf("%s, %v", a.Body, err)
	}
	r.cloud.says("sale.refund", `{"state":"done","tenders":[{"method":"cash","amount":999999}]}`)
	r.restart()
	r.until("a wrong answer is asked again", func() bool { return r.cloud.count("sale.refund") >= 3 })
	if n := len(r.events("sale.refunded")); n != 0 {
		t.Fatalf("tenders that do not add up: %d refunds", n)
	}
	r.cloud.on("sale.refund", other.refund)
	r.until("the refund", func() bool { return len(r.events("sale.refunded")) == 1 })
	b, err := r.till.Do(context.Background(), call, cmd)
	if err != nil || !strings.Contains(string(b.Body), `"state":"done"`) {
		t.Errorf("the same key: %s, %v", b.Body, err)
	}
	if len(other.back) != 1 || other.back[other.ids[0]] != 1000 {
		t.Errorf("given back: %+v", other.back)
	}
}

// A sale of this till is found by number and id, and refunded as ever, without
// the cloud.
func TestRefundByReceiptOfThisTill(t *testing.T) {
	r := newRig(t)
	r.cloud.setDown(true)
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	found, err := r.till.LookupSale(t.Context(), fmt.Sprintf("03-%s-%04d", strings.ReplaceAll(s.Day, "-", ""), s.Number))
	if err != nil || !found.Local || found.ID != s.ID || found.Refundable != 4250 || found.Items[1].Refundable != 3050 {
		t.Fatalf("%+v, %v", found, err)
	}
	if got := r.do(till.RefundOther{Code: s.ID, Lines: []int{2}, Reason: "r"}); got.ID != s.ID || got.Refunds[0].Amount != 3050 {
		t.Errorf("%+v", got)
	}
}

// FuzzLookupSale: whatever is scanned as a receipt leads to a name or nothing.
func FuzzLookupSale(f *testing.F) {
	r := newRig(f)
	r.cloud.setDown(true)
	for _, seed := range []string{otherID, "R:" + otherID, "03-20260314-0001", "https://acme.example/invoice?ref=YWNtZS9zaC0wMDEvMDMv.x", "https://s.example/0123456789", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		found, err := r.till.LookupSale(context.Background(), code)
		if err == nil {
			t.Errorf("%q is %+v, but nothing was sold", code, found)
		}
	})
}

// What the cloud adds to its answer is cut: an event has to hold it. What is left
// on the shopper's card is kept nowhere.
func TestRefundOfAnotherTillWithTrimmings(t *testing.T) {
	r := newRig(t)
	var other otherTill
	other.serve(r.cloud)
	r.cloud.on("sale.refund", func(json.RawMessage) (string, error) {
		return fmt.Sprintf(`{"state":"done","tenders":[{"method":"stored_value","amount":1200,"scheme":%q,"reference":"r-1","balance":987654}]}`, strings.Repeat("s", 150<<10)), nil
	})
	s := r.do(till.RefundOther{Code: otherID, Lines: []int{1}, Reason: "torn"})
	if len(s.Refunds) != 1 || s.Refunds[0].State != sale.RefundDone {
		t.Fatalf("%+v", s.Refunds)
	}
	if x := s.Refunds[0].Tenders[0]; x.Amount != 1200 || x.Reference != "r-1" || len(x.Scheme) > 32 || x.Balance != nil {
		t.Errorf("%.200v", x)
	}
	for _, e := range r.events("") {
		if strings.Contains(string(e.Data), "987654") {
			t.Errorf("%s has the balance", e.Type)
		}
	}
}
