package sale_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/internal/sale"
)

// This is the shopper's side of a payment: a till, a payment side that does what
// docs/link.md promises, and a line between them that loses, repeats, delays and
// reorders whatever it carries. Whatever happens, in whatever order, the shopper
// is charged once, and the sale ends paid or unpaid.

// charge is one payment as the payment side sees it.
type charge struct {
	sale     string
	amount   sale.Money
	state    sale.PaymentState // "" for one it never heard of
	charged  bool
	refunded map[string]sale.Money // by refund id
	refused  map[string]bool       // refund ids that were refused: the same question gets the same answer
	asked    string                // question that the till waits for an answer to, "" for none
	secret   bool                  // the till still holds the shopper's auth code
}

// letter is something on its way to the payment side, or back.
type letter struct {
	kind    string // a request's type, or payment.result
	try     string // of a question: the answer counts only while it is waited for
	payment string
	refund  string
	amount  sale.Money
	answer  sale.PaymentState
	refused bool
}

type street struct {
	t       *rapid.T
	cfg     sale.Config
	m       sale.Machine
	now     time.Time
	n       int
	sales   []string
	ended   map[string]sale.Sale
	charges map[string]*charge
	up      []letter // to the payment side
	down    []letter // to the till
	asks    []sale.Ask
	excused map[string]bool // sales whose basket was changed, or paid otherwise, behind a payment
	closed  map[string]int
	voided  map[string]int
}

func (w *street) id(prefix string) string { w.n++; return fmt.Sprintf("%s%03d", prefix, w.n) }

// step commits an event; sales that have ended are taken up again when needed.
func (w *street) step(saleID string, e sale.Event) bool {
	if s, ok := w.ended[saleID]; ok {
		w.m = w.m.With(s)
	}
	m, r, err := w.m.Step(e)
	if err != nil {
		return false
	}
	w.m = m
	for _, f := range r.Effects {
		switch f := f.(type) {
		case sale.Report:
			switch f.Type {
			case "tilld.sale.closed.v1":
				w.closed[f.Subject]++
			case "tilld.sale.voided.v1":
				w.voided[f.Subject]++
			}
			if w.closed[f.Subject]+w.voided[f.Subject] > 1 {
				w.t.Fatalf("sale %s ended %d times closed, %d times void", f.Subject, w.closed[f.Subject], w.voided[f.Subject])
			}
		case sale.Ask:
			if f.RefundID != "" {
				w.asks = append(w.asks, f)
			}
		}
	}
	for _, s := range r.Touched {
		w.ended[s.ID] = s
	}
	for _, s := range w.m.Live() {
		delete(w.ended, s.ID)
	}
	return true
}

func (w *street) sale(id string) sale.Sale {
	if s, ok := w.m.Sale(id); ok {
		return s
	}
	return w.ended[id]
}

func (w *street) pickSale(t *rapid.T) string {
	if len(w.sales) == 0 {
		return "none"
	}
	return rapid.SampledFrom(w.sales).Draw(t, "sale")
}

func (w *street) pickCharge(t *rapid.T, want func(*charge) bool) (string, *charge) {
	var ids []string
	for id, c := range w.charges {
		if want(c) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", nil
	}
	slices.Sort(ids)
	id := rapid.SampledFrom(ids).Draw(t, "payment")
	return id, w.charges[id]
}

// start begins a payment through the cloud. Nothing else of the sale may be
// chargeable any more by then.
func (w *street) start(t *rapid.T, method string) {
	id, s := w.id("P"), w.pickSale(t)
	e := sale.PaymentStarted{At: w.now, Sale: s, PaymentID: id, Method: method, TTL: 5 * time.Minute}
	if rapid.IntRange(0, 3).Draw(t, "in part") == 0 {
		part := sale.Money(rapid.Int64Range(1, 500).Draw(t, "part"))
		e.Amount = &part
	}
	if !w.step(s, e) {
		return
	}
	for other, c := range w.charges {
		if c.sale == s && (c.state == "" || c.state == sale.PayPending) {
			w.t.Fatalf("%s is charged for %s while the shopper can still pay %s (%q)", id, s, other, c.state)
		}
	}
	p := w.sale(s).Payment
	w.charges[id] = &charge{sale: s, amount: p.Amount, refunded: map[string]sale.Money{}, refused: map[string]bool{}, secret: method == "collect"}
}

// unsettled returns a payment of which the till does not know the end.
func (w *street) unsettled(id string) (sale.Payment, bool) {
	for _, p := range ptr(w.sale(w.charges[id].sale)).Unsettled() {
		if p.ID == id {
			return p, true
		}
	}
	return sale.Payment{}, false
}

func ptr[T any](v T) *T { return &v }

