package till

import (
	_ "embed"
	"fmt"
	"strconv"

	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/printer"
)

// ReceiptData is what a store's own receipt template is filled with. All is text
// in the till's language, money with two decimals (and its sign of currency where
// it is a total), "" when there is none.
type ReceiptData struct {
	Header, Footer        string // what head office has set
	Merchant, Store, Till string // ids
	Number                string // "03-20260314-0001"
	Time                  string // of closing, store time
	Cashier, Adviser      string
	Items                 []ReceiptItem
	Coupons               []ReceiptCoupon // redeemed
	Saved, Total, Change  string
	Tenders               []ReceiptTender
	Card, Balance, Bought string // stored value: masked card, what is on it, what was bought
	Member                string // masked
	Joined                bool   // became a member with this sale
	Points, PointsBalance string
	Issued                []ReceiptCoupon // given to the shopper
	Offers                []ReceiptOffer  // two at most
	Invoice               string          // address of the e-invoice
	Links                 []ReceiptLink   // codes at the foot
	Sale                  string          // id
}

// RefundData is what a store's own template of a refund's receipt is filled with,
// in the same way.
type RefundData struct {
	Header                string // what head office has set
	Merchant, Store, Till string // ids
	Number, Original      string // of the refund; of the sale, perhaps another till's
	Time                  string // of the refund, store time
	Cashier, Adviser      string
	Items                 []ReceiptItem // that came back; none when only an amount is known
	Refunded              string        // with a minus sign
	Tenders               []ReceiptTender
	Reason                string
	Sale                  string // id of the original sale
}

// ReceiptItem is one line of the sale.
type ReceiptItem struct {
	Name, SKU, Serial string
	Quantity          string // "2", "0.735 kg"
	Price, OldPrice   string // of one
	Amount, Discount  string // before the discount; Discount without sign
	Total             string
}

// ReceiptCoupon is a coupon that was redeemed (Applied) or given out.
type ReceiptCoupon struct{ Title, Code, Expires, Applied string }

// ReceiptTender is one way the sale was paid.
type ReceiptTender struct{ Name, Amount, Given, Reference, Balance string }

// ReceiptOffer is an offer of the payment.
type ReceiptOffer struct{ Brand, Title, Text, URL string }

// ReceiptLink is a code with a title.
type ReceiptLink struct{ Title, URL string }

// ClassicTemplate is the template "classic": the same receipt as the default, as
// a file to start from.
//
//go:embed classic.receipt
var ClassicTemplate string

// ClassicRefundTemplate is the same for the receipt of a refund.
//
//go:embed classic-refund.receipt
var ClassicRefundTemplate string

// ReceiptWords are the words of a receipt for a template, by name.
func ReceiptWords(tag lang.Tag) func(name string) (string, bool) {
	list := map[string]lang.Text{
		"receipt": lineReceipt, "number": lineNumber, "store": lineStore, "till": lineTill, "time": lineTime, "cashier": lineCashier, "adviser": lineAdviser,
		"old_price": lineOldPrice, "discount": lineDiscount, "coupon": lineCoupon, "saved": lineSaved, "total": lineTotal, "given": lineGiven,
		"change": lineChange, "reference": lineReference, "balance": lineBalance, "bought": lineBought, "card": lineCard, "member": lineMember,
		"joined": lineJoined, "points": linePoints, "points_balance": linePointsBalance, "issued": lineIssued, "valid": lineValid, "invoice": lineInvoice,
		"refund": lineRefundReceipt, "original": lineOriginal, "refunded": lineRefunded, "reason": lineReason,
	}
	return func(name string) (string, bool) {
		w, ok := list[name]
		return w.In(tag), ok
	}
}

var condTemplate = health.Kind{
	Code: "receipt_template", Severity: health.Warning,
	Text:   lang.Text{ZH: "小票模板无法使用：{err}", EN: "the receipt template cannot be used: {err}"},
	Remedy: lang.Text{ZH: "小票暂用默认版式；请修改 {key} 指定的文件", EN: "receipts are printed in the default layout; correct the file that {key} names"},
}

