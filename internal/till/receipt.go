package till

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/printer"
)

// receiptDoc lays out a sale's receipt, or the receipt of one of its refunds,
// in the till's language. copied marks it: an original is printed once. mu is
// held, since head office may change what is at the foot.
func (t *Till) receiptDoc(s sale.Sale, refund *sale.Refund, copied bool) printer.Doc {
	b := &receipt{t: t, s: s}
	doc, own := t.templated(s, refund)
	switch {
	case own:
	case refund != nil:
		b.refund(*refund)
		doc = b.doc
	default:
		b.sale()
		doc = b.doc
	}
	if copied {
		return asCopy(append(doc, printer.Cut{}))
	}
	one := append(doc, printer.Cut{})
	for n := 1; n < t.set.Copies; n++ {
		one = append(one, printer.Text{Line: t.word(lineStoreCopy), Align: printer.Center})
		one = append(one, doc...)
		one = append(one, printer.Cut{})
	}
	return one
}

// CopyMark is on every copy of a receipt, first and last.
const CopyMark = "*** 重打 COPY ***"

// asCopy marks a document as a copy: each piece of paper that it makes, at both
// ends.
func asCopy(doc printer.Doc) printer.Doc {
	mark := printer.Text{Line: CopyMark, Align: printer.Center, Bold: true, Height: 2}
	out := printer.Doc{}
	open := false // something is on this piece of paper
	for _, b := range doc {
		_, cut := b.(printer.Cut)
		if open == cut {
			out = append(out, mark)
		}
		open = !cut
		out = append(out, b)
	}
	if open || len(out) == 0 {
		out = append(out, mark)
	}
	return out
}

// receipt is a receipt being laid out.
type receipt struct {
	t   *Till
	s   sale.Sale
	doc printer.Doc
}

func (b *receipt) add(blocks ...printer.Block) { b.doc = append(b.doc, blocks...) }

func (b *receipt) center(line string) {
	if line != "" {
		b.add(printer.Text{Line: line, Align: printer.Center})
	}
}

// row is a label on the left and money or a number on the right.
func (b *receipt) row(label, value string) {
	b.add(printer.Columns{Cells: []printer.Cell{{Text: label}, {Text: value, Width: max(12, width(value)), Align: printer.Right, Keep: true}}})
}

// note is a label on the left and on the right what people have typed or set up:
// it may be long, and is wrapped then.
func (b *receipt) note(label, value string) {
	switch n := width(value); {
	case n <= maxRow, n <= maxWord && !strings.Contains(value, " "): // a number is not broken
		b.row(label, value)
	case n <= 2*maxRow:
		b.add(printer.Columns{Cells: []printer.Cell{{Text: label}, {Text: value, Align: printer.Right}}})
	default:
		b.add(printer.Text{Line: label}, printer.Text{Line: "  " + value})
	}
}

// maxRow is how many columns of a row may be kept for its value, maxWord if it is
// one word: the narrowest paper has 32, and something of the label is to be seen.
const (
	maxRow  = 20
	maxWord = 28
)

// strong is a row in bold.
func (b *receipt) strong(label, value string) {
	b.add(printer.Columns{Cells: []printer.Cell{
		{Text: label, Bold: true}, {Text: value, Width: max(14, width(value)), Align: printer.Right, Bold: true, Keep: true},
	}})
}

func width(s string) (n int) {
	for _, r := range s {
		n++
		if r > 0x7f {
			n++
		}
	}
	return n
}

func (b *receipt) money(m sale.Money) string {
	if b.s.Currency == "CNY" {
		if m < 0 {
			return "-¥" + (-m).Decimal("CNY")
		}
		return "¥" + m.Decimal("CNY")
	}
	return b.s.Currency + " " + m.Decimal(b.s.Currency)
}

func (b *receipt) head(title string, day string, number int) {
	t := b.t
	b.center(t.set.Header)
	b.add(printer.Text{Line: title, Align: printer.Center, Bold: true, Width: 2, Height: 2})
	b.note(t.word(lineNumber), receiptNumber(t.o.Till.Till, day, number))
	b.note(t.word(lineStore), t.o.Till.Store)
	b.note(t.word(lineTill), t.o.Till.Till)
}

// receiptNumber is a number as receipts have it: "03-20260314-0001".
func receiptNumber(till, day string, number int) string {
	return fmt.Sprintf("%s-%s-%04d", till, strings.ReplaceAll(day, "-", ""), number)
}

func (b *receipt) when(at time.Time) string {
	return at.In(b.t.o.Location).Format("2006-01-02 15:04:05")
}

// original is the number and the id of the sale that goods come back from,
// perhaps another till's.
func (b *receipt) original() (number, id string) {
	if f := b.s.RefundFrom; f != nil {
		return receiptNumber(f.Till[strings.LastIndex(f.Till, "/")+1:], f.Day, f.Number), b.s.RefundOf
	}
	return receiptNumber(b.t.o.Till.Till, b.s.Day, b.s.Number), b.s.ID
}

