package sale

import (
	"maps"
	"slices"
	"time"
)

// PaymentNews is what the cloud says of a payment: the answer to create, query,
// collect or cancel, or a payment.result.
type PaymentNews struct {
	At               time.Time
	PaymentID        string
	State            PaymentState
	Amount           *Money // must be the payment's own when given
	URL              string
	PicturePNGBase64 string
	Tenders          []Tender
	Member           *Member
	Points           *Points
	StoredValue      *StoredValue
	Coupons          []Coupon
	Offers           []Offer
	Error            string
}

// PaymentSilent says that the cloud did not answer in time.
type PaymentSilent struct {
	At        time.Time
	PaymentID string
}

// PaymentDue is the deadline of a pay code.
type PaymentDue struct {
	At        time.Time
	PaymentID string
}

// PaymentUnshowable says that what the cloud sent to be shown is no code that a
// phone could read.
type PaymentUnshowable struct {
	At        time.Time
	PaymentID string
	Error     string
}

// PaymentWithdrawn takes a pay code away because the shopper pays another way.
type PaymentWithdrawn struct {
	At   time.Time
	Sale string
}

// PaymentGivenUp is the cashier's cancel-payment.
type PaymentGivenUp struct {
	At   time.Time
	Sale string
}

// Restarted follows the start of the agent: what the cloud said before counts
// no more until it has said it again.
type Restarted struct{ At time.Time }

func (e PaymentNews) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	if p == nil {
		return problem(CodeNotFound, "payment_id", "没有这笔付款", "this till has no such payment")
	}
	if p.Settled && (e.State != PayPaid || p.State == PayPaid) {
		return nil // said before; only "paid" overrules what was final
	}
	addsUp := e.State == PayPaid && len(e.Tenders) > 0 // then the tenders decide
	if e.Amount != nil && *e.Amount != p.Amount && !addsUp {
		return problem(CodeInvalid, "amount", "付款金额与请求不符", "the amount is not the payment's")
	}
	switch e.State {
	case PayPaid:
		return w.paid(s, p, e)
	case PayPending:
		w.pending(s, p, e)
		return nil
	case PayExpired, PayCancelled, PayFailed:
		p.State, p.Settled, p.Withdrawn, p.Error = e.State, true, true, e.Error
		p.URL, p.PicturePNGBase64 = "", ""
		if s.State == Paying && s.Payment == p {
			s.State = Open
		}
		return nil
	case PayRequested, PayUnknown:
		return nil
	default:
		return problem(CodeInvalid, "state", "未知的付款状态", "unknown payment state")
	}
}

func (w *stepper) pending(s *Sale, p *Payment, e PaymentNews) {
	if p.State.Final() && !p.Withdrawn {
		return
	}
	if p.Withdrawn {
		w.add(Ask{Type: "payment.cancel", SaleID: s.ID, PaymentID: p.ID, Amount: p.Amount})
		return
	}
	if !e.At.Before(p.ExpiresAt) && p.Method == "qr" {
		w.withdrawPayment(s, p, PayExpired)
		return
	}
	p.State, p.Verified = PayPending, true
	if (e.URL != "" || e.PicturePNGBase64 != "") && !p.Offline {
		p.URL, p.PicturePNGBase64 = e.URL, e.PicturePNGBase64
	}
	if p == s.Payment && s.State == Open {
		s.State = Paying
	}
}

