package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Sale is what the cloud reads of a sale.closed event.
type Sale struct {
	ID       string    `json:"id"`
	Number   int       `json:"number"`
	Day      string    `json:"day"`
	State    string    `json:"state"`
	Currency string    `json:"currency"`
	Total    int64     `json:"total"`
	Paid     int64     `json:"paid"`
	Change   int64     `json:"change"`
	Tenders  []Tender  `json:"tenders"`
	Items    []Item    `json:"items"`
	ClosedAt time.Time `json:"closed_at"`
	Sequence uint64    `json:"-"`
}

// Item is a line item of a sale.
type Item struct {
	Line      int    `json:"line"`
	SKU       string `json:"sku"`
	Name      string `json:"name"`
	Quantity  string `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Discount  int64  `json:"discount"`
	Total     int64  `json:"total"`
}

// Report is what the cloud can prove about one till.
type Report struct {
	Source   string           `json:"source"`
	Epochs   int              `json:"epochs"`
	Events   int              `json:"events"`
	Closed   int              `json:"closed"`
	Voided   int              `json:"voided"`
	Refunded int              `json:"refunded"`
	Total    int64            `json:"total"` // of the closed sales
	Tenders  map[string]int64 `json:"tenders"`
	// Problems is empty when all is well: each closed sale once, its tenders
	// adding up to its total, numbers without holes, the chain whole.
	Problems []string `json:"problems"`
}

// Sales returns the closed sales of a till by id; a sale that was reported
// closed twice is an error.
func (l *Ledger) Sales(source string) (map[string]Sale, error) {
	all := map[string]Sale{}
	for _, e := range l.Events(source, 0) {
		if e.Type != "tilld.sale.closed.v1" {
			continue
		}
		var s Sale
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return nil, fmt.Errorf("event %d: %w", e.Sequence, err)
		}
		s.Sequence = e.Sequence
		if old, ok := all[s.ID]; ok {
			return all, fmt.Errorf("sale %s is closed in event %d and again in %d", s.ID, old.Sequence, s.Sequence)
		}
		all[s.ID] = s
	}
	return all, nil
}

// Report checks everything a till has sent.
func (l *Ledger) Report(source string) Report {
	r := Report{Source: source, Tenders: map[string]int64{}, Problems: []string{}}
	bad := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	l.mu.Lock()
	r.Epochs = len(l.epochs[source])
	l.mu.Unlock()
	sales, err := l.Sales(source)
	if err != nil {
		bad("%v", err)
	}
	numbers := map[string][]int{}
	for _, e := range l.Events(source, 0) {
		r.Events++
		switch e.Type {
		case "tilld.sale.voided.v1":
			r.Voided++
		case "tilld.sale.refunded.v1":
			r.Refunded++
			var d struct {
				Number int    `json:"number"`
				Day    string `json:"day"`
			}
			if json.Unmarshal(e.Data, &d) == nil && d.Number > 0 {
				numbers[d.Day] = append(numbers[d.Day], d.Number)
			}
		}
	}
	for _, s := range sales {
		r.Closed++
		r.Total += s.Total
		numbers[s.Day] = append(numbers[s.Day], s.Number)
		var sum, lines int64
		for _, t := range s.Tenders {
			sum += t.Amount
			r.Tenders[t.Method] += t.Amount
		}
		for _, it := range s.Items {
			lines += it.Total
		}
		if sum != s.Total || s.Paid != s.Total {
			bad("sale %s: tenders of %d, paid %d, total %d", s.ID, sum, s.Paid, s.Total)
		}
		if lines < s.Total || s.State != "closed" || len(s.Items) == 0 {
			bad("sale %s: state %s, %d lines of %d, total %d", s.ID, s.State, len(s.Items), lines, s.Total)
		}
	}
	for day, list := range numbers {
		slices.Sort(list)
		for i, n := range list {
			if n != i+1 {
				bad("numbers of %s: %d stands where %d belongs", day, n, i+1)
				break
			}
		}
	}
	for _, a := range l.Alarms() {
		if a.Source == source {
			bad("quarantined at event %d: %s", a.Sequence, a.Reason)
		}
	}
	if err := l.Verify(); err != nil {
		bad("%v", err)
	}
	slices.Sort(r.Problems)
	return r
}