// ask sends what the till asks about a payment, as docs/link.md says.
func (w *street) ask(id string) {
	p, ok := w.unsettled(id)
	if !ok {
		return
	}
	c := w.charges[id]
	l := letter{payment: id, amount: p.Amount, try: w.id("Q")}
	switch {
	case p.Withdrawn:
		l.kind = "payment.cancel"
	case p.State == sale.PayRequested && p.Method == "qr":
		l.kind = "payment.create"
	case p.State == sale.PayPending && p.Verified && p.Method == "qr" && p.URL == "":
		l.kind = "payment.create"
	case p.State == sale.PayRequested && c.secret:
		l.kind, c.secret = "payment.collect", false
	default:
		l.kind = "payment.query"
	}
	c.asked = l.try
	w.up = append(w.up, l)
}

// arrive is what the payment side does with a question.
func (w *street) arrive(l letter, collect sale.PaymentState) {
	c := w.charges[l.payment]
	switch l.kind {
	case "payment.refund":
		_, done := c.refunded[l.refund]
		if l.refused = !done && (l.refused || !c.charged || c.refused[l.refund]); l.refused {
			c.refused[l.refund] = true
		} else {
			c.refunded[l.refund] = l.amount
		}
		w.down = append(w.down, l)
		return
	case "payment.create":
		if c.state == "" {
			c.state = sale.PayPending
		}
	case "payment.collect":
		if c.state == "" {
			c.state, c.charged = collect, collect == sale.PayPaid
		}
	default:
		if c.state == "" {
			c.state = sale.PayFailed // for good: it never came
		}
		if l.kind == "payment.cancel" && c.state == sale.PayPending {
			c.state = sale.PayCancelled
		}
	}
	l.answer = c.state
	w.down = append(w.down, l)
}

// hear is what the till does with an answer or a command.
func (w *street) hear(l letter) {
	c := w.charges[l.payment]
	switch {
	case l.kind == "payment.refund":
		w.step(c.sale, sale.RefundNews{At: w.now, Sale: c.sale, RefundID: l.refund, PaymentID: l.payment, OK: !l.refused})
		return
	case l.kind != "payment.result" && c.asked != l.try:
		return // nobody waits for it any more
	case l.kind != "payment.result":
		c.asked = ""
	}
	n := sale.PaymentNews{At: w.now, PaymentID: l.payment, State: l.answer, Amount: &c.amount}
	if l.kind == "payment.create" && l.answer == sale.PayPending {
		n.URL = "https://pay.example/" + l.payment
	}
	if l.answer == sale.PayPaid && c.amount > 1 && l.payment[len(l.payment)-1]%2 == 0 { // half of them in two tenders
		n.Tenders = []sale.Tender{{Method: "stored_value", Amount: c.amount / 2}, {Method: "wallet", Amount: c.amount - c.amount/2}}
	}
	w.step(c.sale, n)
}

func (w *street) result(id string) {
	c := w.charges[id]
	w.down = append(w.down, letter{kind: "payment.result", payment: id, answer: c.state, amount: c.amount})
}

// taken reports whether anything of the sale is under way behind a change.
func (w *street) excuse(id string) {
	for _, c := range w.charges {
		if c.sale == id {
			w.excused[id] = true
		}
	}
}

// paid is what the payment side holds of a sale, what it gave back taken off.
func (w *street) paid(id string) (net sale.Money) {
	for _, c := range w.charges {
		if c.sale != id || !c.charged {
			continue
		}
		net += c.amount
		for _, back := range c.refunded {
			net -= back
		}
	}
	return net
}

// check is what holds at every moment.
func (w *street) check() {
	for _, id := range w.sales {
		s := w.sale(id)
		if net := w.paid(id); !w.excused[id] && net > s.Total {
			w.t.Fatalf("sale %s costs %d, the shopper was charged %d: %+v", id, s.Total, net, s)
		}
		for _, x := range s.Tenders {
			if x.PaymentID != "" && !w.charges[x.PaymentID].charged {
				w.t.Fatalf("sale %s has the tender %+v, which nobody paid", id, x)
			}
		}
		if s.State == sale.Closed && !s.PaidButChanged && s.Paid != s.Total {
			w.t.Fatalf("sale %s is closed with %d paid of %d", id, s.Paid, s.Total)
		}
	}
}

