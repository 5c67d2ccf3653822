package till_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

const bookOfDesk = `{"version":"1","items":[{"sku":"tea","gtin":"6901234567892","name":"高山乌龙茶 Oolong","unit_price":1200,"markdowns":[{"from":"00:00","percent":50}]},
	{"sku":"rice","name":"大米 <b>","unit_price":3050,"multi_buy":{"quantity":2,"price":5000}}]}`

// Goods without a code are found by what a person knows of them and sold by SKU
// with all that the price book says: markdown, multi-buy.
func TestGoodsWithoutACode(t *testing.T) {
	r := newRig(t)
	if _, err := r.till.PriceBookApply(t.Context(), json.RawMessage(bookOfDesk)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"乌龙": "tea", "OOLONG": "tea", "6901234567892": "tea", "RICE": "rice", "<b>": "rice", "unit_price": "", "nothing": ""} {
		list, err := r.till.Articles(text, 10)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range list {
			got += a.SKU
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", text, got, want)
		}
	}
	if list, _ := r.till.Articles("tea", 1); len(list) != 1 || list[0].UnitPrice != 600 || list[0].OldPrice != 1200 || list[0].Markdowns != nil {
		t.Errorf("the price of the moment: %+v", list)
	}
	for _, text := range []string{"", " ", strings.Repeat("x", 129), "\xff"} {
		if _, err := r.till.Articles(text, 1); err == nil {
			t.Errorf("%.20q is searched for", text)
		}
	}
	s := r.do(sale.OpenSale{Items: []sale.Add{{SKU: "rice", Quantity: "2"}}})
	s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "tea"}})
	if s.Total != 5600 || s.Items[0].Name != "大米 <b>" || s.Items[1].GTIN != "6901234567892" {
		t.Errorf("sold for %d: %+v", s.Total, s.Items)
	}
	r.refused(sale.CodeUnknownCode, sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "none"}})
	r.refused(sale.CodeInvalid, sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "tea", Name: "without a price"}})
}

// The desk tells who sells, what is parked, and what is to be handed over, but
// not what should be in the drawer.
func TestDesk(t *testing.T) {
	r := newRig(t)
	if d := r.till.Desk(); d.Cashier != "" || d.Shift != nil || d.Pickup != nil || len(d.Parked) != 0 || d.Closed {
		t.Errorf("a new till: %+v", d)
	}
	r.do(till.OpenShift{Float: 20000, Cashier: "E-1"})
	r.scanCode("E:7", "")
	s := r.open()
	r.do(sale.Park{Sale: s.ID, Reason: "wallet is in the car"})
	last := r.open()
	r.do(sale.Pay{Sale: last.ID, Method: "cash"})
	d := r.till.Desk()
	if d.Cashier != "E:7" || d.Shift == nil || d.Shift.Float != 20000 || len(d.Parked) != 1 || d.Parked[0].ID != s.ID || d.Parked[0].Total != 4250 || d.Parked[0].Items != 2 || d.Last != last.ID {
		t.Errorf("%+v", d)
	}
	if body, err := json.Marshal(d); err != nil || strings.Contains(string(body), `"cash"`) {
		t.Errorf("the desk tells what is in the drawer: %s, %v", body, err)
	}
	r.cloud.says("pickup.lookup", `{"pickup":{"id":"P1","number":"88","state":"ready","items":[{"sku":"tea","name":"tea","unit_price":1}]}}`)
	r.scanCode("P:PICK01", "")
	if d := r.till.Desk(); d.Pickup == nil || d.Pickup.ID != "P1" {
		t.Errorf("pickup %+v", d.Pickup)
	}
	r.do(till.ConfirmPickup{ID: "P1"})
	if d := r.till.Desk(); d.Pickup != nil {
		t.Errorf("still to be handed over: %+v", d.Pickup)
	}
	for kind, want := range map[string]string{"sale.parked": `"reason":"wallet is in the car","cashier":"E:7"`, "shift.opened": `"float":20000`} {
		if list := r.events(kind); len(list) != 1 || !strings.Contains(string(list[0].Data), want) {
			t.Errorf("%s: %s", kind, list)
		}
	}
}

