package till

import (
	"encoding/json"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
)

// ZReport is the report of a business day ("2026-03-14", "" for the present
// one), counted from the stored sales by number, not from running totals.
func (t *Till) ZReport(day string) (ZReport, error) {
	if day == "" {
		t.mu.Lock()
		day = t.machine.Book().Day
		t.mu.Unlock()
		if today := t.now().Format(time.DateOnly); day < today {
			day = today
		}
	}
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return ZReport{}, problem(sale.CodeInvalid, "day", "日期格式为 YYYY-MM-DD", "day must be YYYY-MM-DD")
	}
	totals := sale.Totals{Tenders: map[string]sale.Money{}}
	err := t.o.Store.View(func(tx *queue.Tx) error {
		prefix := []byte("closed/" + day + "/")
		err := tx.Range(queue.Index, prefix, []byte("closed/"+day+"0"), func(_, v []byte) (bool, error) {
			saleID, refundID, isRefund := strings.Cut(string(v), "/")
			var s saleRecord
			if err := getJSON(tx, queue.Sales, []byte(saleID), &s); err != nil {
				return false, err
			}
			if s.ID == "" {
				return true, nil // older than what is kept
			}
			if !isRefund {
				totals.AddSale(s.Sale)
			}
			for _, r := range s.Refunds {
				if isRefund && r.ID == refundID {
					totals.AddRefund(r)
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		return tx.Range(queue.Index, []byte("void/"+day+"/"), []byte("void/"+day+"0"), func(_, _ []byte) (bool, error) {
			totals.Voids++
			return true, nil
		})
	})
	if err != nil {
		return ZReport{}, err
	}
	return ZReport{
		Day: day, Currency: t.o.Currency, Sales: totals.Sales, Refunds: totals.Refunds, Voids: totals.Voids,
		FirstNumber: totals.FirstNumber, LastNumber: totals.LastNumber, Gross: totals.Gross, Discounts: totals.Discounts,
		Refunded: totals.Refunded, Net: totals.Net, Tenders: totals.Tenders,
	}, nil
}

// Sale returns a sale as it stands.
func (t *Till) Sale(id string) (sale.Sale, error) {
	t.mu.Lock()
	s, ok := t.machine.Sale(id)
	t.mu.Unlock()
	if ok {
		return withheld(s), nil
	}
	s, err := t.stored(id)
	return withheld(s), err
}

// Current returns the sale that scans go to.
func (t *Till) Current() (sale.Sale, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.machine.Current()
	if !ok {
		return sale.Sale{}, problem(sale.CodeNoCurrentSale, "", "没有进行中的销售", "no sale is open")
	}
	return withheld(s), nil
}

// SaleOpen reports whether a sale is under way, parked ones not counted.
func (t *Till) SaleOpen() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.machine.Current()
	return ok
}

// searchBatch is how many sales one search looks at before it answers with what
// it has and where to go on.
const searchBatch = 20_000

// Sales lists stored sales, newest first; next is the id to go on after, "" at
// the end. A page may be short, or empty, and still have a next one: a search
// through years of sales is answered in pieces.
func (t *Till) Sales(f Filter) (list []sale.Sale, next string, err error) {
	list = []sale.Sale{}
	limit := bounded(f.Limit)
	to := "\x7f" // beyond all ids
	if !f.To.IsZero() {
		to = ulidFloor(f.To.Add(time.Millisecond))
	}
	if f.After != "" {
		to = min(to, f.After)
	}
	text, last, seen := strings.ToLower(f.Text), "", 0
	err = t.o.Store.View(func(tx *queue.Tx) error {
		return tx.RangeBack(queue.Sales, []byte(ulidFloor(f.From)), []byte(to), func(_, v []byte) (bool, error) {
			if len(list) == limit || seen == searchBatch {
				next = last
				return false, nil
			}
			var s saleRecord
			if err := json.Unmarshal(v, &s); err != nil {
				return false, err
			}
			last, seen = s.ID, seen+1
			if f.matches(s.Sale, text) {
				list = append(list, withheld(slim(t.whole(s))))
			}
			return true, nil
		})
	})
	return list, next, err
}

func (f Filter) matches(s sale.Sale, text string) bool {
	switch {
	case f.State != "" && s.State != f.State,
		f.Amount != nil && s.Total != *f.Amount,
		!f.From.IsZero() && s.OpenedAt.Before(f.From),
		!f.To.IsZero() && s.OpenedAt.After(f.To):
		return false
	case text == "":
		return true
	}
	has := func(fields ...string) bool {
		for _, x := range fields {
			if strings.Contains(strings.ToLower(x), text) {
				return true
			}
		}
		return false
	}
	if has(s.ID, s.ExternalID, s.Cashier, s.Adviser, numberKey(s.Day, s.Number)) {
		return true
	}
	for _, it := range s.Items {
		if has(it.SKU, it.GTIN, it.Serial, it.Name) {
			return true
		}
	}
	for _, x := range s.Tenders {
		if has(x.Reference) {
			return true
		}
	}
	return false
}
