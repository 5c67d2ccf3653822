package till_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
)

var numbersSeed = flag.Uint64("numbers.seed", 0, "seed of TestNumbers; 0 runs fixed ones")

// books is what the journal, read from its beginning, has to come to.
type books struct {
	day     string
	last    map[string]int
	tenders map[string]map[string]sale.Money // day -> method -> net
	sales   map[string]int
	refunds map[string]int
	net     map[string]sale.Money
	shift   bool
	cash    sale.Money // in the open shift
	closed  []string   // sales that can be refunded
}

func (b books) clone() books {
	b.last, b.sales, b.refunds, b.net, b.closed = maps.Clone(b.last), maps.Clone(b.sales), maps.Clone(b.refunds), maps.Clone(b.net), slices.Clone(b.closed)
	t := map[string]map[string]sale.Money{}
	for d, m := range b.tenders {
		t[d] = maps.Clone(m)
	}
	b.tenders = t
	return b
}

// TestNumbers sells through midnights, both changes of summer time, jumps of the
// clock by a year ahead and a day back, restarts and a restored backup, and
// compares every step with a model: receipt numbers of a day are 1, 2, 3 … in
// the order of the journal, a day that is over never comes back, and Z report,
// shift and journal have the same sums per day and tender.
func TestNumbers(t *testing.T) {
	type start struct {
		zone string
		at   time.Time
		seed uint64
	}
	starts := []start{
		{"Asia/Shanghai", time.Date(2026, 12, 31, 15, 50, 0, 0, time.UTC), 1}, // ten to midnight of the year
		{"Europe/Berlin", time.Date(2026, 3, 28, 22, 40, 0, 0, time.UTC), 2},  // the day of 23 hours follows
		{"Europe/Berlin", time.Date(2026, 10, 24, 21, 40, 0, 0, time.UTC), 3}, // the day of 25 hours follows
		{"America/St_Johns", time.Date(2026, 3, 8, 3, 0, 0, 0, time.UTC), 4},  // half past
	}
	for _, s := range starts {
		if *numbersSeed != 0 {
			s.seed = *numbersSeed
		}
		t.Run(fmt.Sprintf("%s/%d", s.zone, s.seed), func(t *testing.T) {
			loc, err := time.LoadLocation(s.zone)
			if err != nil {
				t.Fatal(err)
			}
			n := newNumbers(t, loc, s.at, s.seed)
			for range 100 {
				n.act()
			}
			// Somebody sets the clock a year ahead, sells, and sets it right: the
			// day of the year ahead goes on, it neither ends nor loses a number.
			n.move(365 * 24 * time.Hour)
			n.sell()
			n.move(-365 * 24 * time.Hour)
			for range 10 {
				n.act()
			}
			n.compare()
		})
	}
}

// numbers is a till, its clock, and the model.
type numbers struct {
	*rig
	rand    *rand.Rand
	loc     *time.Location
	clock   atomic.Int64 // unix ns
	seen    time.Time    // of the last commit
	b       books
	backup  string // a copy of the data directory
	backedB books
	backedS time.Time
	jumps   int // clock.jumped events that must be in the journal
	backedJ int
}

func newNumbers(t *testing.T, loc *time.Location, at time.Time, seed uint64) *numbers {
	n := &numbers{rand: rand.New(rand.NewPCG(seed, 7)), loc: loc, b: books{
		last: map[string]int{}, tenders: map[string]map[string]sale.Money{}, sales: map[string]int{}, refunds: map[string]int{}, net: map[string]sale.Money{},
	}}
	n.clock.Store(at.UnixNano())
	n.rig = newRig(t, func(o *till.Options) {
		o.Now = func() time.Time { return time.Unix(0, n.clock.Load()) }
		o.Location = loc
	})
	n.seen = n.now()
	return n
}

func (n *numbers) now() time.Time { return time.Unix(0, n.clock.Load()) }

