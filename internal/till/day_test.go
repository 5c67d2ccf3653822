package till_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

var daySeed = flag.Uint64("day.seed", 0, "seed of TestDay; 0 runs three fixed ones")

// TestDay plays a whole day with everything going wrong that can: calls in any
// order, a cloud that answers late, wrongly or not at all, printers without
// paper, restarts in the middle. At its end journal, sales and report must tell
// the same story.
func TestDay(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if *daySeed != 0 {
		seeds = []uint64{*daySeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := &day{rig: newRig(t, func(o *till.Options) { o.RequestTimeout = 30 * time.Millisecond }), rand: rand.New(rand.NewPCG(seed, 0)), printed: map[string]int{}}
			d.prices()
			d.mood()
			for range 250 {
				d.act()
			}
			d.close()
		})
	}
}

type day struct {
	*rig
	rand    *rand.Rand
	ids     []string
	printed map[string]int // originals on paper, by job
	keys    int
}

func (d *day) n(n int) int { return d.rand.IntN(n) }

// mood decides how the cloud is from now on.
func (d *day) mood() {
	d.cloud.setDown(d.n(5) == 0)
	answers := []string{
		`{"state":"pending","url":"https://pay.example/$id"}`, `{"state":"paid"}`, `{"state":"failed"}`, `{"state":"nonsense"}`, "",
	}
	for _, kind := range []string{"payment.create", "payment.query", "payment.cancel", "payment.collect"} {
		text := answers[d.n(len(answers))]
		if kind == "payment.cancel" && d.n(2) == 0 {
			text = `{"state":"cancelled"}`
		}
		if text == "" {
			d.cloud.on(kind, nil)
			continue
		}
		d.cloud.on(kind, echo(text))
	}
	d.cloud.on("payment.refund", nil)
	if k := d.n(3); k > 0 {
		d.cloud.says("payment.refund", []string{"", `{"state":"done"}`, `{"state":"failed"}`}[k])
	}
}

func (d *day) pick() string {
	if len(d.ids) == 0 || d.n(10) == 0 {
		d.do2(sale.OpenSale{Items: []sale.Add{{SKU: "a", Name: "A", UnitPrice: money(sale.Money(d.n(500)))}}})
	}
	if len(d.ids) == 0 {
		return "nobody"
	}
	return d.ids[max(0, len(d.ids)-1-d.n(4))]
}

// do2 runs a command under a key, now and then twice; problems are fine, other
// errors are not.
func (d *day) do2(cmd any) {
	d.t.Helper()
	d.keys++
	c := till.Call{Key: fmt.Sprint("k", d.keys), Fingerprint: "f", Origin: "api"}
	a, err := d.till.Do(context.Background(), c, cmd)
	if _, is := errors.AsType[*sale.Problem](err); err != nil && !is {
		d.t.Fatalf("%T: %v", cmd, err)
	}
	if _, opened := cmd.(sale.OpenSale); opened && err == nil {
		var s sale.Sale
		if err := json.Unmarshal(a.Body, &s); err != nil {
			d.t.Fatal(err)
		}
		d.ids = append(d.ids, s.ID)
	}
	if d.n(4) == 0 && err == nil {
		again, err := d.till.Do(context.Background(), c, cmd)
		if err != nil || string(again.Body) != string(a.Body) {
			d.t.Fatalf("%T repeated: %s, %v\nwas %s", cmd, again.Body, err, a.Body)
		}
	}
}

func (d *day) act() {
	id := d.pick()
	switch d.n(16) {
	case 0, 1:
		d.do2(sale.AddItem{Sale: id, Add: sale.Add{SKU: "b", Name: "B", UnitPrice: money(sale.Money(1 + d.n(900))), Quantity: "2"}})
	case 2:
		d.scan([]string{"6901234567892", "6921168509256", "134567890123456789"}[d.n(3)])
	case 3:
		d.do2(sale.RemoveItem{Sale: id, Line: 1 + d.n(3)})
	case 4, 5:
		d.do2(sale.Pay{Sale: id, Method: "cash", Given: money(sale.Money(d.n(3000)))})
	case 6:
		d.do2(sale.Pay{Sale: id, Method: "external"})
	case 7, 8:
		d.do2(sale.Pay{Sale: id, Method: "qr"})
	case 9:
		d.do2(sale.CancelPayment{Sale: id})
	case 10:
		d.do2([]any{sale.VoidSale{Sale: id, Reason: "r"}, sale.Park{Sale: id}, sale.Recall{Sale: id}}[d.n(3)])
	case 11:
		d.do2(sale.RefundSale{Sale: id, Reason: "r"})
	case 12:
		d.result(id)
	case 13:
		d.paper()
	case 14:
		d.mood()
	default:
		d.restart()
	}
}

