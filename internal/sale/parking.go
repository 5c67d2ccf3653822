package sale

import (
	"time"
	"unicode/utf8"
)

// note is why something was done and by whom, as a cashier or a caller says.
type note struct{ reason, cashier string }

// check bounds a note: neither part has to be there.
func (n note) check() error {
	if len(n.reason) > 256 || !utf8.ValidString(n.reason) {
		return problem(CodeInvalid, "reason", "原因最多 256 字节", "reason has at most 256 bytes")
	}
	return checkWho(n.cashier)
}

// checkWho bounds a cashier's id that came with a call; "" is fine.
func checkWho(cashier string) error {
	if !plain(cashier, 64) {
		return problem(CodeInvalid, "cashier", "工号无效", "the cashier's id must have at most 64 printable characters")
	}
	return nil
}

// ParkingData is the data of tilld.sale.parked.v1 and tilld.sale.recalled.v1.
type ParkingData struct {
	Sale     string    `json:"sale"`
	Items    int       `json:"items"` // line items
	Total    Money     `json:"total"`
	Paid     Money     `json:"paid"`
	Currency string    `json:"currency"`
	Reason   string    `json:"reason,omitempty"`
	Cashier  string    `json:"cashier,omitempty"` // who did it, else whose sale it is
	Adviser  string    `json:"adviser,omitempty"`
	At       time.Time `json:"at"`
}

func (w *stepper) reportParking(kind string, s *Sale, n note, at time.Time) {
	w.add(Report{Type: kind, Subject: s.ID, Data: ParkingData{
		Sale: s.ID, Items: len(s.Items), Total: s.Total, Paid: s.Paid, Currency: s.Currency, Reason: n.reason,
		Cashier: firstOf(n.cashier, w.book.Cashier, s.Cashier), Adviser: s.Adviser, At: at,
	}})
}