func (n *numbers) move(d time.Duration) { n.clock.Add(int64(d)) }

// number is what the next receipt has to bear.
func (n *numbers) number() (string, int) {
	if day := n.now().In(n.loc).Format(time.DateOnly); day > n.b.day {
		n.b.day = day
	}
	n.b.last[n.b.day]++
	return n.b.day, n.b.last[n.b.day]
}

func (n *numbers) book(day, method string, amount sale.Money) {
	if n.b.tenders[day] == nil {
		n.b.tenders[day] = map[string]sale.Money{}
	}
	n.b.tenders[day][method] += amount
	n.b.net[day] += amount
	if n.b.shift && method == "cash" {
		n.b.cash += amount
	}
}

func (n *numbers) act() {
	n.t.Helper()
	switch k := n.rand.IntN(20); {
	case k < 8:
		n.sell()
	case k < 10:
		n.refund()
	case k == 10:
		s := n.open()
		n.do(sale.VoidSale{Sale: s.ID, Reason: "r"})
		n.seen = n.now()
	case k == 11:
		n.shift()
	case k == 12:
		n.reboot(0)
	case k == 13:
		n.reboot(-time.Duration(1+n.rand.IntN(30)) * time.Hour) // set back while it was off
	case k == 14:
		n.move(-24 * time.Hour)
	case k == 15:
		n.move(time.Duration(n.rand.IntN(40)) * time.Hour)
	case k == 16:
		n.backupOrRestore()
	default:
		n.move(time.Duration(1+n.rand.IntN(1440)) * time.Minute)
	}
}

func (n *numbers) sell() {
	n.t.Helper()
	s := n.open()
	method := []string{"cash", "external"}[n.rand.IntN(2)]
	s = n.do(sale.Pay{Sale: s.ID, Method: method})
	day, number := n.number()
	if s.Day != day || s.Number != number || s.State != sale.Closed {
		n.t.Fatalf("at %v: sale has number %d of %s (%s), want %d of %s", n.now().In(n.loc), s.Number, s.Day, s.State, number, day)
	}
	n.b.sales[day]++
	n.book(day, method, s.Total)
	n.b.closed = append(n.b.closed, s.ID)
	n.seen = n.now()
}

func (n *numbers) refund() {
	n.t.Helper()
	if len(n.b.closed) == 0 {
		return
	}
	i := n.rand.IntN(len(n.b.closed))
	id := n.b.closed[i]
	n.b.closed = slices.Delete(n.b.closed, i, i+1)
	n.do(sale.RefundSale{Sale: id, Reason: "r"})
	r := n.sale(id).Refunds[0]
	day, number := n.number()
	if r.Day != day || r.Number != number {
		n.t.Fatalf("at %v: refund has number %d of %s, want %d of %s", n.now().In(n.loc), r.Number, r.Day, number, day)
	}
	n.b.refunds[day]++
	for _, x := range r.Tenders {
		n.book(day, x.Method, -x.Amount)
	}
	n.seen = n.now()
}

// shift opens a shift, or closes it and compares the cash.
func (n *numbers) shift() {
	n.t.Helper()
	if !n.b.shift {
		if _, err := n.till.Do(n.t.Context(), till.Call{Origin: "api"}, till.OpenShift{Cashier: "E-1", Float: 10_000}); err != nil {
			n.t.Fatal(err)
		}
		n.b.shift, n.b.cash = true, 0
	} else {
		a, err := n.till.Do(n.t.Context(), till.Call{Origin: "api"}, till.CloseShift{Counted: int64(10_000 + n.b.cash)})
		var d sale.ShiftData
		if err != nil || json.Unmarshal(a.Body, &d) != nil || d.Cash != n.b.cash || d.Difference != 0 {
			n.t.Fatalf("shift %s: want %d in cash, %v", a.Body, n.b.cash, err)
		}
		n.b.shift = false
	}
	n.seen = n.now()
}

