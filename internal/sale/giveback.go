package sale

import (
	"cmp"
	"slices"
	"time"
)

// source names where a tender's money goes back to.
func source(t Tender) string {
	if id := cmp.Or(t.PaymentID, t.InsteadOf); id != "" {
		return "payment/" + id
	}
	return t.Method + "/" + t.Reference
}

// givenBack is what went back, or is about to, by source, without what went back
// for goods.
func (s *Sale) givenBack() map[string]Money {
	by := map[string]Money{}
	for _, r := range s.Refunds {
		if !r.GiveBack {
			continue
		}
		for _, t := range r.Tenders {
			if t.State != RefundFailed {
				by[source(t)] += t.Amount
			}
		}
	}
	return by
}

// pot is what is left of one tender, or of several that are told apart by
// nothing.
type pot struct {
	Tender
	left  Money
	order int // of its source, by when it was first used
}

// pots are the sale's tenders less what went back, or is about to.
func (s *Sale) pots() []pot {
	var list []pot
	seen := map[string]int{}
	same := func(a, b Tender) bool {
		return source(a) == source(b) && a.Method == b.Method && a.Scheme == b.Scheme && a.Reference == b.Reference
	}
	for _, t := range s.Tenders {
		if _, ok := seen[source(t)]; !ok {
			seen[source(t)] = len(seen)
		}
		i := slices.IndexFunc(list, func(p pot) bool { return same(p.Tender, t) })
		if i < 0 {
			i, list = len(list), append(list, pot{Tender: t, order: seen[source(t)]})
		}
		list[i].left += t.Amount
	}
	take := func(back Tender, amount Money, fits func(a, b Tender) bool) Money {
		for i := range list {
			if p := &list[i]; fits(p.Tender, back) {
				part := min(p.left, amount)
				p.left, amount = p.left-part, amount-part
			}
		}
		return amount
	}
	for _, r := range s.Refunds {
		for _, t := range r.Tenders {
			if t.State != RefundFailed {
				// What was given back before tenders of one payment were told apart has
				// the method of the first.
				take(t, take(t, t.Amount, same), func(a, b Tender) bool { return source(a) == source(b) })
			}
		}
	}
	return list
}

// chooseTenders gives amount back the way it came: the payment side first, the
// latest payment first, then other systems, cash last.
func (s *Sale) chooseTenders(amount Money) []Tender {
	rank := func(t Tender) int {
		switch {
		case t.PaymentID != "":
			return 0
		case t.Method != "cash":
			return 1
		default:
			return 2
		}
	}
	pots := s.pots()
	slices.SortStableFunc(pots, func(a, b pot) int {
		return cmp.Or(rank(a.Tender)-rank(b.Tender), b.order-a.order)
	})
	list := []Tender{}
	for _, p := range pots {
		part := min(p.left, amount)
		if part <= 0 {
			continue
		}
		amount -= part
		back := Tender{Method: p.Method, Scheme: p.Scheme, Reference: p.Reference, PaymentID: p.PaymentID, Amount: part, State: RefundDone}
		if p.PaymentID != "" {
			back.State = RefundPending
		}
		list = append(list, back)
	}
	return list
}

// inCash has what would go back through the payment side handed out in cash. That
// is no way around the payment side: it must have refused as much of that payment,
// and no more than that is handed out for it.
func (s *Sale) inCash(list []Tender) error {
	for _, t := range byPayment(list) {
		if t.Amount > s.refusedOf(t.PaymentID) {
			return problem(CodeWrongState, "method", "现金只能代替支付方已拒绝的退款；请先按原路退款",
				"cash is given only instead of what the payment side refused to give back: try the refund as it was paid first")
		}
	}
	for i := range list {
		if t := &list[i]; t.PaymentID != "" {
			*t = Tender{Method: "cash", Amount: t.Amount, InsteadOf: t.PaymentID, State: RefundDone}
		}
	}
	return nil
}

// refusedOf is how much of a payment the payment side refused to give back in one
// refund, less what was handed out instead or went back since.
func (s *Sale) refusedOf(paymentID string) Money {
	var refused, since Money
	for _, r := range s.Refunds {
		var sum Money
		for _, t := range r.Tenders {
			switch {
			case t.PaymentID == paymentID && t.State == RefundFailed:
				sum += t.Amount
			case t.PaymentID == paymentID || t.InsteadOf == paymentID:
				since += t.Amount
			}
		}
		if sum > 0 && sum >= refused-since {
			refused, since = sum, 0
		}
	}
	return max(refused-since, 0)
}

// byPayment sums up those tenders of a refund that go back through the payment
// side: it is asked for one amount a payment.
func byPayment(list []Tender) (sums []Tender) {
	for _, t := range list {
		if t.PaymentID == "" {
			continue
		}
		if i := slices.IndexFunc(sums, func(s Tender) bool { return s.PaymentID == t.PaymentID }); i >= 0 {
			sums[i].Amount += t.Amount
		} else {
			sums = append(sums, t)
		}
	}
	return sums
}

// RefundData is the data of tilld.sale.refunded.v1.
type RefundData struct {
	Sale       string      `json:"sale"`
	SaleDay    string      `json:"sale_day"`
	SaleNumber int         `json:"sale_number"`
	SaleState  State       `json:"sale_state"` // refunded once everything is given back
	RefundID   string      `json:"refund_id"`
	Day        string      `json:"day"`
	Number     int         `json:"number"`
	Lines      []int       `json:"lines,omitempty"`
	Items      []Item      `json:"items,omitempty"` // the lines, when whole lines came back
	Amount     Money       `json:"amount"`
	Currency   string      `json:"currency"`
	Reason     string      `json:"reason"`
	Tenders    []Tender    `json:"tenders"`
	Cashier    string      `json:"cashier,omitempty"`
	Adviser    string      `json:"adviser,omitempty"`
	RefundOf   string      `json:"refund_of,omitempty"` // Sale again, when another till made it
	RefundFrom *ReturnFrom `json:"refund_from,omitempty"`
	State      RefundState `json:"state"`
	At         time.Time   `json:"at"`
}

func refundReport(s *Sale, r Refund) RefundData {
	id, day, number := s.sold()
	d := RefundData{
		Sale: id, SaleDay: day, SaleNumber: number, RefundOf: s.RefundOf, RefundFrom: clonePtr(s.RefundFrom), SaleState: s.State, RefundID: r.ID, Day: r.Day,
		Number: r.Number, Lines: slices.Clone(r.Lines), Amount: r.Amount, Currency: s.Currency, Reason: r.Reason,
		Tenders: slices.Clone(r.Tenders), Cashier: r.Cashier, Adviser: s.Adviser, State: r.State, At: r.At,
	}
	for _, n := range r.Lines {
		if i := s.line(n); i >= 0 {
			d.Items = append(d.Items, s.Items[i])
		}
	}
	return d
}
