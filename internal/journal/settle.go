package journal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settlement is the comparison of the brand's and the mall's view of one till.
type Settlement struct {
	Source      string       `json:"source"`      // at the brand
	MallSource  string       `json:"mall_source"` // at the mall
	Days        []DaySums    `json:"days"`
	Same        int          `json:"same"` // movements that both have and that agree
	Differences []Difference `json:"differences"`
	Unexplained int          `json:"unexplained"`
	Redacted    []string     `json:"redacted"` // parts that the mall's copies do not have
}

// DaySums are the totals of a business day in both views.
type DaySums struct {
	Day      string `json:"day"`
	Currency string `json:"currency"`
	Brand    Sums   `json:"brand"`
	Mall     Sums   `json:"mall"`
}

// Sums is what one view says of a day.
type Sums struct {
	Sales    int              `json:"sales"`
	Refunds  int              `json:"refunds"`
	Voids    int              `json:"voids"`
	Gross    int64            `json:"gross"`
	Refunded int64            `json:"refunded"`
	Net      int64            `json:"net"`
	Tenders  map[string]int64 `json:"tenders"` // net
	Numbers  int              `json:"numbers"` // receipts
	Last     int              `json:"last_number"`
}

// Difference is one thing in which the views differ.
type Difference struct {
	Kind      string `json:"kind"` // sale.closed …, or number, or chain
	ID        string `json:"id,omitempty"`
	Day       string `json:"day,omitempty"`
	Number    int    `json:"number,omitempty"`
	Amount    int64  `json:"amount,omitempty"` // what the mall's view is short of
	Explained bool   `json:"explained"`
	Reason    string `json:"reason"` // filtered off withheld damaged pending not_covered redacted carried_over; lost unknown amount tender number bytes doubled chain gap
	Text      string `json:"text"`
}

// Settle compares every till of brand with its copies in mall. day limits it to
// one business day, "" = all.
func Settle(brand, mall *Books, day string) []Settlement {
	var list []Settlement
	used := map[string]bool{}
	for _, source := range brand.order {
		k := brand.byTill[source]
		var m *book
		for _, ms := range mall.order {
			if slices.ContainsFunc(mall.byTill[ms].rules, func(r rule) bool { return r.Source == source }) {
				m = mall.byTill[ms]
				used[ms] = true
			}
		}
		list = append(list, settle(k, m, day))
	}
	for _, ms := range mall.order {
		if !used[ms] {
			s := Settlement{MallSource: ms}
			s.add(Difference{Kind: "chain", Reason: "unknown", Text: "the brand has no till for the mall's " + ms})
			list = append(list, s)
		}
	}
	return list
}

func (s *Settlement) add(d Difference) {
	s.Differences = append(s.Differences, d)
	if !d.Explained {
		s.Unexplained++
	}
}

func settle(brand, mall *book, day string) Settlement {
	s := Settlement{Source: brand.source, Differences: []Difference{}, Redacted: []string{}, Days: []DaySums{}}
	for _, w := range brand.wrong {
		s.add(Difference{Kind: "chain", Reason: "chain", Text: "brand: " + w})
	}
	if mall == nil {
		s.add(Difference{Kind: "chain", Reason: "unknown", Text: "the mall has no till that copies " + brand.source})
		mall = (&Books{byTill: map[string]*book{}}).book("")
	}
	s.MallSource = mall.source
	for _, w := range mall.wrong {
		s.add(Difference{Kind: "chain", Reason: "chain", Text: "mall: " + w})
	}
	redacted := map[string]bool{}
	for _, r := range mall.rules {
		for _, part := range r.Redact {
			redacted[part] = true
		}
	}
	s.Redacted = slices.Sorted(maps.Keys(redacted))
	sums := map[string]*DaySums{}
	missing := map[[2]any]Difference{} // day, number -> why the mall lacks it
	for _, key := range brand.order {
		e := brand.entries[key]
		if day != "" && e.Day != day {
			continue
		}
		sumOf(sums, e).Brand.take(e)
		c, ok := mall.entries[key]
		if !ok {
			d := mall.explain(e)
			s.add(d)
			if e.Number > 0 {
				missing[[2]any{e.Day, e.Number}] = d
			}
			continue
		}
		if d, differs := compare(brand, e, c); differs {
			s.add(d)
		} else {
			s.Same++
		}
	}
	for _, key := range mall.order {
		c := mall.entries[key]
		if day != "" && c.Day != day {
			continue
		}
		sumOf(sums, c).Mall.take(c)
		if _, ok := brand.entries[key]; !ok {
			s.add(brand.excuse(c))
		}
	}
	for _, d := range slices.Sorted(maps.Keys(sums)) {
		s.Days = append(s.Days, *sums[d])
	}
	s.numbers(brand, mall, day, missing)
	return s
}

