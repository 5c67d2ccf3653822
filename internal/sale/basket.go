package sale

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

type (
	// Opened starts a sale and makes it current.
	Opened struct {
		At         time.Time
		ID         string
		ExternalID string
		Cashier    string
		Adviser    string
	}
	// ItemsAdded adds line items, all or none.
	ItemsAdded struct {
		At    time.Time
		Sale  string
		Items []NewItem
	}
	// ItemChanged changes a line's quantity or its discount by hand.
	ItemChanged struct {
		At       time.Time
		Sale     string
		Line     int
		Quantity *string
		Discount *Money
	}
	// ItemRemoved takes a line away.
	ItemRemoved struct {
		At   time.Time
		Sale string
		Line int
	}
	// ParkedEvent puts a sale aside.
	ParkedEvent struct {
		At      time.Time
		Sale    string
		Reason  string // "" or up to 256 bytes
		Cashier string // "" is the one who is signed in
	}
	// Recalled makes a sale current; an open current one is parked.
	Recalled struct {
		At      time.Time
		Sale    string
		Reason  string
		Cashier string
	}
	// AdviserSet names who gets the attribution.
	AdviserSet struct {
		At      time.Time
		Sale    string
		Adviser string
	}
)

// NewItem is a line item to be added.
type NewItem struct {
	SKU       string
	GTIN      string
	Serial    string
	Name      string
	Quantity  string
	Unit      string
	UnitPrice Money
	OldPrice  Money
	Discount  Money
	MultiBuy  *MultiBuy
	ScanSeq   uint64
}

func (e Opened) step(w *stepper) error {
	for field, text := range map[string]string{"external_id": e.ExternalID, "cashier": e.Cashier, "adviser": e.Adviser} {
		if !plain(text, 128) {
			return problem(CodeInvalid, field, "最多 128 字节，不能含控制字符", field+" must have at most 128 bytes of printable text")
		}
	}
	if cur, ok := w.live[w.book.Current]; ok && (cur.State == Open || cur.State == Paying) {
		if err := w.park(cur.ID, e.At, note{cashier: e.Cashier}); err != nil {
			return err
		}
	}
	cashier := e.Cashier
	if cashier == "" {
		cashier = w.book.Cashier
	}
	w.live[e.ID] = &Sale{
		ID: e.ID, State: Open, Currency: w.cfg.Currency, Items: []Item{}, Tenders: []Tender{},
		Coupons: []Coupon{}, Offers: []Offer{}, Cashier: cashier, Adviser: e.Adviser,
		ExternalID: e.ExternalID, OpenedAt: e.At, Code: ShortCode(e.ID),
	}
	w.touched[e.ID] = true
	w.about = e.ID
	w.book.Current = e.ID
	w.book.TillClosed = false
	return nil
}

func (e ItemsAdded) step(w *stepper) error {
	s, err := w.change(e.Sale, e.At)
	if err != nil {
		return err
	}
	for _, n := range e.Items {
		if err := s.addItem(n); err != nil {
			return err
		}
	}
	if err := s.reckon(); err != nil {
		return err
	}
	if !fits(s.Items) {
		return tooMany()
	}
	return nil
}

// fits reports whether an event has room for line items.
func fits(items []Item) bool {
	body, err := json.Marshal(items)
	if err != nil {
		panic("sale: items: " + err.Error()) // plain values only
	}
	return len(body) <= maxItemBytes
}

func tooMany() *Problem {
	return problem(CodeTooManyLines, "items", "这笔销售的商品行已满，请分单结账", "this sale is full; pay it and open another")
}

