package sale

import "time"

type (
	// SignedIn makes a cashier the one who sells.
	SignedIn struct {
		At      time.Time
		Cashier string
	}
	// SignedOut ends that.
	SignedOut struct{ At time.Time }
	// ShiftOpened starts a shift with Float in the drawer.
	ShiftOpened struct {
		At      time.Time
		Cashier string
		Float   Money
	}
	// ShiftEnded ends it with the cash that was counted.
	ShiftEnded struct {
		At      time.Time
		Cashier string
		Counted Money
	}
	// OffersSeen says that a sale's offers were put on the customer screen.
	OffersSeen struct {
		At      time.Time
		Sale    string
		Printed []string // those that its receipt has
	}
	// ReceiptPrinted says what became of the sale's receipt.
	ReceiptPrinted struct {
		At      time.Time
		Sale    string
		JobID   string
		Outcome string
	}
)

// CashierData is the data of tilld.cashier.signed_in.v1 and signed_out.
type CashierData struct {
	Cashier string    `json:"cashier"`
	At      time.Time `json:"at"`
}

func (e SignedIn) step(w *stepper) error {
	if !plain(e.Cashier, 64) || e.Cashier == "" {
		return problem(CodeInvalid, "cashier", "工号无效", "the cashier's id must have 1 to 64 printable characters")
	}
	if w.book.Cashier == e.Cashier {
		return nil
	}
	w.signOut(e.At)
	w.book.Cashier = e.Cashier
	w.add(Report{Type: "tilld.cashier.signed_in.v1", Subject: e.Cashier, Data: CashierData{e.Cashier, e.At}})
	return nil
}

func (e SignedOut) step(w *stepper) error {
	w.signOut(e.At)
	return nil
}

func (w *stepper) signOut(at time.Time) {
	if c := w.book.Cashier; c != "" {
		w.book.Cashier = ""
		w.add(Report{Type: "tilld.cashier.signed_out.v1", Subject: c, Data: CashierData{c, at}})
	}
}

func (e ShiftOpened) step(w *stepper) error {
	if w.book.Shift != nil {
		return problem(CodeShiftOpen, "", "班次已经开始", "a shift is open already; close it first")
	}
	if e.Float < 0 || e.Float > MaxMoney {
		return problem(CodeInvalid, "float", "备用金金额无效", "float must be 0 or more")
	}
	cashier := firstOf(e.Cashier, w.book.Cashier)
	if !plain(cashier, 64) {
		return problem(CodeInvalid, "cashier", "工号无效", "the cashier's id must have at most 64 printable characters")
	}
	w.book.Shift = &Shift{Cashier: cashier, OpenedAt: e.At, Float: e.Float}
	w.book.TillClosed = false
	w.add(Report{Type: "tilld.shift.opened.v1", Subject: cashier, Data: ShiftOpenedData{Cashier: cashier, Currency: w.cfg.Currency, Float: e.Float, At: e.At}})
	return nil
}

// ShiftOpenedData is the data of tilld.shift.opened.v1.
type ShiftOpenedData struct {
	Cashier  string    `json:"cashier,omitempty"`
	Currency string    `json:"currency"`
	Float    Money     `json:"float"` // cash in the drawer at the start
	At       time.Time `json:"at"`
}

// ShiftData is the data of tilld.shift.closed.v1 and the answer to closing.
type ShiftData struct {
	Cashier    string    `json:"cashier,omitempty"`
	ClosedBy   string    `json:"closed_by,omitempty"`
	OpenedAt   time.Time `json:"opened_at"`
	ClosedAt   time.Time `json:"closed_at"`
	Currency   string    `json:"currency"`
	Float      Money     `json:"float"`
	Cash       Money     `json:"cash"`       // cash taken less cash given back
	Expected   Money     `json:"expected"`   // float + cash
	Counted    Money     `json:"counted"`    // what was in the drawer
	Difference Money     `json:"difference"` // counted − expected
	Day        string    `json:"day,omitempty"`
}

func (e ShiftEnded) step(w *stepper) error {
	sh := w.book.Shift
	if sh == nil {
		return problem(CodeWrongState, "", "没有进行中的班次", "no shift is open")
	}
	if s, ok := w.live[w.book.Current]; ok && (s.State == Open || s.State == Paying) && (len(s.Items) > 0 || s.Paid > 0) {
		return problem(CodeSaleOpen, "", "请先结束、挂起或作废当前销售", "a sale is open: finish, park or void it first")
	}
	if e.Counted < 0 || e.Counted > MaxMoney {
		return problem(CodeInvalid, "counted", "清点金额无效", "counted must be 0 or more")
	}
	d := ShiftData{
		Cashier: sh.Cashier, ClosedBy: firstOf(e.Cashier, w.book.Cashier), OpenedAt: sh.OpenedAt, ClosedAt: e.At,
		Currency: w.cfg.Currency, Float: sh.Float, Cash: sh.Cash, Expected: sh.Float + sh.Cash, Counted: e.Counted,
		Difference: e.Counted - sh.Float - sh.Cash, Day: w.book.Day,
	}
	w.book.Shift, w.book.TillClosed = nil, true
	w.add(Report{Type: "tilld.shift.closed.v1", Subject: d.Cashier, Data: d})
	if w.book.Day != "" {
		w.checkpoint()
	}
	return nil
}

// OffersData is the data of tilld.offer.shown.v1.
type OffersData struct {
	Sale   string   `json:"sale"`
	Offers []string `json:"offers"` // ids of those on the screen
	// Printed are those on the receipt; what became of it is in receipt.outcome.
	Printed []string  `json:"printed,omitempty"`
	At      time.Time `json:"at"`
}

func (e OffersSeen) step(w *stepper) error {
	if w.book.OffersOf == e.Sale {
		return nil
	}
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	w.book.OffersOf = e.Sale
	ids := make([]string, 0, len(s.Offers))
	for _, o := range s.Offers {
		ids = append(ids, o.ID)
	}
	w.add(Report{Type: "tilld.offer.shown.v1", Subject: e.Sale, Data: OffersData{Sale: e.Sale, Offers: ids, Printed: e.Printed, At: e.At}})
	return nil
}

func (e ReceiptPrinted) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if s.Receipt != nil && s.Receipt.JobID == e.JobID {
		s.Receipt.Outcome = e.Outcome
	}
	return nil
}

// plain reports whether s is at most max bytes of printable text.
func plain(s string, max int) bool {
	if len(s) > max {
		return false
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == '\uFFFD' {
			return false
		}
	}
	return true
}