// explain says why the mall does not have what the brand has.
func (m *book) explain(e entry) Difference {
	d := Difference{Kind: e.kind, ID: e.name(), Day: e.Day, Number: e.Number, Amount: e.amount(), Explained: true}
	say := func(reason, format string, args ...any) Difference {
		d.Reason, d.Text = reason, fmt.Sprintf(format, args...)
		return d
	}
	for _, w := range m.held {
		if e1, first, ok := splitID(w.First.ID); ok {
			e2, last, ok := splitID(w.Last.ID)
			if ok && e1 == e.epoch && first <= e.seq && (e2 != e1 || e.seq <= last) {
				return say("withheld", "withheld: the mall had not taken what was made before (%d events, %s to %s)", w.Count, w.First.ID, w.Last.ID)
			}
		}
	}
	if m.damaged[id(e.epoch, e.seq)] {
		return say("damaged", "the copy could not be made, or was lost; the mall has a stand-in that names the event")
	}
	if len(m.rules) == 0 {
		d.Explained = false
		return say("lost", "the mall's file does not say what its view is")
	}
	r := m.rule(e)
	switch newest, some := m.newest[e.epoch]; {
	case r == nil:
		return say("off", "before the mall's view began (%s)", m.rules[0].at.UTC().Format("2006-01-02 15:04:05Z"))
	case len(r.Events) == 0:
		return say("off", "the mall was switched off then")
	case !slices.Contains(r.Events, e.kind):
		return say("filtered", "filtered: the mall's view then had %s only", strings.Join(r.Events, ", "))
	case !some || e.seq > newest:
		return say("pending", "not delivered yet: the mall's file ends with the copy of event %d, this is event %d", newest, e.seq)
	default:
		d.Explained = false
		return say("lost", "LOST: the mall has copies up to event %d of this till, and none of event %d", newest, e.seq)
	}
}

// rule is the one in force when e was committed: the last that names an event
// of its epoch before it, else the last by time; nil before the first.
func (m *book) rule(e entry) (r *rule) {
	for i := range m.rules {
		x := &m.rules[i]
		if epoch, seq, ok := splitID(x.of); ok && epoch == e.epoch {
			if seq < e.seq {
				r = x
			}
		} else if !x.at.After(e.at) {
			r = x
		}
	}
	return r
}

// excuse says why the brand does not have what the mall has.
func (b *book) excuse(c entry) Difference {
	d := Difference{Kind: c.kind, ID: c.name(), Day: c.Day, Number: c.Number, Amount: -c.amount(), Reason: "unknown"}
	epoch, seq, ok := splitID(c.ofID)
	switch {
	case !ok:
		d.Text = "the mall's event names no event of the till"
	case b.ends[epoch] != 0 && b.has(epoch, seq):
		if b.damaged[c.ofID] {
			d.Explained, d.Reason, d.Text = true, "damaged", "the brand's event is damaged and replaced by a stand-in; the mall has the copy of the original"
			return d
		}
		d.Text = fmt.Sprintf("the brand's event %d is something else", seq)
	case b.ends[epoch] != 0 && seq > b.ends[epoch]:
		d.Explained, d.Reason, d.Text = true, "pending", fmt.Sprintf("the brand's file ends at event %d, this is event %d: not acknowledged there yet", b.ends[epoch], seq)
	default:
		d.Explained, d.Reason, d.Text = true, "not_covered", fmt.Sprintf("event %d is not in the brand's file: outside of the export, or erased", seq)
	}
	return d
}

