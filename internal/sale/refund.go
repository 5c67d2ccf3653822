package sale

import (
	"math/bits"
	"slices"
	"time"
	"unicode/utf8"
)

// RefundRequested gives back whole lines, an amount, or all that is left of a
// closed sale; what was paid beyond its total comes first. Of an open one it
// gives back the excess, or everything.
type RefundRequested struct {
	At       time.Time
	Sale     string
	RefundID string
	Lines    []int
	Amount   *Money
	Cash     bool // instead of what the payment side refused
	Reason   string
	Cashier  string
}

// RefundNews is what the payment side says of money that it should give back.
type RefundNews struct {
	At        time.Time
	Sale      string
	RefundID  string
	PaymentID string
	OK        bool
}

func (e RefundRequested) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if err := checkReason(e.Reason); err != nil {
		return err
	}
	if err := checkWho(e.Cashier); err != nil {
		return err
	}
	r := Refund{
		ID: e.RefundID, Lines: slices.Clone(e.Lines), Reason: e.Reason, At: e.At,
		Cashier: firstOf(e.Cashier, w.book.Cashier, s.Cashier),
	}
	switch s.State {
	case Open, Parked, Paying, Void:
		err = s.sizeGiveBack(&r, e.Amount)
	case Closed, Refunded:
		switch {
		case s.Paid > s.Total && len(e.Lines) == 0:
			err = s.sizeGiveBack(&r, e.Amount)
		case s.State == Closed:
			err = s.sizeRefund(&r, e.Amount)
		default:
			err = problem(CodeRefundTooMuch, "", "这笔销售已经全部退款", "everything was given back already")
		}
	default:
		err = wrongState(s.State)
	}
	if err != nil {
		return err
	}
	r.Tenders = s.chooseTenders(r.Amount)
	if e.Cash {
		if err := s.inCash(r.Tenders); err != nil {
			return err
		}
	}
	if r.GiveBack {
		w.withdraw(s, e.At)
		s.Paid -= r.Amount
		s.PaidButChanged = false
	}
	w.startRefund(s, r, e.At)
	return nil
}

// sizeGiveBack works out money that was paid for nothing.
func (s *Sale) sizeGiveBack(r *Refund, amount *Money) error {
	if len(r.Lines) > 0 {
		return problem(CodeInvalid, "lines", "未结束的销售不能按行退款", "lines can be refunded only after the sale has closed")
	}
	over := s.Paid - s.Total
	most := s.Paid
	if s.State == Closed || s.State == Refunded {
		most = over
	}
	switch {
	case s.State == Void:
		over = s.Paid // what could not be given back when it was voided
		if over == 0 {
			return problem(CodeRefundTooMuch, "", "已经全部退还", "everything was given back already")
		}
	case !s.PaidButChanged && over <= 0:
		return problem(CodeWrongState, "", "这笔销售还没有结束；请删除商品、取消付款或作废", "the sale is not closed: change it, cancel the payment, or void it")
	}
	r.GiveBack, r.Amount = true, most
	if over > 0 {
		r.Amount = over
	}
	if amount != nil {
		r.Amount = *amount
	}
	if r.Amount <= 0 || r.Amount > most {
		return tooMuch()
	}
	return nil
}

// sizeRefund works out what goods of a closed sale are worth.
func (s *Sale) sizeRefund(r *Refund, amount *Money) error {
	left := s.Total - s.refunded()
	r.Amount = left
	if len(r.Lines) > 0 {
		if amount != nil {
			return problem(CodeInvalid, "amount", "按行退款时不能再指定金额", "give lines or an amount, not both")
		}
		sum, err := s.linesWorth(r.Lines)
		if err != nil {
			return err
		}
		r.Amount = sum
	}
	if amount != nil {
		if *amount <= 0 {
			return problem(CodeInvalid, "amount", "退款金额必须大于 0", "amount must be more than 0")
		}
		r.Amount = *amount
	}
	if r.Amount > left || left == 0 && s.Total > 0 {
		return tooMuch()
	}
	return nil
}

func tooMuch() *Problem {
	return problem(CodeRefundTooMuch, "amount", "退款金额超过可退金额", "that is more than what can be given back")
}

// linesWorth is what was paid for lines, coupons taken into account.
func (s *Sale) linesWorth(lines []int) (Money, error) {
	net := s.nets()
	var sum Money
	for i, n := range lines {
		at := s.line(n)
		if at < 0 {
			return 0, problem(CodeUnknownLine, "lines", "本单没有这一行", "the sale has no such line")
		}
		back := slices.ContainsFunc(s.Refunds, func(r Refund) bool {
			return r.State != RefundFailed && slices.Contains(r.Lines, n)
		})
		if back || slices.Contains(lines[:i], n) {
			return 0, problem(CodeRefundTooMuch, "lines", "这一行已经退过", "this line was given back already")
		}
		sum += net[at]
	}
	return sum, nil
}

// mulDiv is a·b/c rounded down, for 0 ≤ b ≤ c, without overflow.
func mulDiv(a, b, c Money) Money {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return Money(q)
}