// templated lays a sale's receipt, or that of one of its refunds, out by the
// store's own template; false when there is none, or none that works: a receipt is
// printed in any case. mu is held.
func (t *Till) templated(s sale.Sale, refund *sale.Refund) (printer.Doc, bool) {
	var doc printer.Doc
	var err error
	key := "receipt.template"
	switch {
	case refund == nil && t.o.Template != nil:
		doc, err = t.o.Template(t.receiptData(s))
	case refund != nil && t.o.RefundTemplate != nil:
		key = "receipt.refund_template"
		doc, err = t.o.RefundTemplate(t.refundData(s, *refund))
	default:
		return nil, false
	}
	if err != nil {
		t.log.Error("receipt template", "sale", s.ID, "key", key, "err", err)
		t.o.Health.Raise(condTemplate, key, "key", key, "err", clip(err.Error(), 160))
		return nil, false
	}
	t.o.Health.Clear(condTemplate, key)
	out := make(printer.Doc, 0, len(doc))
	for i, b := range doc {
		switch b := b.(type) {
		case printer.OpenDrawer:
			continue
		case printer.Cut:
			if i == len(doc)-1 { // added behind copies and marks
				continue
			}
		case printer.QR:
			if !t.allowedHost(b.Payload) && b.Payload != t.invoiceLink(s) {
				t.log.Warn("a code of the receipt template leads to a host that receipt.qr_hosts does not list")
				continue
			}
		}
		out = append(out, optional(b))
	}
	return out, true
}

// optional is a block of a template that the receipt is printed without when the
// printer cannot show it: what an article is called is no EAN at every store.
func optional(b printer.Block) printer.Block {
	switch b := b.(type) {
	case printer.QR:
		b.Optional = true
		return b
	case printer.Barcode:
		b.Optional = true
		return b
	case printer.Image:
		b.Optional = true
		return b
	}
	return b
}

// refundData fills in what the template of a refund may use. mu is held.
func (t *Till) refundData(s sale.Sale, r sale.Refund) RefundData {
	b := &receipt{t: t, s: s}
	original, id := b.original()
	d := RefundData{
		Header: t.set.Header, Merchant: t.o.Till.Merchant, Store: t.o.Till.Store, Till: t.o.Till.Till,
		Number: receiptNumber(t.o.Till.Till, r.Day, r.Number), Original: original, Time: b.when(r.At),
		Cashier: r.Cashier, Adviser: s.Adviser, Refunded: b.money(-r.Amount), Reason: r.Reason, Sale: id,
	}
	for _, it := range goodsBack(s, r) {
		d.Items = append(d.Items, receiptItem(it, func(m sale.Money) string { return m.Decimal(s.Currency) }))
	}
	for _, x := range r.Tenders {
		if x.State == sale.RefundDone {
			d.Tenders = append(d.Tenders, ReceiptTender{Name: t.tenderName(x), Amount: b.money(-x.Amount), Reference: x.Reference})
		}
	}
	return d
}

// receiptData fills in what a template may use. mu is held.
func (t *Till) receiptData(s sale.Sale) ReceiptData {
	b := &receipt{t: t, s: s}
	plain := func(m sale.Money) string { return m.Decimal(s.Currency) }
	d := ReceiptData{
		Header: t.set.Header, Footer: t.footer(s.Cashier), Merchant: t.o.Till.Merchant, Store: t.o.Till.Store, Till: t.o.Till.Till,
		Number:  receiptNumber(t.o.Till.Till, s.Day, s.Number),
		Cashier: s.Cashier, Adviser: s.Adviser, Total: b.money(s.Total), Invoice: t.invoiceLink(s), Sale: s.ID,
	}
	if s.ClosedAt != nil {
		d.Time = b.when(*s.ClosedAt)
	}
	if s.DiscountTotal > 0 {
		d.Saved = plain(s.DiscountTotal)
	}
	if s.Change > 0 {
		d.Change = b.money(s.Change)
	}
	for _, it := range s.Items {
		d.Items = append(d.Items, receiptItem(it, plain))
	}
	for _, x := range s.Tenders {
		one := ReceiptTender{Name: t.tenderName(x), Amount: b.money(x.Amount), Reference: x.Reference}
		if x.Given > x.Amount {
			one.Given = b.money(x.Given)
		}
		if x.Balance != nil {
			one.Balance = b.money(*x.Balance)
		}
		d.Tenders = append(d.Tenders, one)
	}
	t.receiptShopper(&d, b)
	for _, l := range t.links(s) {
		d.Links = append(d.Links, ReceiptLink{l.Title, l.URL})
	}
	for _, o := range printedOffers(s) {
		link := o.URL
		if !soundLink(link, maxSmallLink) || !t.allowedHost(link) {
			link = ""
		}
		d.Offers = append(d.Offers, ReceiptOffer{o.Brand, o.Title, o.Text, link})
	}
	return d
}