func (b *receipt) people(cashier string) {
	t := b.t
	if cashier != "" {
		b.note(t.word(lineCashier), cashier)
	}
	if b.s.Adviser != "" {
		b.note(t.word(lineAdviser), b.s.Adviser)
	}
}

func (b *receipt) sale() {
	t, s := b.t, b.s
	b.head(t.word(lineReceipt), s.Day, s.Number)
	if s.ClosedAt != nil {
		b.row(t.word(lineTime), b.when(*s.ClosedAt))
	}
	b.people(s.Cashier)
	b.add(printer.Rule{})
	for _, it := range s.Items {
		b.item(it)
	}
	b.add(printer.Rule{})
	b.totals()
	b.tenders(s.Tenders)
	b.shopper()
	b.foot()
}

func (b *receipt) item(it sale.Item) {
	t := b.t
	b.add(printer.Text{Line: it.Name})
	unit := ""
	if it.Unit == "kg" {
		unit = " kg"
	}
	price := it.UnitPrice.Decimal(b.s.Currency)
	b.row("  "+it.Quantity+unit+" × "+price, (it.Total + it.Discount).Decimal(b.s.Currency))
	if it.OldPrice > it.UnitPrice {
		b.add(printer.Text{Line: "  " + t.word(lineOldPrice) + " " + it.OldPrice.Decimal(b.s.Currency)})
	}
	if it.Discount > 0 {
		b.row("  "+t.word(lineDiscount), "-"+it.Discount.Decimal(b.s.Currency))
	}
	if it.Serial != "" {
		b.add(printer.Text{Line: "  SN " + it.Serial})
	}
}

func (b *receipt) totals() {
	t, s := b.t, b.s
	for _, c := range s.Coupons {
		if !c.Issued && c.Applied > 0 {
			b.row(t.word(lineCoupon)+" "+c.Title, "-"+c.Applied.Decimal(s.Currency))
		}
	}
	if s.DiscountTotal > 0 {
		b.row(t.word(lineSaved), s.DiscountTotal.Decimal(s.Currency))
	}
	b.strong(t.word(lineTotal), b.money(s.Total))
}

func (b *receipt) tenders(list []sale.Tender) {
	t, s := b.t, b.s
	for _, x := range list {
		b.row(t.tenderName(x), b.money(x.Amount))
		if x.Given > x.Amount {
			b.row("  "+t.word(lineGiven), b.money(x.Given))
		}
		if x.Reference != "" {
			b.add(printer.Text{Line: "  " + t.word(lineReference) + " " + x.Reference})
		}
		if x.Balance != nil {
			b.row("  "+t.word(lineBalance), b.money(*x.Balance))
		}
	}
	if s.Change > 0 {
		b.row(t.word(lineChange), b.money(s.Change))
	}
}

// shopper is what the payment told of the shopper, masked.
func (b *receipt) shopper() {
	t, s := b.t, b.s
	issued := 0
	for _, c := range s.Coupons {
		if c.Issued {
			issued++
		}
	}
	if s.StoredValue == nil && s.Member == nil && s.Points == nil && issued == 0 {
		return
	}
	b.add(printer.Rule{})
	if v := s.StoredValue; v != nil {
		if v.Bought > 0 {
			b.row(t.word(lineBought)+" "+v.CardMasked, b.money(v.Bought))
		}
		b.row(t.word(lineCard)+" "+v.CardMasked, b.money(v.Balance))
	}
	if m := s.Member; m != nil {
		b.note(t.word(lineMember), memberText(*m))
		if m.Joined {
			b.center(t.word(lineJoined))
		}
	}
	if p := s.Points; p != nil {
		b.row(t.word(linePoints), fmt.Sprintf("%+d", p.Earned))
		if p.Balance != nil {
			b.row(t.word(linePointsBalance), strconv.FormatInt(*p.Balance, 10))
		}
	}
	codes := 0
	for _, c := range s.Coupons {
		if !c.Issued {
			continue
		}
		b.add(printer.Text{Line: t.word(lineIssued) + " " + c.Title})
		if c.Expires != "" {
			b.add(printer.Text{Line: "  " + t.word(lineValid) + " " + c.Expires})
		}
		if c.Code != "" && codes < maxIssuedCodes {
			codes++
			b.add(printer.QR{Payload: c.Code, MM: 20, Caption: c.Code, Optional: true})
		}
	}
}

// maxIssuedCodes bounds the codes of coupons on one receipt; the titles of all
// are there.
const maxIssuedCodes = 3

