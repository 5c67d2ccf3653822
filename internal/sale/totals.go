package sale

import "time"

// Totals is what one business day came to, counted as it happens.
type Totals struct {
	Sales       int              `json:"sales"`
	Refunds     int              `json:"refunds"`
	Voids       int              `json:"voids"`
	FirstNumber int              `json:"first_number"`
	LastNumber  int              `json:"last_number"`
	Gross       Money            `json:"gross"`     // line totals before discounts
	Discounts   Money            `json:"discounts"` // by hand, multi-buy, markdown excluded, coupons included
	Refunded    Money            `json:"refunded"`
	Net         Money            `json:"net"`               // gross less discounts less refunded
	Tenders     map[string]Money `json:"tenders,omitempty"` // by method, refunds taken off
}

// AddSale counts a closed sale.
func (t *Totals) AddSale(s Sale) {
	t.Sales++
	t.number(s.Number)
	t.Gross += s.Total + s.DiscountTotal
	t.Discounts += s.DiscountTotal
	t.Net += s.Total
	for method, amount := range s.closingTenders() {
		t.tender(method, amount)
	}
}

// AddRefund counts a refund of goods.
func (t *Totals) AddRefund(r Refund) {
	t.Refunds++
	t.number(r.Number)
	t.Refunded += r.Amount
	t.Net -= r.Amount
	for _, x := range r.Tenders {
		if x.State != RefundFailed {
			t.tender(x.Method, -x.Amount)
		}
	}
}

func (t *Totals) number(n int) {
	if t.FirstNumber == 0 {
		t.FirstNumber = n
	}
	t.LastNumber = max(t.LastNumber, n)
}

func (t *Totals) tender(method string, amount Money) {
	if t.Tenders == nil {
		t.Tenders = map[string]Money{}
	}
	t.Tenders[method] += amount
}

// closingTenders is what the sale's total was paid with, by method: tenders
// less what was given back of them, up to the total. A payment that came after
// the closing is left out: it is not turnover.
func (s *Sale) closingTenders() map[string]Money {
	by := map[string]Money{}
	left := s.Total
	back := s.givenBack()
	for _, t := range s.Tenders {
		k := source(t)
		off := min(back[k], t.Amount)
		back[k] -= off
		part := min(t.Amount-off, left)
		if part > 0 {
			by[t.Method] += part
			left -= part
		}
	}
	return by
}

// rollDay enters the business day of at; a clock that was set back never leads
// back to an earlier one. The day that ends is reported.
func (w *stepper) rollDay(at time.Time) {
	day := at.In(w.cfg.Location).Format(time.DateOnly)
	if day <= w.book.Day {
		return
	}
	if w.book.Day != "" {
		w.checkpoint()
	}
	w.book.Day, w.book.Number, w.book.Totals = day, 0, Totals{}
}

// nextNumber gives the next receipt number of the business day of at.
func (w *stepper) nextNumber(at time.Time) (string, int) {
	w.rollDay(at)
	w.book.Number++
	return w.book.Day, w.book.Number
}

// checkpoint reports the totals of the day so far.
func (w *stepper) checkpoint() {
	w.add(Report{Type: "tilld.journal.checkpoint.v1", Subject: w.book.Day, Data: checkpointReport{
		Day: w.book.Day, Currency: w.cfg.Currency, Number: w.book.Number, Totals: w.book.Totals.clone(),
	}})
}

// checkpointReport is the data of tilld.journal.checkpoint.v1.
type checkpointReport struct {
	Day      string `json:"day"`
	Currency string `json:"currency"`
	Number   int    `json:"number"` // last one given on Day
	Totals
}

func (t Totals) clone() Totals {
	by := make(map[string]Money, len(t.Tenders))
	for k, v := range t.Tenders {
		by[k] = v
	}
	t.Tenders = by
	return t
}
