package till_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// A store's own template lays out the receipt; copies are marked all the same,
// it cannot open the drawer, and when it fails the receipt is printed anyway.
func TestOwnTemplate(t *testing.T) {
	broken := false
	r := newRig(t, func(o *till.Options) {
		o.Receipt.QRHosts = []string{"acme.example"}
		o.Template = func(d till.ReceiptData) (printer.Doc, error) {
			if broken {
				return nil, errors.New("no such field")
			}
			doc := printer.Doc{printer.Text{Line: "own " + d.Number + " " + d.Total}, printer.OpenDrawer{}, printer.QR{Payload: "https://evil.example"}, printer.QR{Payload: d.Links[0].URL}}
			for _, it := range d.Items {
				doc = append(doc, printer.Text{Line: it.Name + " " + it.Quantity + " " + it.Total})
			}
			return append(doc, printer.Cut{}), nil
		}
	})
	r.prices()
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	j := r.printJob(printer.Confirmed, printer.ProcessID)
	if text := docText(j.Doc); !strings.HasPrefix(text, "own 03-20260314-0001 ") || strings.Contains(text, "购物小票") {
		t.Errorf("receipt:\n%s", text)
	}
	var codes []string
	cuts := 0
	for _, b := range j.Doc {
		switch b := b.(type) {
		case printer.OpenDrawer:
			t.Error("a template opens the drawer")
		case printer.QR:
			codes = append(codes, b.Payload)
		case printer.Cut:
			cuts++
		}
	}
	if len(codes) != 1 || !strings.HasPrefix(codes[0], "https://acme.example/") || cuts != 1 {
		t.Errorf("codes %q, %d cuts", codes, cuts)
	}
	r.do(sale.Reprint{Sale: s.ID})
	if j := r.printJob(printer.Confirmed, printer.ProcessID); strings.Count(docText(j.Doc), till.CopyMark) != 2 || !strings.Contains(docText(j.Doc), "own ") {
		t.Errorf("copy:\n%s", docText(j.Doc))
	}
	broken = true
	r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	if j := r.printJob(printer.Confirmed, printer.ProcessID); !strings.Contains(docText(j.Doc), "购物小票") {
		t.Errorf("with a broken template:\n%s", docText(j.Doc))
	}
	if !slices.ContainsFunc(r.health.List(lang.EN), func(c health.Condition) bool { return c.Code == "receipt_template" }) {
		t.Error("nobody is told of the broken template")
	}
}
