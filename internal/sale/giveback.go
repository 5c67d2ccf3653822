package sale

import (
	"slices"
	"time"
)

// source names where a tender's money goes back to.
func source(t Tender) string {
	if t.PaymentID != "" {
		return "payment/" + t.PaymentID
	}
	return t.Method + "/" + t.Reference
}

// givenBack is what went back, or is about to, by source; onlyBefore leaves out
// what went back for goods.
func (s *Sale) givenBack(onlyBefore bool) map[string]Money {
	by := map[string]Money{}
	for _, r := range s.Refunds {
		if onlyBefore && !r.GiveBack {
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

// chooseTenders gives amount back the way it came: the payment side first, the
// latest payment first, then other systems, cash last.
func (s *Sale) chooseTenders(amount Money) []Tender {
	took := map[string]Money{}
	var order []Tender
	for _, t := range s.Tenders {
		k := source(t)
		if _, seen := took[k]; !seen {
			order = append(order, t)
		}
		took[k] += t.Amount
	}
	for k, v := range s.givenBack(false) {
		took[k] -= v
	}
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
	slices.Reverse(order)
	slices.SortStableFunc(order, func(a, b Tender) int { return rank(a) - rank(b) })
	list := []Tender{}
	for _, t := range order {
		part := min(took[source(t)], amount)
		if part <= 0 {
			continue
		}
		amount -= part
		back := Tender{Method: t.Method, Scheme: t.Scheme, Reference: t.Reference, PaymentID: t.PaymentID, Amount: part, State: RefundDone}
		if t.PaymentID != "" {
			back.State = RefundPending
		}
		list = append(list, back)
	}
	return list
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