// paid books a payment that the cloud reports paid. It is never dropped: when
// the basket it was made for is no longer the one to be paid, the sale shows
// paid_but_changed.
func (w *stepper) paid(s *Sale, p *Payment, e PaymentNews) error {
	tenders := e.Tenders
	if len(tenders) == 0 {
		tenders = []Tender{{Method: "wallet", Amount: p.Amount}}
	}
	var sum Money
	for _, t := range tenders {
		if t.Amount < 0 || t.Amount > MaxMoney || !slices.Contains(cloudMethods, t.Method) {
			return problem(CodeInvalid, "tenders", "付款明细无效", "a tender's method or amount is invalid")
		}
		sum += t.Amount
	}
	if sum != p.Amount {
		return problem(CodeInvalid, "tenders", "付款明细合计与金额不符", "the tenders do not add up to the amount")
	}
	p.State, p.Settled, p.Withdrawn, p.Error = PayPaid, true, true, ""
	p.URL, p.PicturePNGBase64 = "", ""
	open := s.State == Open || s.State == Paying || s.State == Parked
	fits := open && p.Amount <= s.Due() && p.ItemsDigest == s.Digest()
	for _, t := range tenders {
		if t.Amount == 0 {
			continue // a tender of nothing is none
		}
		t.PaymentID, t.Given, t.State = p.ID, 0, ""
		s.Tenders = append(s.Tenders, t)
		s.Paid += t.Amount
	}
	s.learn(e)
	report := paymentReport{
		PaymentID: p.ID, Sale: s.ID, State: p.State, Amount: p.Amount, PaidButChanged: true,
		Proof: p.Proof, CodeForm: p.CodeForm, Cashier: s.Cashier, Adviser: s.Adviser,
	}
	if open {
		w.outbid(s, p.ID, e.At)
	}
	switch {
	case fits:
		return w.settle(s, e.At)
	case open:
		s.PaidButChanged = true
		if s.Paid == s.Total {
			w.close(s, e.At)
			return nil
		}
	case s.State == Void:
		report.RefundID, report.Refund = report.PaymentID+"-void", RefundPending
		w.giveBackAll(s, report.RefundID, s.VoidReason, s.Cashier, e.At)
	default:
		s.PaidButChanged = true
	}
	w.add(Report{Type: "tilld.payment.unknown.v1", Subject: s.ID, Data: report})
	return nil
}

// cloudMethods are the tenders that a payment through the cloud can consist of.
var cloudMethods = []string{"wallet", "stored_value", "coupon", "card", "external"}

// outbid withdraws a later payment that asks for more than is due now that the
// payment called id has come after all.
func (w *stepper) outbid(s *Sale, id string, at time.Time) {
	p := s.Payment
	if p != nil && p.ID != id && !p.Settled && p.Amount > s.Due() {
		w.withdraw(s, at)
	}
	if p != nil && p.ID == id && s.State == Paying {
		s.State = Open
	}
}

// paymentReport is the data of tilld.payment.unknown.v1.
type paymentReport struct {
	PaymentID      string       `json:"payment_id"`
	Sale           string       `json:"sale"`
	State          PaymentState `json:"state"`
	Amount         Money        `json:"amount"`
	PaidButChanged bool         `json:"paid_but_changed"`
	RefundID       string       `json:"refund_id,omitempty"` // money that is given back for it
	Refund         RefundState  `json:"refund,omitempty"`
	Cash           bool         `json:"cash,omitempty"`      // in cash, since the payment side refused
	Proof          string       `json:"proof,omitempty"`     // PP1 that said so
	CodeForm       string       `json:"code_form,omitempty"` // or the form of the code that did
	Cashier        string       `json:"cashier,omitempty"`
	Adviser        string       `json:"adviser,omitempty"`
}

// learn keeps what the payment side told of the shopper.
func (s *Sale) learn(e PaymentNews) {
	if e.Member != nil {
		s.Member = clonePtr(e.Member)
	}
	if e.Points != nil {
		s.Points = clonePtr(e.Points)
	}
	if e.StoredValue != nil {
		s.StoredValue = clonePtr(e.StoredValue)
	}
	for _, c := range e.Coupons {
		c.Issued, c.Applied = true, 0
		s.Coupons = append(s.Coupons, c)
	}
	s.Offers = append(s.Offers, e.Offers...)
}

func (e PaymentSilent) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	if p == nil || p.Settled || p.State == PayUnknown {
		return nil
	}
	p.State, p.Verified = PayUnknown, false
	w.add(Report{Type: "tilld.payment.unknown.v1", Subject: s.ID, Data: paymentReport{
		PaymentID: p.ID, Sale: s.ID, State: PayUnknown, Amount: p.Amount, Cashier: s.Cashier, Adviser: s.Adviser,
	}})
	return nil
}

