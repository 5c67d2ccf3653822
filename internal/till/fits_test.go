package till_test

import (
	"fmt"
	"strings"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
)

// papers are what receipts are printed on, down to one that prints no dots.
func papers() []printer.Caps {
	return []printer.Caps{
		{Columns: 48, Dots: 576, DPI: 203, Chinese: true},
		{Columns: 42, Dots: 512, DPI: 180, Chinese: true},
		{Columns: 32, Dots: 384, DPI: 203, Chinese: true},
		{Columns: 32, Dots: 384, DPI: 203},
		{Columns: 33, Dots: 400, DPI: 85, TextOnly: true},
	}
}

// Whatever a cashier, the cloud or store IT has put into it, a receipt can be
// printed: goods are sold and money has changed hands by then.
func TestEveryReceiptFitsItsPaper(t *testing.T) {
	long := strings.Repeat("w", 64)
	r := newRig(t, func(o *till.Options) {
		o.Till.Store, o.Till.Till = strings.Repeat("S", 32), strings.Repeat("T", 32)
		o.Receipt.QR = []till.Link{{Title: "加入社群", URL: "https://acme.example/" + strings.Repeat("g", 370)}}
	})
	r.prices()
	r.cloud.on("payment.create", echo(`{"state":"paid","tenders":[{"method":"wallet","amount":$amount,"scheme":"wechat","reference":"`+long+long+`"}],
		"stored_value":{"card_masked":"****`+strings.Repeat("8", 36)+`","balance":2000000000},"member":{"id_masked":"138****`+strings.Repeat("1", 33)+`","name_masked":"王**","level":"`+strings.Repeat("金", 10)+`","consent":true},
		"coupons":[{"id":"c","title":"`+strings.Repeat("满", 40)+`","code":"`+long+long+`"}],"offers":[{"id":"o","brand":"`+long+`","title":"`+strings.Repeat("咖", 40)+`","url":"https://acme.example/1"}]}`))
	s := r.do(sale.OpenSale{Cashier: long, Adviser: long})
	s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: strings.Repeat("n", 100), UnitPrice: money(99_999_999), Serial: strings.Repeat("7", 60)}})
	s = r.do(sale.Pay{Sale: s.ID, Method: "qr"})
	compose := func(j printer.Job) {
		t.Helper()
		for _, caps := range papers() {
			t.Run(fmt.Sprintf("%s on %d columns", kindOf(j), caps.Columns), func(t *testing.T) {
				if _, err := layout.Compose(j.Doc, caps); err != nil {
					t.Error(err)
				}
			})
		}
	}
	compose(r.printJob(printer.Confirmed, printer.ProcessID))
	r.cloud.says("payment.refund", `{"state":"done"}`)
	s = r.do(sale.RefundSale{Sale: s.ID, Amount: money(99_999_999), Reason: strings.Repeat("包装破损，", 17)})
	r.until("refunded", func() bool { return r.sale(s.ID).Refunds[0].State == sale.RefundDone })
	compose(r.printJob(printer.Confirmed, printer.ProcessID))
	if _, err := r.print(till.PrintZ{}); err != nil {
		t.Fatal(err)
	}
	compose(r.printJob(printer.Confirmed, printer.ProcessID))
}

// A number stays in one piece on the narrowest paper.
func TestNumbersAreNotBroken(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.Till.Till = "checkout-12" })
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	r.printJob(printer.Confirmed, printer.ProcessID)
	r.do(sale.RefundSale{Sale: s.ID, Amount: money(100), Reason: "x"})
	page, err := layout.Compose(r.printJob(printer.Confirmed, printer.ProcessID).Doc, printer.Caps{Columns: 32, Dots: 384, DPI: 203})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, row := range page.Rows {
		if row, ok := row.(layout.TextRow); ok {
			text += row.Text() + "\n"
		}
	}
	for _, number := range []string{"checkout-12-20260314-0001", "checkout-12-20260314-0002"} {
		if !strings.Contains(text, number+"\n") {
			t.Errorf("%s is broken:\n%s", number, text)
		}
	}
}

func kindOf(j printer.Job) string {
	switch {
	case strings.Contains(j.ID, "/refund/"):
		return "refund"
	case strings.HasPrefix(j.ID, "report/"):
		return "Z report"
	}
	return "receipt"
}

// A template's codes need not suit every sale: an article's number is no EAN, an
// address too long for the paper.
func TestTemplatesCodesAreOptional(t *testing.T) {
	r := newRig(t, func(o *till.Options) {
		o.Receipt.InvoiceURL = "https://acme.example/" + strings.Repeat("i", 400)
		o.Template = func(d till.ReceiptData) (printer.Doc, error) {
			return printer.Doc{printer.Text{Line: "own"}, printer.Barcode{Symbology: "ean13", Data: d.Items[0].SKU}, printer.QR{Payload: d.Invoice}, printer.Image{PNG: []byte("?")}}, nil
		}
	})
	r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	j := r.printJob(printer.Confirmed, printer.ProcessID)
	for _, caps := range papers() {
		page, err := layout.Compose(j.Doc, caps)
		if err != nil {
			t.Fatalf("on %d columns: %v", caps.Columns, err)
		}
		text := ""
		for _, row := range page.Rows {
			if row, ok := row.(layout.TextRow); ok {
				text += strings.TrimSpace(row.Text()) + "\n"
			}
		}
		if want := "own\ntea\n"; text != want {
			t.Errorf("on %d columns %q, want %q", caps.Columns, text, want)
		}
	}
}

// Each piece of paper that a reprint makes says that it is a copy.
func TestEveryPieceOfACopyIsMarked(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.Receipt.Copies = 3 })
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	j := r.printJob(printer.Confirmed, printer.ProcessID)
	if _, err := r.print(till.ReprintJob{JobID: j.ID}); err != nil {
		t.Fatal(err)
	}
	j = r.printJob(printer.Confirmed, printer.ProcessID)
	var pieces []printer.Doc
	from := 0
	for i, b := range j.Doc {
		if _, cut := b.(printer.Cut); cut {
			pieces, from = append(pieces, j.Doc[from:i]), i+1
		}
	}
	if len(pieces) != 3 || from != len(j.Doc) {
		t.Fatalf("%d pieces of paper of sale %s, want 3", len(pieces), s.ID)
	}
	for i, p := range pieces {
		text := docText(p)
		if !strings.HasPrefix(text, till.CopyMark) || !strings.HasSuffix(text, till.CopyMark) || strings.Count(text, till.CopyMark) != 2 {
			t.Errorf("piece %d is not marked at both ends:\n%s", i+1, text)
		}
	}
}

// The largest sale fits, in the most copies, on the narrowest paper.
func TestTheLongestReceiptFits(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.Receipt.Copies = 3 })
	var items []sale.Add
	for n := range 200 {
		items = append(items, sale.Add{SKU: fmt.Sprint(n), Name: strings.Repeat("乌龙茶", 12), UnitPrice: money(10_000), Discount: 100, Serial: fmt.Sprintf("SN%020d", n)})
	}
	s := r.do(sale.OpenSale{Items: items})
	r.do(sale.Pay{Sale: s.ID, Method: "cash"})
	j := r.printJob(printer.Confirmed, printer.ProcessID)
	for _, caps := range papers() {
		if _, err := layout.Compose(j.Doc, caps); err != nil {
			t.Errorf("on %d columns: %v", caps.Columns, err)
		}
	}
}