// reboot stops the till, moves its clock by d, and starts it.
func (n *numbers) reboot(d time.Duration) {
	n.t.Helper()
	n.halt()
	n.move(d)
	n.begin()
}

func (n *numbers) begin() {
	n.t.Helper()
	if n.seen.Sub(n.now()) > 2*time.Second {
		n.jumps++
	}
	n.start()
	n.seen = n.now()
}

// backupOrRestore copies the data directory aside, or puts an old copy in its
// place: the till then goes on from there, and knows nothing of what came after.
func (n *numbers) backupOrRestore() {
	n.t.Helper()
	n.halt()
	if n.backup == "" {
		n.backup = filepath.Join(n.t.TempDir(), "backup")
		if err := os.CopyFS(n.backup, os.DirFS(n.dir)); err != nil {
			n.t.Fatal(err)
		}
		n.backedB, n.backedS, n.backedJ = n.b.clone(), n.seen, n.jumps
	} else {
		err := os.RemoveAll(n.dir)
		if err == nil {
			err = os.CopyFS(n.dir, os.DirFS(n.backup))
		}
		if err != nil {
			n.t.Fatal(err)
		}
		n.b, n.seen, n.jumps, n.backup = n.backedB, n.backedS, n.backedJ, ""
	}
	n.begin()
}

// compare reads the journal and the Z reports and adds them up.
func (n *numbers) compare() {
	n.t.Helper()
	last, sums, day := map[string]int{}, map[string]map[string]sale.Money{}, ""
	take := func(d string, number int, tenders []sale.Tender, sign sale.Money) {
		if last[d]++; number != last[d] {
			n.t.Errorf("journal: number %d of %s stands where %d belongs", number, d, last[d])
		}
		if d < day {
			n.t.Errorf("journal: %s comes after %s", d, day)
		}
		day = d
		if sums[d] == nil {
			sums[d] = map[string]sale.Money{}
		}
		for _, x := range tenders {
			sums[d][x.Method] += sign * x.Amount
		}
	}
	for _, e := range n.events("") {
		switch e.Type {
		case "tilld.sale.closed.v1":
			var s sale.Sale
			if err := json.Unmarshal(e.Data, &s); err != nil {
				n.t.Fatal(err)
			}
			take(s.Day, s.Number, s.Tenders, 1)
		case "tilld.sale.refunded.v1":
			var r sale.RefundData
			if err := json.Unmarshal(e.Data, &r); err != nil {
				n.t.Fatal(err)
			}
			take(r.Day, r.Number, r.Tenders, -1)
		}
	}
	if fmt.Sprint(last) != fmt.Sprint(n.b.last) || fmt.Sprint(sums) != fmt.Sprint(n.b.tenders) {
		n.t.Errorf("journal: numbers %v, sums %v\nmodel:   numbers %v, sums %v", last, sums, n.b.last, n.b.tenders)
	}
	if got := len(n.events("clock.jumped")); got != n.jumps {
		n.t.Errorf("%d clock.jumped events, want %d", got, n.jumps)
	}
	for d := range n.b.last {
		z, err := n.till.ZReport(d)
		if err != nil {
			n.t.Fatal(err)
		}
		tenders := map[string]sale.Money{}
		for m, v := range z.Tenders {
			tenders[m] = v
		}
		if fmt.Sprint(tenders) != fmt.Sprint(sums[d]) || z.Net != n.b.net[d] || z.Sales != n.b.sales[d] || z.Refunds != n.b.refunds[d] || z.LastNumber != n.b.last[d] || z.FirstNumber != 1 {
			n.t.Errorf("Z report of %s %+v; journal %v, net %d, %d sales, %d refunds, numbers to %d", d, z, sums[d], n.b.net[d], n.b.sales[d], n.b.refunds[d], n.b.last[d])
		}
	}
	n.t.Logf("%d days, %d sales, %d clock jumps while off", len(last), len(n.events("sale.closed")), n.jumps)
}