// heal ends all faults: everything that is asked is answered, until the till
// knows how each payment ended.
func (w *street) heal() {
	w.now = w.now.Add(time.Hour)
	for round := 0; ; round++ {
		if round > 50 {
			w.t.Fatalf("the till still does not know: %+v", w.m.Live())
		}
		for len(w.up) > 0 {
			l := w.up[0]
			w.up = w.up[1:]
			w.arrive(l, sale.PayFailed)
		}
		for len(w.down) > 0 {
			l := w.down[0]
			w.down = w.down[1:]
			w.hear(l)
		}
		open := false
		for id, c := range w.charges {
			if _, is := w.unsettled(id); !is {
				continue
			}
			open = true
			w.step(c.sale, sale.PaymentDue{At: w.now, PaymentID: id})
			if c.state == sale.PayPending && round > 1 {
				c.state = sale.PayExpired // nobody pays an hour later
			}
			w.ask(id)
		}
		w.refunds(func(letter) bool { return true })
		if !open && len(w.asks) == 0 && len(w.up) == 0 {
			return
		}
	}
}

// refunds has the till ask for money to be given back; the questions stay asked
// until they are answered.
func (w *street) refunds(send func(letter) bool) {
	kept := w.asks[:0]
	for _, a := range w.asks {
		s := w.sale(a.SaleID)
		i := slices.IndexFunc(s.Refunds, func(r sale.Refund) bool { return r.ID == a.RefundID })
		pending := i >= 0 && slices.ContainsFunc(s.Refunds[i].Tenders, func(x sale.Tender) bool {
			return x.PaymentID == a.PaymentID && x.State == sale.RefundPending
		})
		if !pending {
			continue
		}
		kept = append(kept, a)
		if l := (letter{kind: "payment.refund", payment: a.PaymentID, refund: a.RefundID, amount: a.Amount}); send(l) {
			w.up = append(w.up, l)
		}
	}
	w.asks = kept
}

// settled is what holds when the till knows everything.
func (w *street) settled() {
	w.check()
	for id, c := range w.charges {
		s := w.sale(c.sale)
		var tenders, back, asked sale.Money
		for _, x := range s.Tenders {
			if x.PaymentID == id {
				tenders += x.Amount
			}
		}
		for _, r := range s.Refunds {
			for _, x := range r.Tenders {
				if x.PaymentID == id && x.State == sale.RefundDone {
					back += x.Amount
				}
			}
		}
		for _, v := range c.refunded {
			asked += v
		}
		want := sale.Money(0)
		if c.charged {
			want = c.amount
		}
		if tenders != want || back != asked {
			w.t.Fatalf("payment %s took %d and gave back %d; the till says %d and %d", id, want, asked, tenders, back)
		}
	}
	for _, id := range w.sales {
		s := w.sale(id)
		switch {
		case s.State == sale.Void && w.paid(id) != s.Paid: // what the payment side refused to give back
			w.t.Fatalf("sale %s is void, %d of it stays charged, the till says %d", id, w.paid(id), s.Paid)
		case s.State == sale.Void && s.Paid != 0 && !slices.ContainsFunc(s.Refunds, refused):
			w.t.Fatalf("sale %s is void and %d of it stays charged", id, s.Paid)
		case w.excused[id] || s.State == sale.Void:
		case s.State != sale.Closed && s.State != sale.Refunded && w.paid(id) >= s.Total && s.Total > 0:
			w.t.Fatalf("sale %s is %s though all of it is paid", id, s.State)
		}
	}
}

func refused(r sale.Refund) bool {
	return slices.ContainsFunc(r.Tenders, func(x sale.Tender) bool { return x.State == sale.RefundFailed })
}

// TestChargedOnce is a hundred interleavings; `make test` runs 100,000.
func TestChargedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := sale.Config{Currency: "CNY", Location: time.UTC, Receipts: true}
		w := &street{
			t: t, cfg: cfg, m: sale.New(cfg, sale.Book{}), now: time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC),
			ended: map[string]sale.Sale{}, charges: map[string]*charge{}, excused: map[string]bool{}, closed: map[string]int{}, voided: map[string]int{},
		}
		w.open()
		t.Repeat(w.actions())
		w.heal()
		w.settled()
	})
}

func (w *street) open() {
	id := w.id("S")
	if w.step(id, sale.Opened{At: w.now, ID: id}) {
		w.sales = append(w.sales, id)
		w.step(id, sale.ItemsAdded{At: w.now, Sale: id, Items: []sale.NewItem{{SKU: "a", Name: "a", Quantity: "1", UnitPrice: 990}}})
	}
}

