package sale

import (
	"encoding/json"
	"slices"
	"time"
)

// VoidRequested ends a sale that is not to be. What was paid is given back:
// cash as an amount to hand out, the rest by the payment side.
type VoidRequested struct {
	At       time.Time
	Sale     string
	RefundID string
	Reason   string
	Cashier  string
}

func (e VoidRequested) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	if s.State != Open && s.State != Parked && s.State != Paying {
		return wrongState(s.State)
	}
	if err := checkReason(e.Reason); err != nil {
		return err
	}
	if err := checkWho(e.Cashier); err != nil {
		return err
	}
	w.withdraw(s, e.At)
	w.rollDay(e.At)
	w.book.Totals.Voids++
	s.State, s.VoidReason, s.Day = Void, e.Reason, w.book.Day
	s.VoidedBy = firstOf(e.Cashier, w.book.Cashier, s.Cashier)
	s.PaidButChanged = false
	ended := e.At
	s.ClosedAt = &ended
	if w.book.Current == s.ID {
		w.book.Current = ""
	}
	switch {
	case s.Paid > 0:
		w.giveBackAll(s, e.RefundID, e.Reason, s.VoidedBy, e.At)
	case !s.refundsPending():
		w.reportVoid(s)
	}
	return nil
}

// giveBackAll returns everything that is paid for a void sale.
func (w *stepper) giveBackAll(s *Sale, refundID, reason, cashier string, at time.Time) {
	r := Refund{ID: refundID, GiveBack: true, Amount: s.Paid, Reason: reason, Cashier: cashier, At: at}
	r.Tenders = s.chooseTenders(r.Amount)
	s.Paid = 0
	w.startRefund(s, r, at)
}

// VoidData is the data of tilld.sale.voided.v1: the whole sale and what was
// given back.
type VoidData struct {
	Sale
	GivenBack []Tender `json:"given_back"`
}

func (w *stepper) reportVoid(s *Sale) {
	s.VoidReported = true
	d := VoidData{Sale: s.reportable(), GivenBack: []Tender{}}
	for _, r := range s.Refunds {
		d.GivenBack = append(d.GivenBack, r.Tenders...)
	}
	w.add(Report{Type: "tilld.sale.voided.v1", Subject: s.ID, Data: d})
}

// maxReport bounds a sale in an event, in bytes of JSON: an event holds 100 KiB.
const maxReport = 90 << 10

// reportable is the sale as it goes into an event: whole, without pictures. The
// line items are bounded (see maxItemBytes); should the trimmings that came
// with payments be so large that the event would not fit, they are cut, and the
// sale closes all the same.
func (s *Sale) reportable() Sale {
	c := s.clone()
	for i := range c.Offers {
		c.Offers[i].PicturePNGBase64 = "" // the cloud has it
	}
	cuts := []func(){
		func() {
			for i := range c.Offers {
				c.Offers[i] = Offer{ID: c.Offers[i].ID}
			}
		},
		func() {
			for i := range c.Payments {
				c.Payments[i].Error = ""
			}
		},
		func() { c.Coupons = slices.DeleteFunc(c.Coupons, func(k Coupon) bool { return k.Issued }) },
		func() { c.Offers = []Offer{} },
	}
	for _, shorten := range cuts {
		body, err := json.Marshal(c)
		if err != nil {
			panic("sale: report: " + err.Error()) // plain values only
		}
		if len(body) <= maxReport {
			break
		}
		shorten()
	}
	return c
}
