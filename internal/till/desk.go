package till

import (
	"time"

	"tilld/internal/sale"
)

// Desk is what a cashier's page must know besides the sales: who sells, which
// shift is open, and the order on the customer screen that is to be handed over.
type Desk struct {
	Cashier string       `json:"cashier"`          // signed in; "" for nobody
	Shift   *DeskShift   `json:"shift,omitempty"`  // absent when none is open
	Closed  bool         `json:"closed"`           // the last shift was closed and nothing was sold since
	Pickup  *sale.Pickup `json:"pickup,omitempty"` // absent when none is shown
	Parked  []ParkedSale `json:"parked"`           // oldest first
	Last    string       `json:"last"`             // id of the sale closed last; "" for none
	// Collecting is the sale that waits for the shopper's auth code from the
	// scanner, "" for none.
	Collecting string `json:"collecting"`
}

// DeskShift is the shift that is open. What should be in the drawer is not told:
// a count that knows the sum is no count.
type DeskShift struct {
	Cashier  string     `json:"cashier"`
	OpenedAt time.Time  `json:"opened_at"`
	Float    sale.Money `json:"float"`
}

// ParkedSale is a sale that was put aside.
type ParkedSale struct {
	ID       string     `json:"id"`
	Items    int        `json:"items"` // line items
	Total    sale.Money `json:"total"`
	Paid     sale.Money `json:"paid"`
	Cashier  string     `json:"cashier,omitempty"`
	OpenedAt time.Time  `json:"opened_at"`
}

// Desk returns how the desk stands.
func (t *Till) Desk() Desk {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, book := t.now(), t.machine.Book()
	d := Desk{Cashier: book.Cashier, Closed: book.TillClosed, Parked: []ParkedSale{}, Last: book.Last}
	for _, s := range t.machine.Live() {
		if s.State == sale.Parked {
			d.Parked = append(d.Parked, ParkedSale{s.ID, len(s.Items), s.Total, s.Paid, s.Cashier, s.OpenedAt})
		}
	}
	if s := book.Shift; s != nil {
		d.Shift = &DeskShift{Cashier: s.Cashier, OpenedAt: s.OpenedAt, Float: s.Float}
	}
	if p := t.stage.order; p != nil && now.Before(t.stage.orderUntil) {
		shown := *p
		shown.Items = append([]sale.Article{}, p.Items...)
		d.Pickup = &shown
	}
	if t.stage.armedFor(t.stage.armed, now) {
		d.Collecting = t.stage.armed
	}
	return d
}