func (e PaymentDue) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	if p == nil || p.Settled || p.Withdrawn || e.At.Before(p.ExpiresAt) {
		return nil
	}
	w.withdrawPayment(s, p, PayExpired)
	return nil
}

func (e PaymentUnshowable) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	if p == nil || p.Settled || p.Withdrawn {
		return nil
	}
	w.withdrawPayment(s, p, PayFailed)
	p.Error = e.Error
	return nil
}

func (e PaymentWithdrawn) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if s.Payment != nil && !s.Payment.Settled && !s.Payment.Withdrawn {
		w.withdrawPayment(s, s.Payment, PayCancelled)
	}
	return nil
}

func (e PaymentGivenUp) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if len(s.Unsettled()) == 0 {
		return problem(CodeNotPaying, "", "没有进行中的付款", "no payment is under way")
	}
	w.eachPayment(s, func(p *Payment) {
		if p.Settled {
			return
		}
		p.GivenUp = true
		if !p.Withdrawn {
			w.withdrawPayment(s, p, PayCancelled)
		} else {
			w.add(Ask{Type: "payment.cancel", SaleID: s.ID, PaymentID: p.ID, Amount: p.Amount})
		}
	})
	if s.State == Paying {
		s.State = Open
	}
	return nil
}

func (e Restarted) step(w *stepper) error {
	for _, id := range slices.Sorted(maps.Keys(w.live)) {
		s, err := w.edit(id)
		if err != nil {
			return err
		}
		w.eachPayment(s, func(p *Payment) {
			if p.Settled || p.Offline { // what an offline code is worth, its proof says
				return
			}
			p.Verified = false
			if p.State == PayRequested {
				p.State = PayUnknown
			}
		})
		for _, r := range s.Refunds {
			if r.State == RefundPending {
				w.askRefund(s, r)
			}
		}
	}
	return nil
}

// payment finds a payment of any live sale and makes its sale editable.
func (w *stepper) payment(id string) (*Sale, *Payment) {
	for saleID, s := range w.live {
		if !s.hasPayment(id) {
			continue
		}
		s, err := w.edit(saleID)
		if err != nil {
			return nil, nil
		}
		var found *Payment
		w.eachPayment(s, func(p *Payment) {
			if p.ID == id {
				found = p
			}
		})
		return s, found
	}
	return nil, nil
}

func (s *Sale) hasPayment(id string) bool {
	if s.Payment != nil && s.Payment.ID == id {
		return true
	}
	for i := range s.Payments {
		if s.Payments[i].ID == id {
			return true
		}
	}
	return false
}

func (w *stepper) eachPayment(s *Sale, f func(*Payment)) {
	for i := range s.Payments {
		f(&s.Payments[i])
	}
	if s.Payment != nil {
		f(s.Payment)
	}
}

// withdraw takes the present pay code away, because the basket changes or the
// sale is put aside, and has the payment cancelled.
func (w *stepper) withdraw(s *Sale, at time.Time) {
	if p := s.Payment; p != nil && !p.Settled {
		if !p.Withdrawn {
			w.withdrawPayment(s, p, PayCancelled)
		}
		s.archivePayment()
	}
}

// withdrawPayment makes the code invisible in this very commit; the cloud is
// asked to cancel and has the last word on what became of the payment.
func (w *stepper) withdrawPayment(s *Sale, p *Payment, to PaymentState) {
	p.Withdrawn, p.State = true, to
	p.URL, p.PicturePNGBase64 = "", ""
	if s.State == Paying {
		s.State = Open
	}
	w.add(Ask{Type: "payment.cancel", SaleID: s.ID, PaymentID: p.ID, Amount: p.Amount})
}

func (s *Sale) archivePayment() {
	s.Payments = append(s.Payments, *s.Payment)
	s.Payment = nil
}