func (s *Sale) addItem(n NewItem) error {
	if len(s.Items) >= MaxLines {
		return tooMany()
	}
	n.Name = clean(n.Name)
	for field, text := range map[string]string{"sku": n.SKU, "gtin": n.GTIN, "serial": n.Serial} {
		if !plain(text, 128) {
			return problem(CodeInvalid, field, "最多 128 字节，不能含控制字符", field+" must have at most 128 bytes of printable text")
		}
	}
	if n.Unit != "" && n.Unit != "each" && n.Unit != "kg" {
		return problem(CodeInvalid, "unit", "单位只能是 each 或 kg", "unit must be each or kg")
	}
	if strings.TrimSpace(n.Name) == "" || len(n.Name) > 512 {
		return problem(CodeInvalid, "name", "商品名称不能为空，也不能超过 512 字节", "name must have 1 to 512 bytes")
	}
	if n.UnitPrice < 0 || n.UnitPrice > MaxMoney {
		return problem(CodeInvalid, "unit_price", "单价必须是 0 或更大的整数（分）", "unit_price must be an integer of minor units, 0 or more")
	}
	if n.OldPrice < 0 || n.OldPrice > MaxMoney {
		return problem(CodeInvalid, "old_price", "原价无效", "old_price must be 0 or more")
	}
	if n.Serial != "" {
		if n.Quantity != "" && n.Quantity != "1" {
			return problem(CodeInvalid, "quantity", "带序列号的商品只能是 1 件", "an item with a serial number is always one piece")
		}
		for _, it := range s.Items {
			if sameItem(it, n.GTIN, n.SKU, n.Serial) {
				return problem(CodeDuplicateSerial, "serial", "这件商品（序列号）已经在本单中", "this very item is already in the sale")
			}
		}
	}
	line := 1
	for _, it := range s.Items {
		line = max(line, it.Line+1)
	}
	line = max(line, s.NextLine)
	s.NextLine = line + 1
	q := n.Quantity
	if q == "" {
		q = "1"
	}
	s.Items = append(s.Items, Item{
		Line: line, SKU: n.SKU, GTIN: n.GTIN, Serial: n.Serial, Name: n.Name, Quantity: q, Unit: n.Unit,
		UnitPrice: n.UnitPrice, OldPrice: n.OldPrice, Manual: n.Discount, MultiBuy: n.MultiBuy, ScanSeq: n.ScanSeq,
	})
	return nil
}

func (e ItemChanged) step(w *stepper) error {
	s, err := w.change(e.Sale, e.At)
	if err != nil {
		return err
	}
	i := s.line(e.Line)
	if i < 0 {
		return problem(CodeUnknownLine, "line", "本单没有这一行", "the sale has no such line")
	}
	if e.Quantity != nil {
		if s.Items[i].Serial != "" && *e.Quantity != "1" {
			return problem(CodeInvalid, "quantity", "带序列号的商品只能是 1 件", "an item with a serial number is always one piece")
		}
		s.Items[i].Quantity = *e.Quantity
	}
	if e.Discount != nil {
		s.Items[i].Manual = *e.Discount
	}
	return s.reckon()
}

func (e ItemRemoved) step(w *stepper) error {
	s, err := w.change(e.Sale, e.At)
	if err != nil {
		return err
	}
	i := s.line(e.Line)
	if i < 0 {
		return problem(CodeUnknownLine, "line", "本单没有这一行", "the sale has no such line")
	}
	s.Items = slices.Delete(s.Items, i, i+1)
	return s.reckon()
}

func (e AdviserSet) step(w *stepper) error {
	if !plain(e.Adviser, 128) {
		return problem(CodeInvalid, "adviser", "最多 128 字节，不能含控制字符", "adviser must have at most 128 bytes of printable text")
	}
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	s.Adviser = e.Adviser
	return nil
}

func (e ParkedEvent) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if s.State == Parked {
		return nil
	}
	if s.State != Open && s.State != Paying {
		return wrongState(s.State)
	}
	n := note{e.Reason, e.Cashier}
	if err := n.check(); err != nil {
		return err
	}
	return w.park(e.Sale, e.At, n)
}

func (e Recalled) step(w *stepper) error {
	n := note{e.Reason, e.Cashier}
	if err := n.check(); err != nil {
		return err
	}
	return w.recall(e.Sale, e.At, n)
}

// park puts a live sale aside; a pay code on the screen goes with it.
func (w *stepper) park(id string, at time.Time, n note) error {
	s, err := w.edit(id)
	if err != nil {
		return err
	}
	w.withdraw(s, at)
	s.State = Parked
	if w.book.Current == id {
		w.book.Current = ""
	}
	w.reportParking("tilld.sale.parked.v1", s, n, at)
	return nil
}

// makeCurrent makes a live sale the one that scans go to.
func (w *stepper) makeCurrent(id string, at time.Time) error { return w.recall(id, at, note{}) }