// actions are what can happen. Those of the line and of the payment side come
// more than once, so that they happen more often.
func (w *street) actions() map[string]func(*rapid.T) {
	pending := func(c *charge) bool { return c.state == sale.PayPending }
	any := func(*charge) bool { return true }
	ask := func(t *rapid.T) {
		if id, c := w.pickCharge(t, any); c != nil {
			w.ask(id)
		}
	}
	arrive := func(t *rapid.T) {
		if l, ok := take(t, &w.up); ok {
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				w.up = append(w.up, l)
			}
			l.refused = rapid.IntRange(0, 5).Draw(t, "refused") == 0
			w.arrive(l, rapid.SampledFrom([]sale.PaymentState{sale.PayPaid, sale.PayPending, sale.PayFailed}).Draw(t, "collected"))
		}
	}
	hear := func(t *rapid.T) {
		if l, ok := take(t, &w.down); ok {
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				w.down = append(w.down, l)
			}
			w.hear(l)
		}
	}
	pay := func(t *rapid.T) { // the shopper, also with a code photographed earlier
		if id, c := w.pickCharge(t, pending); c != nil {
			c.state, c.charged = sale.PayPaid, true
			w.result(id)
		}
	}
	return map[string]func(*rapid.T){
		"": func(*rapid.T) { w.check() },
		"open": func(t *rapid.T) {
			if len(w.sales) < 3 {
				w.open()
			}
		},
		"add": func(t *rapid.T) {
			s := w.pickSale(t)
			if w.step(s, sale.ItemsAdded{At: w.now, Sale: s, Items: []sale.NewItem{{SKU: "b", Name: "b", Quantity: "1", UnitPrice: 100}}}) {
				w.excuse(s)
			}
		},
		"remove": func(t *rapid.T) {
			s := w.pickSale(t)
			if w.step(s, sale.ItemRemoved{At: w.now, Sale: s, Line: rapid.IntRange(1, 3).Draw(t, "line")}) {
				w.excuse(s)
			}
		},
		"qr": func(t *rapid.T) { w.start(t, "qr") }, "collect": func(t *rapid.T) { w.start(t, "collect") },
		"qr again": func(t *rapid.T) { w.start(t, "qr") },
		"switch": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.PaymentWithdrawn{At: w.now, Sale: s})
		},
		"give up": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.PaymentGivenUp{At: w.now, Sale: s})
		},
		"cash": func(t *rapid.T) {
			s := w.pickSale(t)
			e := sale.CashTaken{At: w.now, Sale: s}
			if rapid.Bool().Draw(t, "in part") {
				part := sale.Money(rapid.Int64Range(1, 500).Draw(t, "part"))
				e.Amount = &part
			}
			behind := ptr(w.sale(s)).Unsettled()
			if w.step(s, e) && len(behind) > 0 {
				if slices.ContainsFunc(behind, func(p sale.Payment) bool { return !p.GivenUp }) {
					w.t.Fatalf("cash was taken while %+v was under way", behind)
				}
				w.excuse(s) // at the cashier's word
			}
		},
		"park": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.ParkedEvent{At: w.now, Sale: s})
		},
		"recall": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.Recalled{At: w.now, Sale: s})
		},
		"void": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.VoidRequested{At: w.now, Sale: s, RefundID: w.id("R"), Reason: "r"})
		},
		"refund": func(t *rapid.T) {
			s := w.pickSale(t)
			w.step(s, sale.RefundRequested{At: w.now, Sale: s, RefundID: w.id("R"), Reason: "r"})
		},
		"ask": ask, "ask more": ask, "arrive": arrive, "arrive more": arrive, "hear": hear, "hear more": hear, "pay": pay, "pay more": pay,
		"ask for refunds": func(t *rapid.T) {
			w.refunds(func(letter) bool { return rapid.Bool().Draw(t, "sent") })
		},
		"lost on the way up":   func(t *rapid.T) { take(t, &w.up) },
		"lost on the way down": func(t *rapid.T) { take(t, &w.down) },
		"declined": func(t *rapid.T) {
			if id, c := w.pickCharge(t, pending); c != nil {
				c.state = sale.PayFailed
				w.result(id)
			}
		},
		"no answer": func(t *rapid.T) {
			if id, c := w.pickCharge(t, func(c *charge) bool { return c.asked != "" }); c != nil {
				c.asked = ""
				w.step(c.sale, sale.PaymentSilent{At: w.now, PaymentID: id})
			}
		},
		"time": func(t *rapid.T) {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
			for id, c := range w.charges {
				w.step(c.sale, sale.PaymentDue{At: w.now, PaymentID: id})
			}
		},
		"kill": func(*rapid.T) {
			w.m = sale.New(w.cfg, w.m.Book(), w.m.Live()...)
			for _, c := range w.charges {
				c.asked, c.secret = "", false
			}
			w.asks = nil
			w.step("", sale.Restarted{At: w.now})
		},
	}
}

// take takes any letter out of the bag.
func take(t *rapid.T, bag *[]letter) (letter, bool) {
	if len(*bag) == 0 {
		return letter{}, false
	}
	i := rapid.IntRange(0, len(*bag)-1).Draw(t, "letter")
	l := (*bag)[i]
	*bag = slices.Delete(slices.Clone(*bag), i, i+1)
	return l, true
}
