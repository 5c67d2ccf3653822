package sale

import (
	"slices"
	"time"
	"unicode/utf8"
)

// ReturnFrom is where a sale was made whose goods came back to another till.
type ReturnFrom struct {
	Till   string `json:"till"` // path: acme/sh-001/05
	Day    string `json:"day"`
	Number int    `json:"number"`
}

type (
	// ReturnStarted begins the refund of a sale that another till made. The cloud
	// has the last word: nothing is given back before [ReturnNews].
	ReturnStarted struct {
		At       time.Time
		ID       string // of this till's record of it
		RefundID string
		Of       string // id of the sale
		From     ReturnFrom
		Items    []Item // goods that come back; none when an amount does
		Amount   Money
		Reason   string
		Cashier  string
	}
	// ReturnNews is the cloud's word: the tenders by which the amount goes back,
	// those through the payment side done already, cash to be handed out here.
	ReturnNews struct {
		At      time.Time
		Sale    string // id of this till's record
		OK      bool
		Tenders []Tender
	}
)

func (e ReturnStarted) step(w *stepper) error {
	if err := checkReason(e.Reason); err != nil {
		return err
	}
	if err := checkWho(e.Cashier); err != nil {
		return err
	}
	if e.Amount <= 0 || e.Amount > MaxMoney {
		return problem(CodeInvalid, "amount", "退款金额必须大于 0", "amount must be more than 0")
	}
	if len(e.Items) > MaxLines || !fits(e.Items) {
		return tooMany()
	}
	r := Refund{
		ID: e.RefundID, State: RefundPending, Amount: e.Amount, Reason: e.Reason, Tenders: []Tender{}, At: e.At,
		Cashier: firstOf(e.Cashier, w.book.Cashier),
	}
	for _, it := range e.Items {
		r.Lines = append(r.Lines, it.Line)
	}
	at, from := e.At, e.From
	w.live[e.ID] = &Sale{
		ID: e.ID, State: Refunded, Currency: w.cfg.Currency, Items: append([]Item{}, e.Items...), Total: e.Amount,
		Tenders: []Tender{}, Coupons: []Coupon{}, Offers: []Offer{}, Refunds: []Refund{r}, RefundOf: e.Of, RefundFrom: &from,
		Cashier: r.Cashier, OpenedAt: e.At, ClosedAt: &at,
	}
	w.touched[e.ID], w.about = true, e.ID
	return nil
}

// step books a refund at another till than the sale's. A refusal leaves a record
// that is void: no number, no money, no event.
func (e ReturnNews) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if s.RefundOf == "" || len(s.Refunds) != 1 {
		return problem(CodeNotFound, "sale", "没有这笔退货", "there is no such return")
	}
	r := &s.Refunds[0]
	if r.State != RefundPending {
		return nil
	}
	if !e.OK {
		r.State, s.State, s.VoidReported, s.VoidReason = RefundFailed, Void, true, "refund refused"
		return nil
	}
	var sum, cash Money
	for _, t := range e.Tenders {
		if t.Amount <= 0 || t.Amount > MaxMoney || !plain(t.Method, 32) || t.Method == "" || !plain(t.Reference, 128) || !utf8.ValidString(t.Scheme) {
			return problem(CodeInvalid, "tenders", "退款方式无效", "a tender needs a method and an amount")
		}
		sum += t.Amount
		if t.Method == "cash" {
			cash += t.Amount
		}
	}
	if sum != r.Amount {
		return problem(CodeInvalid, "tenders", "退款方式与金额不符", "the tenders do not add up to the amount")
	}
	r.State, r.Tenders = RefundDone, slices.Clone(e.Tenders)
	for i := range r.Tenders {
		r.Tenders[i].State = RefundDone
	}
	if cash > 0 {
		if w.book.Shift != nil {
			w.book.Shift.Cash -= cash
		}
		w.add(Drawer{SaleID: s.ID})
	}
	w.numberRefund(s, r, e.At)
	return nil
}

// sold names the sale whose goods a refund is about: s itself, or the one that
// another till made.
func (s *Sale) sold() (id, day string, number int) {
	if f := s.RefundFrom; f != nil {
		return s.RefundOf, f.Day, f.Number
	}
	return s.ID, s.Day, s.Number
}

// Refundable is what is left to give back of a closed sale's goods.
func (s *Sale) Refundable() Money {
	if s.State != Closed {
		return 0
	}
	return s.Total - s.refunded()
}

// LineRefundable is what a line would give back; 0 when it was.
func (s *Sale) LineRefundable(line int) Money {
	worth, err := s.linesWorth([]int{line})
	if err != nil || s.State != Closed {
		return 0
	}
	return min(worth, s.Refundable())
}