// compare says in what two entries of the same movement differ.
func compare(b *book, e, c entry) (Difference, bool) {
	d := Difference{Kind: e.kind, ID: e.name(), Day: e.Day, Number: e.Number, Amount: e.amount() - c.amount()}
	say := func(reason, format string, args ...any) (Difference, bool) {
		d.Reason, d.Text = reason, fmt.Sprintf(format, args...)
		return d, true
	}
	switch {
	case e.amount() != c.amount():
		return say("amount", "the brand says %d, the mall %d", e.amount(), c.amount())
	case e.Number != c.Number || e.Day != c.Day:
		return say("number", "the brand says number %d of %s, the mall number %d of %s", e.Number, e.Day, c.Number, c.Day)
	case e.tenders() != c.tenders():
		return say("tender", "the brand says %s, the mall %s", e.tenders(), c.tenders())
	case c.ofID == id(e.epoch, e.seq) && c.of != e.hash:
		return say("bytes", "the mall's copy is of other bytes than the brand's event %d", e.seq)
	}
	if epoch, _, ok := splitID(c.ofID); ok && epoch != e.epoch && b.ends[epoch] != 0 {
		d.Explained = true
		return say("carried_over", "the brand's event was sealed again in a later epoch; amounts and number are the same")
	}
	return d, false
}

func sumOf(sums map[string]*DaySums, e entry) *DaySums {
	day := e.Day
	d, ok := sums[day]
	if !ok {
		d = &DaySums{Day: day, Currency: e.Currency, Brand: Sums{Tenders: map[string]int64{}}, Mall: Sums{Tenders: map[string]int64{}}}
		sums[day] = d
	}
	d.Currency = cmp.Or(d.Currency, e.Currency)
	return d
}

func (s *Sums) take(e entry) {
	switch e.kind {
	case "sale.closed":
		s.Sales++
		s.Gross += e.Total
	case "sale.refunded":
		s.Refunds++
		s.Refunded += e.Amount
	default:
		s.Voids++
		return
	}
	s.Net += e.amount()
	for method, amount := range e.byTender() {
		s.Tenders[method] += amount
	}
	if e.Number > 0 {
		s.Numbers++
		s.Last = max(s.Last, e.Number)
	}
}

// numbers looks for holes in the receipt numbers of each day.
func (s *Settlement) numbers(brand, mall *book, day string, missing map[[2]any]Difference) {
	for _, view := range []struct {
		name string
		of   *book
	}{{"brand", brand}, {"mall", mall}} {
		have := map[string]map[int]string{}
		for _, key := range view.of.order {
			e := view.of.entries[key]
			if e.Number == 0 || day != "" && e.Day != day {
				continue
			}
			if have[e.Day] == nil {
				have[e.Day] = map[int]string{}
			}
			if other, twice := have[e.Day][e.Number]; twice {
				s.add(Difference{Kind: "number", Day: e.Day, Number: e.Number, Reason: "doubled", Text: fmt.Sprintf("%s: number %d of %s is of %s and of %s", view.name, e.Number, e.Day, other, key)})
			}
			have[e.Day][e.Number] = key
		}
		for _, d := range slices.Sorted(maps.Keys(have)) {
			next := 1
			for _, n := range slices.Sorted(maps.Keys(have[d])) {
				if n-next > maxGap {
					s.add(Difference{Kind: "number", Day: d, Number: next, Reason: "gap", Text: fmt.Sprintf("%s: numbers %d to %d of %s are not there", view.name, next, n-1, d)})
					next = n
				}
				for ; next < n; next++ {
					s.add(view.of.gap(view.name, d, next, missing))
				}
				next = n + 1
			}
		}
	}
}

// maxGap is how many missing receipt numbers in a row are looked at one by one.
const maxGap = 10_000

// gap says why a number is not in a view.
func (k *book) gap(name, day string, n int, missing map[[2]any]Difference) Difference {
	d := Difference{Kind: "number", Day: day, Number: n, Reason: "gap", Text: fmt.Sprintf("%s: number %d of %s is not there", name, n, day)}
	if why, ok := missing[[2]any{day, n}]; ok && name == "mall" {
		d.Explained, d.Reason, d.Text = why.Explained, why.Reason, d.Text+": "+why.Text
		return d
	}
	if len(k.away) > 0 || len(k.damaged) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(k.begins)), func(first uint64) bool { return first > 1 }) {
		d.Explained, d.Reason, d.Text = true, "not_covered", d.Text+": the file leaves out events, or begins later"
	}
	return d
}