// refunded is what was given back for goods, or is about to be.
func (s *Sale) refunded() Money {
	var sum Money
	for _, r := range s.Refunds {
		if !r.GiveBack && r.State != RefundFailed {
			sum += r.Amount
		}
	}
	return sum
}

// startRefund has the payment side give back its part of the tenders; without
// such a part the refund is done at once.
func (w *stepper) startRefund(s *Sale, r Refund, at time.Time) {
	r.State = RefundPending
	s.Refunds = append(s.Refunds, r)
	w.askRefund(s, r)
	w.finishRefund(s, r.ID, at)
}

// askRefund has the cloud give back what a refund owes through the payment side.
func (w *stepper) askRefund(s *Sale, r Refund) {
	for _, t := range byPayment(r.Tenders) {
		if t.State == RefundPending {
			w.add(Ask{Type: "payment.refund", SaleID: s.ID, PaymentID: t.PaymentID, RefundID: r.ID, Amount: t.Amount})
		}
	}
}

func (e RefundNews) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.Refunds, func(r Refund) bool { return r.ID == e.RefundID })
	if i < 0 {
		return problem(CodeNotFound, "refund_id", "没有这笔退款", "the sale has no such refund")
	}
	for j := range s.Refunds[i].Tenders {
		t := &s.Refunds[i].Tenders[j]
		if t.PaymentID == e.PaymentID && t.State == RefundPending {
			t.State = RefundDone
			if !e.OK {
				t.State = RefundFailed
			}
		}
	}
	w.finishRefund(s, e.RefundID, e.At)
	return nil
}

// finishRefund books a refund once nothing of it is pending: numbers and
// reports it, counts the cash, prints its receipt. What the payment side
// refused is not given back and can be tried again.
func (w *stepper) finishRefund(s *Sale, id string, at time.Time) {
	r := &s.Refunds[slices.IndexFunc(s.Refunds, func(r Refund) bool { return r.ID == id })]
	var failed, cash Money
	for _, t := range r.Tenders {
		switch {
		case t.State == RefundPending:
			return
		case t.State == RefundFailed:
			failed += t.Amount
		case t.Method == "cash":
			cash += t.Amount
		}
	}
	if r.State != RefundPending {
		return
	}
	if r.GiveBack && failed > 0 {
		s.Paid += failed
		s.PaidButChanged = s.State != Void
	}
	r.State = RefundDone
	if failed > 0 && failed == r.Amount {
		r.State = RefundFailed
	} else {
		r.Amount -= failed
	}
	if r.State == RefundDone {
		if cash > 0 {
			if w.book.Shift != nil {
				w.book.Shift.Cash -= cash
			}
			w.add(Drawer{SaleID: s.ID})
		}
		if !r.GiveBack {
			w.numberRefund(s, r, at)
		}
	}
	if r.GiveBack {
		w.gaveBack(s, *r, at)
	}
}

func (w *stepper) numberRefund(s *Sale, r *Refund, at time.Time) {
	r.Day, r.Number = w.nextNumber(at)
	w.book.Totals.AddRefund(*r)
	if s.refunded() >= s.Total && !s.refundsPending() {
		s.State = Refunded
	}
	data := refundReport(s, *r)
	w.add(Report{Type: "tilld.sale.refunded.v1", Subject: data.Sale, Data: data})
	if w.cfg.Receipts {
		w.add(Print{JobID: s.ID + "/refund/" + r.ID, Sale: s.clone(), Refund: clonePtr(r)})
	}
}

// gaveBack ends what a give-back was for.
func (w *stepper) gaveBack(s *Sale, r Refund, at time.Time) {
	if s.State == Void && !s.VoidReported {
		if !s.refundsPending() {
			w.reportVoid(s)
		}
		return
	}
	for _, t := range r.Tenders {
		if t.InsteadOf != "" {
			w.add(Report{Type: "tilld.payment.unknown.v1", Subject: s.ID, Data: paymentReport{
				PaymentID: t.InsteadOf, Sale: s.ID, State: PayPaid, Amount: t.Amount, PaidButChanged: s.PaidButChanged,
				RefundID: r.ID, Refund: t.State, Cash: true, Cashier: r.Cashier, Adviser: s.Adviser,
			}})
		}
	}
	for _, t := range byPayment(r.Tenders) {
		w.add(Report{Type: "tilld.payment.unknown.v1", Subject: s.ID, Data: paymentReport{
			PaymentID: t.PaymentID, Sale: s.ID, State: PayPaid, Amount: t.Amount, PaidButChanged: s.PaidButChanged,
			RefundID: r.ID, Refund: t.State, Cashier: r.Cashier, Adviser: s.Adviser,
		}})
	}
	open := s.State == Open || s.State == Parked || s.State == Paying
	if open && r.State == RefundDone && s.Paid == s.Total && s.Paid > 0 {
		w.close(s, at)
	}
}

// checkReason bounds what a cashier types.
func checkReason(reason string) error {
	if reason == "" || len(reason) > 256 || !utf8.ValidString(reason) {
		return problem(CodeInvalid, "reason", "请填写原因（最多 256 字节）", "reason must have 1 to 256 bytes")
	}
	return nil
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