func receiptItem(it sale.Item, plain func(sale.Money) string) ReceiptItem {
	one := ReceiptItem{
		Name: it.Name, SKU: it.SKU, Serial: it.Serial, Quantity: it.Quantity, Price: plain(it.UnitPrice),
		Amount: plain(it.Total + it.Discount), Total: plain(it.Total),
	}
	if it.Unit == "kg" {
		one.Quantity += " kg"
	}
	if it.OldPrice > it.UnitPrice {
		one.OldPrice = plain(it.OldPrice)
	}
	if it.Discount > 0 {
		one.Discount = plain(it.Discount)
	}
	return one
}

// receiptShopper is what the payment told of the shopper, masked.
func (t *Till) receiptShopper(d *ReceiptData, b *receipt) {
	s := b.s
	if v := s.StoredValue; v != nil {
		d.Card, d.Balance = v.CardMasked, b.money(v.Balance)
		if v.Bought > 0 {
			d.Bought = b.money(v.Bought)
		}
	}
	if m := s.Member; m != nil {
		d.Member, d.Joined = memberText(*m), m.Joined
	}
	if p := s.Points; p != nil {
		d.Points = fmt.Sprintf("%+d", p.Earned)
		if p.Balance != nil {
			d.PointsBalance = strconv.FormatInt(*p.Balance, 10)
		}
	}
	for _, c := range s.Coupons {
		switch one := (ReceiptCoupon{Title: c.Title, Code: c.Code, Expires: c.Expires}); {
		case c.Issued:
			if len(d.Issued) >= maxIssuedCodes {
				one.Code = ""
			}
			d.Issued = append(d.Issued, one)
		case c.Applied > 0:
			one.Applied = c.Applied.Decimal(s.Currency)
			d.Coupons = append(d.Coupons, one)
		}
	}
}

// SampleReceipt is a receipt with everything on it, for checking a template
// before the till opens.
func SampleReceipt() ReceiptData {
	return ReceiptData{
		Header: "山海茶铺", Footer: "谢谢惠顾", Merchant: "acme", Store: "sh-001", Till: "03", Number: "03-20260314-0001", Time: "2026-03-14 12:05:06",
		Cashier: "E-1", Adviser: "A-2", Saved: "1.00", Total: "¥13.00", Change: "¥7.00",
		Items:   []ReceiptItem{{Name: "面包 Bread", SKU: "B1", Serial: "SN1", Quantity: "2", Price: "7.00", OldPrice: "10.00", Amount: "14.00", Discount: "1.00", Total: "13.00"}},
		Coupons: []ReceiptCoupon{{Title: "满10减1", Applied: "1.00"}},
		Tenders: []ReceiptTender{{Name: "现金", Amount: "¥13.00", Given: "¥20.00", Reference: "r1", Balance: "¥1.00"}},
		Card:    "****8899", Balance: "¥200.00", Bought: "¥100.00", Member: "138****1234", Joined: true, Points: "+12", PointsBalance: "1292",
		Issued:  []ReceiptCoupon{{Title: "满50减5", Code: "CP-1", Expires: "2026-04-14"}},
		Offers:  []ReceiptOffer{{Brand: "Hill", Title: "咖啡八折", Text: "周末", URL: "https://example.cn/o"}},
		Invoice: "https://example.cn/invoice", Links: []ReceiptLink{{Title: "加入社群", URL: "https://example.cn/g"}}, Sale: "01J00000000000000000000000",
	}
}

// SampleRefund is the receipt of a refund with everything on it, see
// [SampleReceipt].
func SampleRefund() RefundData {
	r := SampleReceipt()
	return RefundData{
		Header: r.Header, Merchant: r.Merchant, Store: r.Store, Till: r.Till, Number: "03-20260315-0002", Original: r.Number, Time: "2026-03-15 10:11:12",
		Cashier: r.Cashier, Adviser: r.Adviser, Items: r.Items, Refunded: "-¥13.00", Tenders: []ReceiptTender{{Name: "现金", Amount: "-¥13.00", Reference: "r1"}},
		Reason: "包装破损", Sale: r.Sale,
	}
}
