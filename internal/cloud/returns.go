package cloud

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Goods may come back to another till than the one that sold them. The cloud is
// the only one that sees all tills' refunds, so it has the last word:
// sale.lookup tells a till what is left, sale.refund gives it back once.

// Return is a refund that the cloud let another till make.
type Return struct {
	ID      string   `json:"id"`
	Till    string   `json:"till"`
	Lines   []int    `json:"lines,omitempty"`
	Amount  int64    `json:"amount"`
	Tenders []Tender `json:"tenders"`
}

// soldItem and soldSale are what the cloud answers a sale.lookup with.
type soldItem struct {
	Line       int    `json:"line"`
	SKU        string `json:"sku,omitempty"`
	Name       string `json:"name"`
	Quantity   string `json:"quantity"`
	UnitPrice  int64  `json:"unit_price"`
	Total      int64  `json:"total"`
	Refundable int64  `json:"refundable"`
}

type soldSale struct {
	ID         string     `json:"id"`
	Till       string     `json:"till"`
	Day        string     `json:"day"`
	Number     int        `json:"number"`
	State      string     `json:"state"`
	Currency   string     `json:"currency"`
	Items      []soldItem `json:"items"`
	Total      int64      `json:"total"`
	Refundable int64      `json:"refundable"`
	Tenders    []Tender   `json:"tenders"`
	ClosedAt   time.Time  `json:"closed_at"`
	Cashier    string     `json:"cashier,omitempty"`

	payments []paidTender // how it was paid, with the payments' ids
}

type paidTender struct {
	Tender
	PaymentID string `json:"payment_id"`
}

// shortCode is the sale's name on printed links, as the contract has it: ten
// characters of Crockford's base 32 of the SHA-256 of its id.
func shortCode(id string) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256([]byte(id))
	var b strings.Builder
	for i := range 10 {
		bit := i * 5
		v := uint(sum[bit/8])<<8 | uint(sum[bit/8+1])
		b.WriteByte(digits[v>>(11-bit%8)&31])
	}
	return b.String()
}

// named reports whether code stands for a sale of the till at path.
func named(code, path string, s Sale) bool {
	till := path[strings.LastIndexByte(path, '/')+1:]
	number := fmt.Sprintf("%s-%s-%04d", till, strings.ReplaceAll(s.Day, "-", ""), s.Number)
	return code == s.ID || code == number || strings.HasSuffix(code, shortCode(s.ID))
}

// lookupSale finds a sale of the asking till's merchant; by a printed number, of
// its own store only. c.mu is held.
func (c *Cloud) lookupSale(path, code string) (*soldSale, *Problem) {
	merchant, _, _ := strings.Cut(path, "/")
	store := path[:strings.LastIndexByte(path, '/')]
	for _, source := range c.ledger.Sources() {
		at := strings.TrimPrefix(source, c.o.TopicRoot+"/")
		if !strings.HasPrefix(at, merchant+"/") {
			continue
		}
		for _, e := range c.ledger.Events(source, 0) {
			var s struct {
				Sale
				Tenders []paidTender `json:"tenders"`
				Cashier string       `json:"cashier"`
			}
			if e.Type != "tilld.sale.closed.v1" || json.Unmarshal(e.Data, &s) != nil || !named(code, at, s.Sale) {
				continue
			}
			if strings.Contains(code, "-") && !strings.HasPrefix(at, store+"/") {
				continue
			}
			found := &soldSale{
				ID: s.ID, Till: at, Day: s.Day, Number: s.Number, State: "closed", Currency: s.Currency, Total: s.Total,
				Items: []soldItem{}, Tenders: []Tender{}, ClosedAt: s.ClosedAt, Cashier: s.Cashier, payments: s.Tenders,
			}
			for _, t := range s.Tenders {
				found.Tenders = append(found.Tenders, t.Tender)
			}
			c.left(found, s.Items)
			return found, nil
		}
	}
	return nil, &Problem{"not_found", "no till of this merchant has sold that"}
}