// result has the cloud say late that one of the sale's payments was paid.
func (d *day) result(id string) {
	s, err := d.till.Sale(id)
	if err != nil {
		return
	}
	list := s.Payments
	if s.Payment != nil {
		list = append(list, *s.Payment)
	}
	if len(list) == 0 {
		return
	}
	p := list[d.n(len(list))]
	err = d.till.PaymentResult(context.Background(), json.RawMessage(fmt.Sprintf(`{"payment_id":%q,"state":"paid","amount":%d}`, p.ID, p.Amount)))
	if _, is := errors.AsType[*sale.Problem](err); err != nil && !is {
		d.t.Fatal(err)
	}
}

// paper prints a job, or begins one and leaves its end open.
func (d *day) paper() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what is there is given, nothing is waited for
	j, err := d.till.Next(ctx, "printer-1")
	if err != nil {
		return
	}
	if err := d.till.Begin(context.Background(), "printer-1", j.ID); err != nil {
		d.t.Fatal(err)
	}
	d.printed[j.ID]++
	switch d.n(4) {
	case 0:
		d.restart() // half printed
		return
	case 1:
		d.printed[j.ID]--
		err = d.till.End(context.Background(), j.ID, printer.Queued, printer.NoEvidence, "no paper")
	default:
		err = d.till.End(context.Background(), j.ID, printer.Confirmed, printer.InOrder, "")
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// close ends the day: the cloud is well again, everything settles, and all
// books are compared.
func (d *day) close() {
	d.cloud.setDown(false)
	d.cloud.on("payment.query", echo(`{"state":"failed"}`))
	d.cloud.on("payment.cancel", echo(`{"state":"cancelled"}`))
	d.cloud.says("payment.refund", `{"state":"done"}`)
	d.restart()
	all, next, err := d.till.Sales(till.Filter{Limit: 1000})
	if err != nil || next != "" {
		d.t.Fatal(err, next)
	}
	d.until("everything is settled", func() bool {
		for i, s := range all {
			all[i] = d.sale(s.ID)
			if !settled(all[i]) || slices.ContainsFunc(all[i].Refunds, func(r sale.Refund) bool { return r.State == sale.RefundPending }) {
				return false
			}
		}
		return true
	})
	var numbers []int
	var fromSales, fromEvents sale.Money
	closed := map[string]sale.Money{}
	for _, s := range all {
		if s.Number > 0 {
			numbers = append(numbers, s.Number)
			closed[s.ID] = s.Total
			fromSales += s.Total
		}
		for _, r := range s.Refunds {
			if r.Number > 0 {
				numbers = append(numbers, r.Number)
				fromSales -= r.Amount
			}
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i+1 {
			d.t.Fatalf("numbers %v", numbers)
		}
	}
	for _, e := range d.events("sale.closed") {
		var s sale.Sale
		if err := json.Unmarshal(e.Data, &s); err != nil || closed[s.ID] != s.Total {
			d.t.Fatalf("sale.closed %s: %v, told before or not closed", s.ID, err)
		}
		delete(closed, s.ID)
		fromEvents += s.Total
	}
	for _, e := range d.events("sale.refunded") {
		var r sale.RefundData
		if err := json.Unmarshal(e.Data, &r); err != nil {
			d.t.Fatal(err)
		}
		fromEvents -= r.Amount
	}
	z, err := d.till.ZReport("")
	if err != nil {
		d.t.Fatal(err)
	}
	var tenders sale.Money
	for _, m := range z.Tenders {
		tenders += m
	}
	if len(closed) != 0 || fromEvents != fromSales || z.Net != fromSales || tenders != fromSales || len(numbers) != z.Sales+z.Refunds {
		d.t.Errorf("sales %d, events %d, report %+v (tenders %d), not reported %v", fromSales, fromEvents, z, tenders, closed)
	}
	report, err := d.till.Report(context.Background(), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	var running struct{ Totals sale.Totals }
	if err := json.Unmarshal(mustMarshal(report), &running); err != nil || running.Totals.Net != z.Net || running.Totals.Sales != z.Sales || running.Totals.Refunds != z.Refunds || running.Totals.Voids != z.Voids {
		d.t.Errorf("running totals %+v, report %+v, %v", running.Totals, z, err)
	}
	for job, n := range d.printed {
		if n > 1 && !strings.Contains(job, "/copy-") {
			d.t.Errorf("%s is on paper %d times", job, n)
		}
	}
	d.t.Logf("%d sales, %d refunds, %d voids, net %d, %d events", z.Sales, z.Refunds, z.Voids, z.Net, d.store.LastSeq())
}

func mustMarshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