// scanCode types a code; refused is the code of its refusal, "" for none.
func (r *rig) scanCode(text, refused string) {
	r.t.Helper()
	a, err := r.till.Do(r.t.Context(), till.Call{Origin: "cashier"}, till.ScanCode{Code: text})
	if err != nil {
		r.t.Fatal(err)
	}
	var row till.Scan
	if err := json.Unmarshal(a.Body, &row); err != nil || row.Seq == 0 || row.Device != "cashier" {
		r.t.Fatalf("%s answers %s: %v", text, a.Body, err)
	}
	switch {
	case row.Refused == nil && refused != "":
		r.t.Errorf("%s is taken", text)
	case row.Refused != nil && row.Refused.Code != refused:
		r.t.Errorf("%s is refused: %+v", text, row.Refused)
	}
}

// A caller that hung up while the cloud was asked for a price, and asks again
// with the same key, has scanned once.
func TestScanOfACallerThatHungUp(t *testing.T) {
	r := newRig(t)
	asked, answer := make(chan struct{}, 8), make(chan struct{})
	r.cloud.on("price.lookup", func(json.RawMessage) (string, error) {
		asked <- struct{}{}
		<-answer
		return `{"items":[{"sku":"milk","gtin":"06923644266066","name":"牛奶","unit_price":650}]}`, nil
	})
	milk, call := till.ScanCode{Code: "6923644266066"}, till.Call{Origin: "cashier", Key: "k1", Fingerprint: "milk"}
	ctx, hangUp := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := r.till.Do(ctx, call, milk)
		left <- err
	}()
	<-asked
	hangUp()
	wantCode(t, <-left, sale.CodeUnavailable)
	other := call
	other.Fingerprint = "tea"
	_, err := r.till.Do(t.Context(), other, till.ScanCode{Code: "6901234567892"})
	wantCode(t, err, sale.CodeKeyReused)
	again := make(chan till.Answer, 1)
	go func() {
		a, err := r.till.Do(t.Context(), call, milk)
		if err != nil {
			t.Error(err)
		}
		again <- a
	}()
	close(answer)
	first := <-again
	third, err := r.till.Do(t.Context(), call, milk)
	if err != nil || !bytes.Equal(first.Body, third.Body) {
		t.Errorf("answers %s, then %s, %v", first.Body, third.Body, err)
	}
	if s, rows := r.current(), r.ledger(); len(s.Items) != 1 || s.Items[0].Quantity != "1" || len(rows) != 1 || rows[0].Repeats != 0 {
		t.Errorf("%+v, ledger %+v", s.Items, rows)
	}
}

// A code that is typed goes the way of a scan: state first; an auth code is
// worth nothing before payment is asked for, and never kept.
func TestTypedCodes(t *testing.T) {
	r := newRig(t)
	if _, err := r.till.PriceBookApply(t.Context(), json.RawMessage(bookOfDesk)); err != nil {
		t.Fatal(err)
	}
	r.cloud.on("price.lookup", func(json.RawMessage) (string, error) { return "", &till.CloudError{Code: "not_found"} })
	r.cloud.on("payment.collect", echo(`{"payment_id":"$id","state":"paid","amount":$amount,"tenders":[{"method":"wallet","amount":$amount}]}`))
	r.scanCode("6901234567892", "")
	r.scanCode("4006381333931", sale.CodeUnknownCode)
	const auth = "134567890123456789"
	r.scanCode(auth, sale.CodeNotPaying)
	s := r.current()
	part := sale.Money(250)
	r.refused(sale.CodeInvalid, sale.Pay{Sale: s.ID, Method: "collect", Amount: money(601)})
	r.do(sale.Pay{Sale: s.ID, Method: "collect", Amount: &part})
	if d := r.till.Desk(); d.Collecting != s.ID {
		t.Errorf("collecting %q", d.Collecting)
	}
	r.scanCode("134567890123456780", "")
	r.until("the part is paid", func() bool { return r.sale(s.ID).Paid == part })
	if s := r.sale(s.ID); s.State != sale.Open || s.Total != 600 {
		t.Errorf("a part of %d was asked for: %+v", part, s)
	}
	for _, row := range r.ledger() {
		if strings.Contains(row.Code, "1345678901234567") {
			t.Errorf("an auth code is kept: %+v", row)
		}
	}
	if _, err := r.till.Do(t.Context(), till.Call{}, till.ScanCode{}); err == nil {
		t.Error("nothing is scanned")
	}
}
