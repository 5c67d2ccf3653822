package sale

import (
	"encoding/json"
	"slices"
	"time"
)

type (
	// CashTaken records a cash tender; Amount nil is all that is due. Given above
	// Amount is change.
	CashTaken struct {
		At     time.Time
		Sale   string
		Amount *Money
		Given  *Money
	}
	// ExternalTaken records a tender that a card terminal or another system took.
	ExternalTaken struct {
		At        time.Time
		Sale      string
		Amount    *Money
		Reference string
	}
	// PaymentStarted asks the cloud to be paid: by a pay code (qr) or with the
	// shopper's auth code (collect), which never enters the machine.
	PaymentStarted struct {
		At        time.Time
		Sale      string
		PaymentID string
		Method    string
		Amount    *Money
		TTL       time.Duration
	}
)

func (e CashTaken) step(w *stepper) error {
	s, amount, err := w.tender(e.Sale, e.Amount, e.At)
	if err != nil {
		return err
	}
	given := amount
	if e.Given != nil {
		given = *e.Given
	}
	if given < 0 || given == 0 && amount > 0 { // also with nothing due: change is never taken from the shopper
		return problem(CodeInvalid, "given", "收到的现金必须大于 0", "the cash given must be more than 0")
	}
	if e.Amount == nil && given < amount {
		if s, amount, err = w.tender(e.Sale, &given, e.At); err != nil { // part of what is due, the rest by other tenders
			return err
		}
	}
	if amount == 0 {
		return w.settle(s, e.At) // all is paid already, or there is nothing to pay
	}
	if given < amount {
		return problem(CodeInvalid, "given", "收到的现金不足", "the cash given must cover the amount")
	}
	if given > MaxMoney {
		return problem(CodeInvalid, "given", "收到的现金金额过大", "the cash given is more than a till can count")
	}
	s.Tenders = append(s.Tenders, Tender{Method: "cash", Amount: amount, Given: given})
	s.Paid += amount
	s.Change += given - amount
	if w.book.Shift != nil {
		w.book.Shift.Cash += amount
	}
	w.add(Drawer{SaleID: s.ID})
	return w.settle(s, e.At)
}

func (e ExternalTaken) step(w *stepper) error {
	s, amount, err := w.tender(e.Sale, e.Amount, e.At)
	if err != nil {
		return err
	}
	if !plain(e.Reference, 128) {
		return problem(CodeInvalid, "reference", "参考号最多 128 字节，不能含控制字符", "reference must have at most 128 bytes of printable text")
	}
	if amount > 0 {
		s.Tenders = append(s.Tenders, Tender{Method: "external", Amount: amount, Reference: e.Reference})
		s.Paid += amount
	}
	return w.settle(s, e.At)
}

func (e PaymentStarted) step(w *stepper) error {
	s, amount, err := w.tender(e.Sale, e.Amount, e.At)
	if err != nil {
		return err
	}
	if amount == 0 {
		return problem(CodeNothingDue, "", "没有需要付的金额", "nothing is due")
	}
	if len(s.Unsettled()) > 0 { // given up: the shopper may have paid it at the last moment
		return problem(CodePaymentPending, "", "已取消的付款还没有得到云端确认；请等待，或收现金", "the cloud has not confirmed yet that the cancelled payment is gone; wait, or take cash")
	}
	if len(s.Payments) >= MaxPayments {
		return problem(CodeTooManyPayments, "", "付款尝试次数过多，请改用其他方式或重新开单", "too many payments were tried; pay another way or open a new sale")
	}
	if s.Payment != nil {
		s.archivePayment()
	}
	s.State = Paying
	s.Payment = &Payment{
		ID: e.PaymentID, Method: e.Method, State: PayRequested, Amount: amount,
		ItemsDigest: s.Digest(), RequestedAt: e.At, ExpiresAt: e.At.Add(e.TTL), Verified: true,
	}
	kind := "payment.create"
	if e.Method == "collect" {
		kind = "payment.collect"
	}
	w.add(Ask{Type: kind, SaleID: s.ID, PaymentID: e.PaymentID, Amount: amount})
	return nil
}