func (w *stepper) recall(id string, at time.Time, n note) error {
	s, err := w.edit(id)
	if err != nil {
		return err
	}
	switch s.State {
	case Open, Paying, Parked:
	default:
		return wrongState(s.State)
	}
	if w.book.Current != id {
		if cur, ok := w.live[w.book.Current]; ok && (cur.State == Open || cur.State == Paying) {
			if err := w.park(cur.ID, at, note{cashier: n.cashier}); err != nil {
				return err
			}
		}
		w.book.Current = id
	}
	if s.State == Parked {
		s.State = Open
		w.reportParking("tilld.sale.recalled.v1", s, n, at)
	}
	w.about = id
	return nil
}

// change returns a sale whose basket may be changed, after taking its pay code
// away.
func (w *stepper) change(id string, at time.Time) (*Sale, error) {
	s, err := w.edit(id)
	if err != nil {
		return nil, err
	}
	switch s.State {
	case Open, Parked:
	case Paying:
		w.withdraw(s, at)
		s.State = Open
	default:
		return nil, wrongState(s.State)
	}
	if s.Payment != nil && s.Payment.State.Final() && s.Payment.State != PayPaid {
		s.archivePayment() // the failure was seen; the basket goes on
	}
	return s, nil
}

func (s *Sale) line(n int) int {
	return slices.IndexFunc(s.Items, func(it Item) bool { return it.Line == n })
}

// reckon works out every line and the totals anew.
func (s *Sale) reckon() error {
	s.Total, s.DiscountTotal = 0, 0
	auto := s.multiBuys()
	for i := range s.Items {
		it := &s.Items[i]
		gross, ok := lineTotal(it.Quantity, it.UnitPrice)
		if !ok {
			return problem(CodeInvalid, "quantity", "数量必须是大于 0 的数字，最多三位小数，如 2 或 0.735", `quantity must be a positive decimal with at most three places, such as "2" or "0.735"`)
		}
		it.Discount = it.Manual + auto[it.Line]
		if it.Manual < 0 || it.Discount > gross {
			return problem(CodeInvalid, "discount", "折扣必须在 0 和该行金额之间", "discount must be between 0 and the line's amount")
		}
		it.Total = gross - it.Discount
		s.Total += it.Total
		s.DiscountTotal += it.Discount
	}
	s.applyCoupons()
	if s.Total > MaxMoney {
		return problem(CodeInvalid, "items", "金额超出上限", "the total is beyond the limit")
	}
	return nil
}

// multiBuys returns, by line, what "n for a price" takes off. Pieces of one SKU
// count together over all lines; the line that completes a group gets it.
func (s *Sale) multiBuys() map[int]Money {
	off := map[int]Money{}
	have := map[string]int{}
	for _, it := range s.Items {
		if it.MultiBuy == nil || it.MultiBuy.Quantity < 2 {
			continue
		}
		n := pieces(it.Quantity)
		before := have[it.SKU] / it.MultiBuy.Quantity
		have[it.SKU] += n
		groups := have[it.SKU]/it.MultiBuy.Quantity - before
		saved := Money(it.MultiBuy.Quantity)*it.UnitPrice - it.MultiBuy.Price
		if groups > 0 && saved > 0 {
			gross := Money(n) * it.UnitPrice
			off[it.Line] = min(Money(groups)*saved, gross-min(it.Manual, gross))
		}
	}
	return off
}

// Digest identifies the basket that a payment was made for: lines, quantities,
// prices, discounts and total, SHA-256 in hex.
func (s *Sale) Digest() string {
	type row struct {
		SKU, GTIN, Serial, Quantity string
		UnitPrice, Total            Money
	}
	rows := make([]row, 0, len(s.Items))
	for _, it := range s.Items {
		rows = append(rows, row{it.SKU, it.GTIN, it.Serial, it.Quantity, it.UnitPrice, it.Total})
	}
	body, err := json.Marshal(struct {
		Sale  string
		Items []row
		Total Money
	}{s.ID, rows, s.Total})
	if err != nil {
		panic("sale: digest: " + err.Error()) // plain values only
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// clean makes outside text one line: control characters become spaces.
func clean(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
}

func wrongState(s State) *Problem {
	return problem(CodeWrongState, "", "这笔销售现在的状态（"+stateZH[s]+"）不允许这样做", "the sale is "+string(s)+"; that cannot be done now")
}

var stateZH = map[State]string{
	Open: "进行中", Paying: "付款中", Paid: "已付款", Closed: "已结束", Void: "已作废", Refunded: "已退款", Parked: "已挂单",
}
