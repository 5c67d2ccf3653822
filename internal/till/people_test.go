package till_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// codesOf are the addresses of the QR codes on a document.
func codesOf(doc printer.Doc) (list []string) {
	for _, b := range doc {
		if q, ok := b.(printer.QR); ok {
			list = append(list, q.Payload)
		}
	}
	return list
}

func (r *rig) receiptSet(data string) {
	r.t.Helper()
	if _, err := r.till.ReceiptSet(context.Background(), json.RawMessage(data)); err != nil {
		r.t.Fatal(err)
	}
}

// What head office sets for the till and for one cashier is on that cashier's
// receipts and screens, and nobody else's, also after a restart; it can be
// changed and taken back.
func TestCodesOfACashier(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.Receipt.InvoiceURL = "" })
	r.receiptSet(`{"qr":[{"title":"社群","url":"https://s.example/{code}"}],"footer":"谢谢"}`)
	r.receiptSet(`{"cashier":"E:7","qr":[{"title":"我的名片","url":"https://w.example/c/{cashier}"}],"footer":"小七祝您愉快"}`)
	r.restart()
	idle := func() []string {
		var list []string
		for _, q := range r.scene().QR {
			list = append(list, q.URL)
		}
		return list
	}
	idles := 0
	sell := func(cashier string) (codes []string, paper string) {
		t.Helper()
		if !r.scanned(cashier) {
			t.Fatalf("badge refused: %+v", r.ledger())
		}
		if sc := r.scene(); sc.Kind == display.Idle {
			idles++
			if want := []string{"https://w.example/c/E%3A7"}; cashier != "E:7" || !slices.Equal(idle(), want) {
				t.Errorf("idle with %s: %v", cashier, idle())
			}
		}
		s := r.do(sale.OpenSale{Items: []sale.Add{{SKU: "tea", Name: "茶", UnitPrice: money(100)}}})
		s = r.paid(s)
		if s.Cashier != cashier || s.Code != sale.ShortCode(s.ID) || len(s.Code) != 10 {
			t.Errorf("sold by %q, code %q", s.Cashier, s.Code)
		}
		var d sale.Sale
		ev := r.events("sale.closed")
		if err := json.Unmarshal(ev[len(ev)-1].Data, &d); err != nil || d.Code != s.Code {
			t.Errorf("the event has code %q, %v", d.Code, err)
		}
		doc, err := r.till.ReceiptDoc(s.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"https://s.example/" + s.Code}
		if cashier == "E:7" {
			want = append(want, "https://w.example/c/E%3A7")
		}
		if sc := r.scene(); sc.Kind != display.Paid || !slices.Equal(idle(), want) {
			t.Errorf("the screen after paying has %v, want %v", idle(), want)
		}
		codes = codesOf(doc)
		if !slices.Equal(codes, want) {
			t.Errorf("the receipt has %v, want %v", codes, want)
		}
		return codes, string(mustJSON(t, doc))
	}
	if _, paper := sell("E:7"); !strings.Contains(paper, "小七祝您愉快") || strings.Contains(paper, "谢谢") {
		t.Errorf("footer: %s", paper)
	}
	if _, paper := sell("E:8"); !strings.Contains(paper, "谢谢") {
		t.Errorf("footer: %s", paper)
	}
	if idles != 1 {
		t.Errorf("%d idle scenes were looked at", idles)
	}
	r.restart() // the thanks of the last sale stay for a while
	r.do2(till.SignIn{Badge: "E:7"})
	r.receiptSet(`{"cashier":"E:7","qr":[],"footer":""}`)
	s := r.do(sale.OpenSale{Items: []sale.Add{{SKU: "tea", Name: "茶", UnitPrice: money(100)}}})
	r.paid(s)
	doc, err := r.till.ReceiptDoc(s.ID)
	if err != nil || len(codesOf(doc)) != 1 {
		t.Errorf("after it was taken back: %v, %v", codesOf(doc), err)
	}
	for _, bad := range []string{`{"cashier":"a\u0007","qr":[]}`, `{"cashier":7,"qr":[]}`, `{"scope":"x","qr":[]}`} {
		if _, err := r.till.ReceiptSet(context.Background(), json.RawMessage(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// The e-invoice code names the sale, and proves by the till's key that it was
// made here; it is apart from the codes of head office.
func TestInvoiceReference(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))
	public := key.Public().(ed25519.PublicKey)
	r := newRig(t, func(o *till.Options) {
		o.PublicKey = public
		o.Sign = func(message []byte) []byte { return ed25519.Sign(key, message) }
	})
	s := r.paid(r.open())
	doc, err := r.till.ReceiptDoc(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	codes := codesOf(doc)
	u, err := url.Parse(codes[0])
	if err != nil || len(codes) != 2 || strings.Contains(codes[1], "ref=") {
		t.Fatalf("%v, %v", codes, err)
	}
	check := func(ref string) (text string, ok bool) {
		t.Helper()
		a, b, _ := strings.Cut(ref, ".")
		body, err1 := base64.RawURLEncoding.DecodeString(a)
		sig, err2 := base64.RawURLEncoding.DecodeString(b)
		if err1 != nil || err2 != nil {
			t.Fatalf("%q: %v, %v", ref, err1, err2)
		}
		return string(body), ed25519.Verify(public, body, sig)
	}
	text, ok := check(u.Query().Get("ref"))
	if want := "acme/sh-001/03/" + s.ID + "/" + s.Day + "/1/4250/CNY"; text != want || !ok {
		t.Errorf("%q, signature %v, want %q", text, ok, want)
	}
	if ev := r.events("till.started"); !strings.Contains(string(ev[0].Data), `"key":"`+base64.RawURLEncoding.EncodeToString(public)+`"`) {
		t.Errorf("the key is not published: %s", ev[0].Data)
	}
	page, err := os.ReadFile("../../docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "42.50 CNY:\n```\n")
	golden, _, _ := strings.Cut(rest, "\n")
	if text, ok := check(golden); !ok || text != "acme/sh-001/03/01KDB0V8G0000000000000SALE/2025-11-24/7/4250/CNY" {
		t.Errorf("the golden reference of docs/tokens.md: %q, %v", text, ok)
	}
}

// Offers are reported once as shown, with those on the paper; the paper's outcome
// names them too.
func TestOffersAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		offer := func(id string) string {
			return `{"id":"` + id + `","title":"` + id + `","url":"https://o.example/` + id + `"}`
		}
		r.cloud.on("payment.create", echo(`{"payment_id":"$id","state":"paid","amount":$amount,"tenders":[{"method":"wallet","amount":$amount}],"member":{"id_masked":"138****4711","joined":true,"consent":false},"coupons":[{"id":"N5","code":"C-NEXT-5","title":"下次立减"},{"id":"N6","title":"无码"}],"offers":[`+offer("O1")+","+offer("O2")+","+offer("O3")+`]}`))
		s := r.open()
		r.do(sale.Pay{Sale: s.ID, Method: "qr"})
		j := r.printJob(printer.Confirmed, printer.StatusGood)
		if codes := codesOf(j.Doc); !slices.Contains(codes, "C-NEXT-5") || slices.Contains(codes, "https://o.example/O3") {
			t.Errorf("the receipt has the codes %v", codes)
		}
		r.until("the offers are shown", func() bool { return len(r.events("offer.shown")) > 0 })
		r.restart()
		r.until("and again, after the restart", func() bool { return r.scene().Kind == display.Offers })
		if ev := r.events("offer.shown"); len(ev) != 1 {
			t.Errorf("reported %d times", len(ev))
		}
		var shown struct {
			Sale             string
			Offers, Printed  []string
			Cashier, Adviser string
		}
		if err := json.Unmarshal(r.events("offer.shown")[0].Data, &shown); err != nil {
			t.Fatal(err)
		}
		if shown.Sale != s.ID || len(shown.Offers) != 3 || !slices.Equal(shown.Printed, []string{"O1", "O2"}) || shown.Cashier != "E-1" {
			t.Errorf("%+v", shown)
		}
		if d := string(r.events("receipt.outcome")[0].Data); !strings.Contains(d, `"offers":["O1","O2"]`) || !strings.Contains(d, `"cashier":"E-1"`) {
			t.Errorf("%s", d)
		}
		if d := string(r.events("sale.closed")[0].Data); !strings.Contains(d, `"consent":false`) || !strings.Contains(d, `"joined":true`) {
			t.Errorf("%s", d)
		}
		r.halt()
	})
}

// Every kind of event of the engine names the cashier, and the adviser when there
// is one.
func TestEveryEventNamesCashierAndAdviser(t *testing.T) {
	r := newRig(t)
	r.cloud.says("basket.fetch", `{"items":[{"sku":"serum","name":"精华","unit_price":88000}],"adviser":"A-9"}`)
	r.cloud.says("pickup.lookup", `{"pickup":{"id":"PK1","state":"ready","items":[]}}`)
	r.scanned("E:1001")
	r.do2(till.OpenShift{Float: 1000})
	r.scanned("P:PICK01")
	r.scanned("P:PICK01")
	sell := func() sale.Sale {
		r.scanned("B:" + "HAND" + string(rune('A'+r.scans)))
		return r.current()
	}
	s := r.paid(sell())
	r.printJob(printer.Confirmed, printer.StatusGood)
	r.do(sale.RefundSale{Sale: s.ID, Reason: "test"})
	r.do(sale.VoidSale{Sale: sell().ID, Reason: "test"})
	open := sell()
	r.do2(till.OpenDrawer{Reason: "change"})
	for data, want := range map[string]string{
		`{}`:                  `{"cashier":"E:1001","adviser":"A-9"}`,
		`{"a":1}`:             `{"a":1,"cashier":"E:1001","adviser":"A-9"}`,
		`{"cashier":"other"}`: `{"cashier":"other","adviser":"A-9"}`,
		`[]`:                  `[]`,
	} {
		if got := string(r.till.Attributed([]byte(data))); got != want {
			t.Errorf("%s is attributed as %s, want %s", data, got, want)
		}
	}
	r.receiptSet(`{"qr":[],"footer":""}`)
	r.do(sale.VoidSale{Sale: open.ID, Reason: "test"})
	r.do2(till.CloseShift{Counted: 1000})
	r.do2(till.SignOut{})
	if got := string(r.till.Attributed([]byte(`{}`))); got != `{}` {
		t.Errorf("with nobody there: %s", got)
	}
	withAdviser := []string{"sale.closed", "sale.refunded", "sale.voided", "receipt.outcome", "drawer.opened", "config.applied"}
	seen := map[string]bool{}
	for _, ev := range r.events("") {
		kind := strings.TrimSuffix(strings.TrimPrefix(ev.Type, "tilld."), ".v1")
		if kind == "till.started" {
			continue // nobody is there yet
		}
		seen[kind] = true
		var d struct{ Cashier, Adviser string }
		if err := json.Unmarshal(ev.Data, &d); err != nil {
			t.Fatal(err)
		}
		if d.Cashier != "E:1001" || slices.Contains(withAdviser, kind) && d.Adviser != "A-9" {
			t.Errorf("%s: cashier %q, adviser %q: %s", kind, d.Cashier, d.Adviser, ev.Data)
		}
		if n := strings.Count(string(ev.Data), `"cashier":`); n > 1 && kind != "sale.voided" && kind != "sale.closed" && kind != "sale.refunded" {
			t.Errorf("%s names the cashier %d times: %s", kind, n, ev.Data)
		}
	}
	for _, kind := range append(withAdviser, "cashier.signed_in", "cashier.signed_out", "pickup.completed", "shift.closed", "journal.checkpoint") {
		if !seen[kind] {
			t.Errorf("no %s", kind)
		}
	}
}