// tender returns the sale, made current and ready for one more tender, and the
// amount: what was asked for, or all that is due.
func (w *stepper) tender(id string, amount *Money, at time.Time) (*Sale, Money, error) {
	if err := w.makeCurrent(id, at); err != nil {
		return nil, 0, err
	}
	s, err := w.edit(id)
	if err != nil {
		return nil, 0, err
	}
	if len(s.Items) == 0 {
		return nil, 0, problem(CodeEmptySale, "", "还没有商品，不能收款", "the sale has no items; there is nothing to pay")
	}
	for _, p := range s.Unsettled() {
		if !p.GivenUp {
			return nil, 0, problem(CodePaymentPending, "", "上一笔付款还没有结果，请等待或先取消付款", "an earlier payment is not settled yet; wait for it or cancel it")
		}
	}
	if s.refundsPending() {
		return nil, 0, problem(CodePaymentPending, "", "正在退款，请等待结果", "money is being given back; wait for the answer")
	}
	due := s.Due()
	if due < 0 {
		return nil, 0, problem(CodeNothingDue, "", "已付金额超过应付，请先退还多付部分", "more is paid than is due; refund the excess")
	}
	if amount == nil {
		return s, due, nil
	}
	if *amount < due && !s.roomForTenders() {
		return nil, 0, problem(CodeTooManyPayments, "amount", "这笔销售的付款笔数过多，请一次付清余额", "this sale has too many tenders: pay all that is due at once")
	}
	if *amount < 0 || *amount > due || *amount == 0 && due > 0 {
		return nil, 0, problem(CodeInvalid, "amount", "金额必须大于 0 且不超过应付金额", "amount must be more than 0 and at most what is due")
	}
	return s, *amount, nil
}

// maxTenderBytes bounds the tenders as JSON, before the one that covers the rest:
// sale.closed has them, and sale.voided more than once.
const maxTenderBytes = 8 << 10

func (s *Sale) roomForTenders() bool {
	body, err := json.Marshal(s.Tenders)
	if err != nil {
		panic("sale: tenders: " + err.Error()) // plain values only
	}
	return len(body) <= maxTenderBytes
}

// settle closes the sale when its tenders cover the total, in the same step.
func (w *stepper) settle(s *Sale, at time.Time) error {
	if s.Paid != s.Total {
		if s.State == Paying {
			s.State = Open
		}
		return nil
	}
	w.close(s, at)
	return nil
}

// close numbers the sale, reports it and prints its receipt. The report keeps
// paid_but_changed, so that the cloud knows of a sale whose basket was not the
// one that was paid for; for the till it is settled now.
func (w *stepper) close(s *Sale, at time.Time) {
	changed := s.PaidButChanged
	// A coupon whose goods were taken away again takes nothing off: the shopper
	// keeps it.
	s.Coupons = slices.DeleteFunc(s.Coupons, func(c Coupon) bool { return !c.Issued && c.Applied == 0 })
	s.Day, s.Number = w.nextNumber(at)
	s.State = Closed
	s.PaidButChanged = false
	closed := at
	s.ClosedAt = &closed
	w.book.Totals.AddSale(*s)
	w.book.TillClosed = false
	if w.cfg.Receipts {
		s.Receipt = &Receipt{JobID: s.ID + "/receipt", Outcome: "queued"}
	}
	if s.Payment != nil {
		s.Payment.URL, s.Payment.PicturePNGBase64 = "", ""
	}
	for i := range s.Payments {
		s.Payments[i].URL, s.Payments[i].PicturePNGBase64 = "", ""
	}
	if w.book.Current == s.ID {
		w.book.Current = ""
	}
	w.book.Last, w.book.LastAt = s.ID, at
	report := s.reportable()
	report.PaidButChanged = changed
	w.add(Report{Type: "tilld.sale.closed.v1", Subject: s.ID, Data: report})
	if s.Receipt != nil {
		w.add(Print{JobID: s.Receipt.JobID, Sale: s.clone()})
	}
}