// left works out what is left of a sale: its refunds are in the events of all
// tills, and among the returns that were let but not reported yet.
func (c *Cloud) left(s *soldSale, items []Item) {
	back := map[string]Return{}
	for _, r := range c.returns[s.ID] {
		back[r.ID] = r
	}
	for _, source := range c.ledger.Sources() {
		for _, e := range c.ledger.Events(source, 0) {
			var d struct {
				Sale     string `json:"sale"`
				RefundID string `json:"refund_id"`
				Lines    []int  `json:"lines"`
				Amount   int64  `json:"amount"`
				Tenders  []struct {
					Tender
					State     string `json:"state"`
					InsteadOf string `json:"instead_of"` // cash for this payment
				} `json:"tenders"`
			}
			if e.Type != "tilld.sale.refunded.v1" || json.Unmarshal(e.Data, &d) != nil || d.Sale != s.ID {
				continue
			}
			r := Return{ID: d.RefundID, Till: source, Lines: d.Lines, Amount: d.Amount}
			for _, t := range d.Tenders {
				if t.State == "failed" {
					continue // the payment side refused: it is there still
				}
				if i := slices.IndexFunc(s.payments, func(p paidTender) bool { return p.PaymentID == t.InsteadOf }); t.InsteadOf != "" && i >= 0 {
					t.Method = s.payments[i].Method
				}
				r.Tenders = append(r.Tenders, t.Tender)
			}
			back[r.ID] = r
		}
	}
	s.Refundable = s.Total
	var gone []int
	for _, r := range back {
		s.Refundable -= r.Amount
		gone = append(gone, r.Lines...)
		for _, t := range r.Tenders {
			rest := t.Amount
			for i := range s.payments { // what went back by a method is not there twice
				if p := &s.payments[i]; p.Method == t.Method && rest > 0 {
					off := min(rest, p.Amount)
					p.Amount, rest = p.Amount-off, rest-off
				}
			}
		}
	}
	s.Refundable = max(0, s.Refundable)
	if s.Refundable == 0 {
		s.State = "refunded"
	}
	var sum int64
	for _, it := range items {
		sum += it.Total
	}
	for _, it := range items {
		row := soldItem{Line: it.Line, SKU: it.SKU, Name: it.Name, Quantity: it.Quantity, UnitPrice: it.UnitPrice, Total: it.Total}
		if sum > 0 && !slices.Contains(gone, it.Line) {
			row.Refundable = min(it.Total*s.Total/sum, s.Refundable) // its share of coupons taken off
		}
		s.Items = append(s.Items, row)
	}
}

// refundSale lets a till give goods back, once per refund_id: what was paid
// through a payment goes back by it, the rest is cash at the till. c.mu is held.
func (c *Cloud) refundSale(path string, data json.RawMessage) (any, *Problem) {
	var d struct {
		Sale     string `json:"sale"`
		RefundID string `json:"refund_id"`
		Lines    []int  `json:"lines"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	}
	if err := json.Unmarshal(data, &d); err != nil || d.RefundID == "" || d.Amount <= 0 || d.Currency != c.o.Currency {
		return nil, &Problem{"invalid", "sale, refund_id, a positive amount and the currency are needed"}
	}
	for _, r := range c.returns[d.Sale] {
		if r.ID == d.RefundID {
			if r.Till != path || r.Amount != d.Amount {
				return nil, &Problem{"conflict", "this refund_id stands for another refund"}
			}
			return map[string]any{"state": "done", "tenders": r.Tenders}, nil
		}
	}
	s, problem := c.lookupSale(path, d.Sale)
	if problem != nil {
		return nil, problem
	}
	worth := s.Refundable
	if len(d.Lines) > 0 {
		worth = 0
		for _, n := range d.Lines {
			i := slices.IndexFunc(s.Items, func(it soldItem) bool { return it.Line == n })
			if i < 0 || s.Items[i].Refundable == 0 {
				return nil, &Problem{"refund_too_much", fmt.Sprintf("line %d is not there or was given back", n)}
			}
			worth += s.Items[i].Refundable
		}
	}
	if d.Amount > min(worth, s.Refundable) {
		return nil, &Problem{"refund_too_much", fmt.Sprintf("%d is left to give back", min(worth, s.Refundable))}
	}
	r := Return{ID: d.RefundID, Till: path, Lines: d.Lines, Amount: d.Amount, Tenders: []Tender{}}
	rest := d.Amount
	for _, t := range s.payments {
		p, ok := c.payments[t.PaymentID]
		part := min(rest, t.Amount)
		if !ok || part <= 0 {
			continue
		}
		p.Refunds = append(p.Refunds, Refund{ID: d.RefundID, Amount: part})
		r.Tenders = append(r.Tenders, Tender{Method: t.Method, Amount: part, Scheme: t.Scheme, Reference: t.Reference})
		rest -= part
	}
	if rest > 0 {
		r.Tenders = append(r.Tenders, Tender{Method: "cash", Amount: rest})
	}
	if c.returns == nil {
		c.returns = map[string][]Return{}
	}
	c.returns[d.Sale] = append(c.returns[d.Sale], r)
	return map[string]any{"state": "done", "tenders": r.Tenders}, nil
}
