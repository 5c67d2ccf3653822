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

// The receipt of a refund has a template of its own, with what came back: the
// lines named, all of it, or all that was left; not what an amount was for.
func TestOwnRefundTemplate(t *testing.T) {
	broken := false
	r := newRig(t, func(o *till.Options) {
		o.RefundTemplate = func(d till.RefundData) (printer.Doc, error) {
			if broken {
				return nil, errors.New("no such field")
			}
			line := "own " + d.Number + " of " + d.Original + " " + d.Refunded + " " + d.Reason
			for _, it := range d.Items {
				line += " " + it.Name
			}
			for _, x := range d.Tenders {
				line += " " + x.Name + x.Amount
			}
			return printer.Doc{printer.Text{Line: line}, printer.OpenDrawer{}, printer.Cut{}}, nil
		}
	})
	sell := func() string {
		t.Helper()
		s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
		if j := r.printJob(printer.Confirmed, printer.ProcessID); !strings.Contains(docText(j.Doc), "购物小票") {
			t.Errorf("the sale is printed by it too:\n%s", docText(j.Doc))
		}
		return s.ID
	}
	printed := map[string]string{}
	refund := func(cmd sale.RefundSale, want string) {
		t.Helper()
		cmd.Reason = "wet"
		done := r.do(cmd)
		j := r.printJob(printer.Confirmed, printer.ProcessID)
		if got := docText(j.Doc); !strings.HasSuffix(got, want) || slices.ContainsFunc(j.Doc, func(b printer.Block) bool { _, is := b.(printer.OpenDrawer); return is }) {
			t.Errorf("%s\nwant … %s", got, want)
		}
		printed[done.Refunds[len(done.Refunds)-1].ID] = docText(j.Doc)
	}
	whole := sell()
	refund(sale.RefundSale{Sale: whole}, "own 03-20260314-0002 of 03-20260314-0001 -¥42.50 wet 乌龙茶 大米 现金-¥42.50")
	rest := sell()
	refund(sale.RefundSale{Sale: rest, Lines: []int{2}}, "-¥30.50 wet 大米 现金-¥30.50")
	refund(sale.RefundSale{Sale: rest}, "-¥12.00 wet 乌龙茶 现金-¥12.00")
	part := sell()
	refund(sale.RefundSale{Sale: part, Amount: money(100)}, "-¥1.00 wet 现金-¥1.00")
	refund(sale.RefundSale{Sale: part}, "-¥41.50 wet 现金-¥41.50")
	r.restart()
	for id, paper := range printed { // also when more was given back since
		if doc, err := r.till.ReceiptDoc(id); err != nil || docText(doc) != paper {
			t.Errorf("the picture of refund %s, %v:\n%s\nprinted:\n%s", id, err, docText(doc), paper)
		}
	}
	if doc, err := r.till.ReceiptDoc(whole); err != nil || !strings.Contains(docText(doc), "购物小票") {
		t.Errorf("the picture of the sale, %v:\n%s", err, docText(doc))
	}
	broken = true
	refund(sale.RefundSale{Sale: sell()}, "原因 | wet\n"+lastSale(r))
	if !slices.ContainsFunc(r.health.List(lang.EN), func(c health.Condition) bool {
		return c.Code == "receipt_template" && strings.Contains(c.Remedy, "receipt.refund_template")
	}) {
		t.Errorf("nobody is told of the broken template: %+v", r.health.List(lang.EN))
	}
}

func lastSale(r *rig) string {
	list, _, err := r.till.Sales(till.Filter{Limit: 1})
	if err != nil || len(list) != 1 {
		r.t.Fatal(list, err)
	}
	return list[0].ID
}
