package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A sale is given back once, however many tills try: by amount, by line, through
// the payment first; what its own till gave back counts too.
func TestReturns(t *testing.T) {
	c := New(Options{})
	c.payments["P1"] = &Payment{ID: "P1", Till: "acme/sh-001/05", Amount: 2000, State: "paid"}
	prev, seq := [32]byte{}, 0
	event := func(kind, data string) {
		t.Helper()
		seq++
		data = strings.NewReplacer("\n", "", "\t", "").Replace(data)
		body := fmt.Sprintf(`{"specversion":"1.0","id":"%032d-%d","source":"tilld/v1/acme/sh-001/05","type":"tilld.%s.v1","time":%q,"datacontenttype":"application/json","epoch":"%032d","sequence":"%020d","prevhash":"%s","bootid":"b","clockoffsetms":"0","data":%s}`,
			0, seq, kind, time.Now().Format(time.RFC3339), 0, seq, hex.EncodeToString(prev[:]), data)
		prev = sha256.Sum256([]byte(body))
		if v, err := c.ledger.Ingest("tilld/v1/acme/sh-001/05", []byte(body)); err != nil || len(v.New) != 1 {
			t.Fatalf("%s: %+v, %v", kind, v, err)
		}
	}
	const id = "01KKN80GGGJJ1NP4RWPBAXBAHZ"
	event("sale.closed", `{"id":"`+id+`","number":42,"day":"2026-03-13","state":"closed","currency":"CNY","total":4000,"paid":4000,"closed_at":"2026-03-13T18:00:00Z",
		"items":[{"line":1,"sku":"a","name":"A","quantity":"1","unit_price":1200,"total":1200},{"line":2,"sku":"b","name":"B","quantity":"1","unit_price":3000,"total":3000}],
		"tenders":[{"method":"wallet","amount":2000,"payment_id":"P1"},{"method":"cash","amount":2000}]}`)
	ask := func(from, kind string, data map[string]any) (map[string]any, *Problem) {
		t.Helper()
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		answer, problem := c.answer(from, request{Type: kind, Data: raw})
		body, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
		return out, problem
	}
	for _, code := range []string{id, "05-20260313-0042", "https://s.example/" + shortCode(id)} {
		found, problem := ask("acme/sh-001/03", "sale.lookup", map[string]any{"code": code})
		if problem != nil || found["sale"].(map[string]any)["refundable"] != 4000.0 {
			t.Errorf("%s: %v %v", code, found, problem)
		}
	}
	for from, code := range map[string]string{"acme/sh-002/03": "05-20260313-0042", "other/sh-001/03": id} {
		if found, problem := ask(from, "sale.lookup", map[string]any{"code": code}); problem == nil {
			t.Errorf("%s is told of %s: %v", from, code, found)
		}
	}
	give := func(from, refund string, amount int64, lines ...int) (map[string]any, *Problem) {
		return ask(from, "sale.refund", map[string]any{"sale": id, "refund_id": refund, "amount": amount, "lines": lines, "currency": "CNY"})
	}
	line, problem := give("acme/sh-001/03", "R1", 1142, 1) // its share of the coupon taken off
	if problem != nil || fmt.Sprint(line["tenders"]) != "[map[amount:1142 method:wallet]]" {
		t.Fatalf("%v %v", line, problem)
	}
	if again, problem := give("acme/sh-001/03", "R1", 1142, 1); problem != nil || fmt.Sprint(again) != fmt.Sprint(line) {
		t.Errorf("the same refund again: %v %v", again, problem)
	}
	if _, problem := give("acme/sh-001/04", "R2", 1142, 1); problem == nil {
		t.Error("the same line is given back at two tills")
	}
	if _, problem := give("acme/sh-001/04", "R1", 1142, 1); problem == nil {
		t.Error("another till takes over a refund id")
	}
	event("sale.refunded", `{"sale":"`+id+`","refund_id":"R0","amount":358,"tenders":[
		{"method":"wallet","amount":200,"state":"done"},{"method":"wallet","amount":500,"state":"failed"},{"method":"cash","amount":158,"state":"done","instead_of":"P1"}]}`) // at its own till
	if _, problem := give("acme/sh-001/04", "R3", 2501); problem == nil {
		t.Error("more than is left")
	}
	rest, problem := give("acme/sh-001/04", "R4", 2500)
	if problem != nil || fmt.Sprint(rest["tenders"]) != "[map[amount:500 method:wallet] map[amount:2000 method:cash]]" {
		t.Errorf("%v %v", rest, problem)
	}
	found, problem := ask("acme/sh-001/03", "sale.lookup", map[string]any{"code": id})
	if s := found["sale"].(map[string]any); problem != nil || s["state"] != "refunded" || s["refundable"] != 0.0 {
		t.Errorf("in the end: %v %v", found, problem)
	}
}