// foot is the footer and the codes: the e-invoice by itself, then what head
// office wants shown, then the offers of the payment.
func (b *receipt) foot() {
	t, s := b.t, b.s
	if footer := t.footer(s.Cashier); footer != "" {
		b.add(printer.Rule{})
		b.center(footer)
	}
	if link := t.invoiceLink(s); link != "" {
		b.add(printer.Rule{}, printer.QR{Payload: link, Caption: t.word(lineInvoice), Optional: true})
	}
	for _, l := range t.links(s) {
		b.add(printer.Feed{Lines: 1}, printer.QR{Payload: l.URL, Caption: l.Title, Optional: true})
	}
	for _, o := range printedOffers(s) {
		b.add(printer.Rule{}, printer.Text{Line: strings.TrimSpace(o.Brand + " " + o.Title), Bold: true})
		if o.Text != "" {
			b.add(printer.Text{Line: o.Text})
		}
		if o.URL != "" && soundLink(o.URL, maxSmallLink) && t.allowedHost(o.URL) {
			b.add(printer.QR{Payload: o.URL, MM: 25, Optional: true})
		}
	}
	b.center(s.ID)
}

// printedOffers are the offers that a sale's receipt has.
func printedOffers(s sale.Sale) []sale.Offer { return s.Offers[:min(len(s.Offers), 2)] }

// onPaper keeps the offers that a document names: a store's own template may
// leave them out.
func onPaper(list []sale.Offer, doc printer.Doc) []sale.Offer {
	var b strings.Builder
	for _, one := range doc {
		if text, ok := one.(printer.Text); ok {
			b.WriteString(text.Line)
			for _, s := range text.Spans {
				b.WriteString(s.Text)
			}
			b.WriteByte('\n')
		}
	}
	all := b.String()
	return slices.DeleteFunc(slices.Clone(list), func(o sale.Offer) bool { return !strings.Contains(all, o.Title) })
}

func offerIDs(list []sale.Offer) (ids []string) {
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	return ids
}

func (b *receipt) refund(r sale.Refund) {
	t, s := b.t, b.s
	b.head(t.word(lineRefundReceipt), r.Day, r.Number)
	original, id := b.original()
	b.note(t.word(lineOriginal), original)
	b.row(t.word(lineTime), b.when(r.At))
	b.people(r.Cashier)
	b.add(printer.Rule{})
	if back := goodsBack(s, r); len(back) > 0 {
		for _, it := range back {
			b.item(it)
		}
		b.add(printer.Rule{})
	}
	b.strong(t.word(lineRefunded), b.money(-r.Amount))
	for _, x := range r.Tenders {
		if x.State == sale.RefundDone {
			b.row(t.tenderName(x), b.money(-x.Amount))
		}
	}
	b.note(t.word(lineReason), r.Reason)
	b.center(id)
}

// goodsBack are the items that came back with a refund: the lines it names, or
// all that was left when it gives back all that was left. Of an amount nobody
// knows what it was for.
func goodsBack(s sale.Sale, r sale.Refund) (list []sale.Item) {
	lines := r.Lines
	if len(lines) == 0 {
		left, gone := s.Total, []int{}
		for _, o := range s.Refunds {
			switch {
			case o.ID == r.ID || o.GiveBack || o.State == sale.RefundFailed || o.Number > r.Number && r.Number > 0:
				continue
			case len(o.Lines) == 0:
				return nil
			}
			left -= o.Amount
			gone = append(gone, o.Lines...)
		}
		if r.Amount != left {
			return nil
		}
		for _, it := range s.Items {
			if !slices.Contains(gone, it.Line) {
				lines = append(lines, it.Line)
			}
		}
	}
	for _, it := range s.Items {
		if slices.Contains(lines, it.Line) {
			list = append(list, it)
		}
	}
	return list
}

// invoiceLink is the address of the e-invoice for a sale: it names the sale
// and is signed with the till's key, so that nobody can ask for another's.
func (t *Till) invoiceLink(s sale.Sale) string {
	if t.o.Receipt.InvoiceURL == "" {
		return ""
	}
	text := strings.Join([]string{
		t.o.Till.Merchant, t.o.Till.Store, t.o.Till.Till, s.ID, s.Day, strconv.Itoa(s.Number), strconv.FormatInt(int64(s.Total), 10), s.Currency,
	}, "/")
	ref := base64.RawURLEncoding.EncodeToString([]byte(text))
	if t.o.Sign != nil {
		ref += "." + base64.RawURLEncoding.EncodeToString(t.o.Sign([]byte(text)))
	}
	u, err := url.Parse(t.o.Receipt.InvoiceURL)
	if err != nil {
		t.log.Warn("receipt.invoice_url is no address", "err", err)
		return ""
	}
	q := u.Query()
	q.Set("ref", ref)
	u.RawQuery = q.Encode()
	return u.String()
}
