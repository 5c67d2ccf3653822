package till_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/queue"
)

// bookFile is a price book of n articles, each at price.
func bookFile(n int, price int) string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"S%06d","gtin":"%s","name":"商品 %d","unit_price":%d,"multi_buy":{"quantity":3,"price":%d}}`, i, gtin(i), i, price, price*5/2)
	}
	b.WriteByte(']')
	return b.String()
}

// gtin is the EAN-13 of article i.
func gtin(i int) string {
	body := fmt.Sprintf("690%09d", i)
	sum := 0
	for k, c := range body {
		sum += int(c-'0') * (1 + 2*(k%2))
	}
	return body + fmt.Sprint((10-sum%10)%10)
}

// shelf is where price book files come from.
type shelf map[string]io.Reader

func (s shelf) options(o *till.Options) {
	o.FetchPrices = func(_ context.Context, url, _ string, _ int64) (io.ReadCloser, error) {
		return io.NopCloser(s[url]), nil
	}
}

func (r *rig) price(code string) sale.Money {
	r.t.Helper()
	s, err := r.try(sale.OpenSale{Items: []sale.Add{{Code: code}}})
	if err != nil {
		wantCode(r.t, err, sale.CodeUnknownCode)
		return -1
	}
	r.do(sale.VoidSale{Sale: s.ID, Reason: "test"})
	return s.Items[0].UnitPrice
}

// generations are the parts of bucket Prices, with how many keys each has.
func (r *rig) generations() map[string]int {
	r.t.Helper()
	parts := map[string]int{}
	err := r.store.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Prices, nil, nil, func(k, _ []byte) (bool, error) {
			part, _, _ := strings.Cut(string(k), "/")
			parts[part]++
			return true, nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return parts
}

// halted gives the first part of a text, then waits for leave to go on.
type halted struct {
	first, rest io.Reader
	arrived     chan struct{}
	leave       chan struct{}
	told        atomic.Bool
}

func halt(text string, at int) *halted {
	return &halted{first: strings.NewReader(text[:at]), rest: strings.NewReader(text[at:]), arrived: make(chan struct{}), leave: make(chan struct{})}
}

func (h *halted) Read(b []byte) (int, error) {
	if n, _ := h.first.Read(b); n > 0 {
		return n, nil
	}
	if h.told.CompareAndSwap(false, true) {
		close(h.arrived)
	}
	<-h.leave
	return h.rest.Read(b)
}

// While a file comes in, the old prices are in force and sales go on; the new
// ones come into force all at once.
func TestPriceFileBesideSales(t *testing.T) {
	files := shelf{}
	r := newRig(t, files.options, impatient)
	r.cloud.setDown(true)
	files["1"] = strings.NewReader(bookFile(900, 100))
	order(t, r.till.PriceBookApply, `{"version":"1","url":"1","sha256":"x","bytes":1}`)
	slow := halt(bookFile(2500, 200), 100_000)
	files["2"] = slow
	done := make(chan error, 1)
	go func() {
		_, err := r.till.PriceBookApply(context.Background(), json.RawMessage(`{"version":"2","url":"2","sha256":"y","bytes":1}`))
		done <- err
	}()
	<-slow.arrived
	r.until("a part entered", func() bool { e := r.till.Prices().Entering; return e != nil && e.Version == "2" && e.Items >= 600 })
	if p := r.price(gtin(5)); p != 100 {
		t.Errorf("half a book is in force: %d", p)
	}
	if p := r.price(gtin(2000)); p != -1 {
		t.Errorf("an article of the new book is sold before it is in force: %d", p)
	}
	s := r.do(sale.OpenSale{Items: []sale.Add{{Code: gtin(1)}, {Code: gtin(1)}, {Code: gtin(1)}}})
	if s = r.do(sale.Pay{Sale: s.ID, Method: "cash"}); s.State != sale.Closed || s.Total != 250 {
		t.Errorf("a sale meanwhile: %s, %d", s.State, s.Total)
	}
	// The till dies here: after the start the old book is whole.
	dead := r.killed()
	if p := dead.till.Prices(); p.Version != "1" || p.Items != 900 || p.Entering != nil {
		t.Errorf("after a crash between batches: %+v", p)
	}
	if p := dead.price(gtin(5)); p != 100 {
		t.Errorf("after a crash between batches: %d", p)
	}
	dead.until("the leftover swept", func() bool { return len(dead.generations()) == 1 })
	close(slow.leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if p := r.till.Prices(); p.Version != "2" || p.Items != 2500 || p.Previous != "1" || p.Entering != nil {
		t.Errorf("%+v", p)
	}
	if a, b := r.price(gtin(5)), r.price(gtin(2000)); a != 200 || b != 200 {
		t.Errorf("prices %d, %d after the switch", a, b)
	}
	if list, err := r.till.Articles("商品 2000", 5); err != nil || len(list) != 1 || list[0].UnitPrice != 200 {
		t.Errorf("found by name: %v, %v", list, err)
	}
	r.restart()
	if p := r.price(gtin(5)); p != 200 {
		t.Errorf("price %d after a restart", p)
	}
	if n := len(r.events("config.applied")); n != 2 {
		t.Errorf("config.applied %d times", n)
	}
}

// The version before can be restored, and what was restored undone.
func TestPricesRestored(t *testing.T) {
	files := shelf{}
	r := newRig(t, files.options, impatient)
	r.cloud.setDown(true)
	apply := func(data string) { t.Helper(); order(t, r.till.PriceBookApply, data) }
	for i, price := range []int{100, 200, 300} {
		files[fmt.Sprint(i+1)] = strings.NewReader(bookFile(300, price))
		apply(fmt.Sprintf(`{"version":"%d","url":"%d","sha256":"%d","bytes":1}`, i+1, i+1, i))
	}
	r.until("book 1 swept", func() bool { return len(r.generations()) == 2 })
	reject(t, r.till.PriceBookApply, sale.CodeInvalid, `{"version":"1"}`)
	apply(`{"version":"2"}`)
	if p := r.price(gtin(7)); p != 200 {
		t.Errorf("restored: %d", p)
	}
	apply(`{"version":"3"}`)
	apply(`{"version":"3"}`) // already so
	if p, st := r.price(gtin(7)), r.till.Prices(); p != 300 || st.Previous != "2" {
		t.Errorf("restored again: %d, %+v", p, st)
	}
	// Items on top, one of them twice, one new.
	apply(`{"version":"3a","items":[{"sku":"S000007","gtin":"` + gtin(7) + `","name":"a","unit_price":1},{"sku":"new","name":"n","unit_price":5},{"sku":"S000007","gtin":"` + gtin(7) + `","name":"b","unit_price":2}]}`)
	if st := r.till.Prices(); st.Version != "3a" || st.Items != 301 || st.Previous != "3" {
		t.Errorf("%+v", st)
	}
	for range 2 {
		if a, b := r.price(gtin(7)), r.price("new"); a != 2 || b != 5 {
			t.Errorf("with items: %d, %d", a, b)
		}
		apply(`{"version":"3"}`)
		r.restart()
		if a, b, st := r.price(gtin(7)), r.price("new"), r.till.Prices(); a != 300 || b != -1 || st.Items != 300 || st.Previous != "3a" {
			t.Errorf("items undone: %d, %d, %+v", a, b, st)
		}
		apply(`{"version":"3a"}`)
	}
	// The same file again is known by its hash and not read.
	files["4"] = strings.NewReader(bookFile(10, 400))
	apply(`{"version":"4","url":"4","sha256":"AB","bytes":1}`)
	apply(`{"version":"4","url":"gone","sha256":"ab","bytes":1}`)
}

// A file that is no good changes nothing and leaves nothing behind.
func TestPriceFileRefused(t *testing.T) {
	files := shelf{}
	r := newRig(t, files.options, impatient)
	r.cloud.setDown(true)
	files["1"] = strings.NewReader(bookFile(300, 100))
	order(t, r.till.PriceBookApply, `{"version":"1","url":"1","sha256":"x","bytes":1}`)
	good := bookFile(700, 9)
	bad := func(name, text, code string) {
		t.Helper()
		files["2"] = strings.NewReader(text)
		reject(t, r.till.PriceBookApply, code, `{"version":"2","url":"2","sha256":"y","bytes":1}`)
		if p, st := r.price(gtin(7)), r.till.Prices(); p != 100 || st.Version != "1" || st.Entering != nil {
			t.Errorf("%s: price %d, %+v", name, p, st)
		}
		r.until(name+": swept", func() bool { return len(r.generations()) == 1 })
	}
	bad("torn", good[:len(good)-9], sale.CodeUnavailable)
	bad("no list", `{"items":[]}`, sale.CodeUnavailable)
	bad("nothing", `[]`, sale.CodeInvalid)
	bad("more after it", good+"x", sale.CodeUnavailable)
	bad("unknown field", strings.Replace(good, `"name":"商品 690"`, `"name":"x","colour":1`, 1), sale.CodeUnavailable)
	bad("bad article", strings.Replace(good, `"name":"商品 690"`, `"name":" "`, 1), sale.CodeInvalid)
	bad("huge article", `[{"sku":"a","unit_price":1,"name":"`+strings.Repeat("x", 400<<10)+`"}]`, sale.CodeUnavailable)
	if n := len(r.events("config.applied")); n != 1 {
		t.Errorf("config.applied %d times", n)
	}
}

// Ten per cent more every half hour, by the clock on the wall: also past
// midnight, and when the clocks change. The screen shows the old and the new.
func TestMarkdownSteps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var clock atomic.Pointer[time.Time]
	set := func(at time.Time) { clock.Store(&at) }
	set(time.Date(2026, 3, 28, 12, 0, 0, 0, berlin))
	r := newRig(t, impatient, func(o *till.Options) {
		o.Location, o.Now = berlin, func() time.Time { return *clock.Load() }
	})
	r.cloud.setDown(true)
	var steps []string
	for i := range 9 { // from 22:00, ten per cent more every half hour, ninety from 02:00 until 03:30
		steps = append(steps, fmt.Sprintf(`{"from":"%02d:%02d","percent":%d,"to":"03:30"}`, (22+i/2)%24, i%2*30, 10*(i+1)))
	}
	order(t, r.till.PriceBookApply, `{"version":"1","items":[{"sku":"bun","name":"包子","unit_price":1000,"markdowns":[`+strings.Join(steps, ",")+`]}]}`)
	for _, tt := range []struct {
		at    string
		price sale.Money
	}{
		{"2026-03-28T21:59:59+01:00", 1000},
		{"2026-03-28T22:00:00+01:00", 900},
		{"2026-03-28T22:29:59+01:00", 900},
		{"2026-03-28T22:30:00+01:00", 800},
		{"2026-03-28T23:59:59+01:00", 600}, // the step of 23:30
		{"2026-03-29T00:00:00+01:00", 500},
		{"2026-03-29T01:59:59+01:00", 200},
		{"2026-03-29T03:00:00+02:00", 100}, // one second later: 02:00 to 03:00 does not exist
		{"2026-03-29T03:29:59+02:00", 100},
		{"2026-03-29T03:30:00+02:00", 1000}, // over
		{"2026-10-25T02:10:00+02:00", 100},  // this hour comes twice
		{"2026-10-25T02:10:00+01:00", 100},
		{"2026-10-25T03:30:00+01:00", 1000},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		set(at)
		s := r.do(sale.OpenSale{Items: []sale.Add{{Code: "bun"}}})
		it, line := s.Items[0], r.scene().Lines[0]
		old := sale.Money(0)
		if tt.price < 1000 {
			old = 1000
		}
		if it.UnitPrice != tt.price || it.OldPrice != old || line.UnitPrice != int64(tt.price) || line.OldPrice != int64(old) {
			t.Errorf("%s: line %d (old %d), screen %d (old %d); want %d (old %d)", tt.at, it.UnitPrice, it.OldPrice, line.UnitPrice, line.OldPrice, tt.price, old)
		}
		r.do(sale.VoidSale{Sale: s.ID, Reason: "test"})
	}
}

// What the price book says of digits, before and after there is one.
func TestSold(t *testing.T) {
	r := newRig(t)
	if sold, prices := r.till.Sold("6901234567892"); sold || prices {
		t.Errorf("without a price book: %v, %v", sold, prices)
	}
	r.prices()
	for number, want := range map[string]bool{
		"6901234567892": true, "06901234567892": true, "6921168509256": true, "12345": true, // as an article of its own number
		"6909999999996": false, "770123469012345": false, "": false,
		"2112345007354": false, // a label of a scale, of article 12345
		"M:12345":       false,
	} {
		if sold, prices := r.till.Sold(number); sold != want || !prices {
			t.Errorf("%q: sold %v, want %v; price book %v", number, sold, want, prices)
		}
	}
	r.halt()
	if sold, prices := r.till.Sold("6901234567892"); sold || !prices {
		t.Errorf("with a store that cannot be read: %v, %v", sold, prices)
	}
}
