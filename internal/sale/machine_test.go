package sale_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/internal/sale"
)

// world drives a machine with events in any order and checks after each what
// must always hold.
type world struct {
	t       *rapid.T
	m       sale.Machine
	now     time.Time
	n       int
	known   []string // ids of all sales
	ended   map[string]sale.Sale
	numbers map[string][]int // by day, in order
	shown   map[string]bool  // payment ids whose code was withdrawn
	closed  map[string]bool  // sales reported closed
	voided  map[string]int
	net     sale.Money // closed less refunded, from the events
	asks    []sale.Ask
	owed    string // id of a return that the cloud has not answered
}

func (w *world) id(prefix string) string { w.n++; return fmt.Sprintf("%s%04d", prefix, w.n) }

func snapshot(m sale.Machine) string {
	body, err := json.Marshal(struct {
		Book sale.Book
		Live []sale.Sale
	}{m.Book(), m.Live()})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func (w *world) step(e sale.Event) bool {
	before, cash, shift := snapshot(w.m), w.cash(), w.m.Book().Shift
	m, r, err := w.m.Step(e)
	if got := snapshot(w.m); got != before {
		w.t.Fatalf("%T changed its input:\n%s\n%s", e, before, got)
	}
	if err != nil {
		if _, is := err.(*sale.Problem); !is {
			w.t.Fatalf("%T: %v is no problem", e, err)
		}
		return false
	}
	w.m = m
	for _, f := range r.Effects {
		switch f := f.(type) {
		case sale.Report:
			w.reported(f)
		case sale.Ask:
			w.asks = append(w.asks, f)
		}
	}
	for _, s := range r.Touched {
		w.check(s)
		if _, live := w.m.Sale(s.ID); !live {
			w.ended[s.ID] = s
		}
	}
	w.counted(r, shift, w.cash()-cash)
	return true
}

func (w *world) reported(f sale.Report) {
	switch d := f.Data.(type) {
	case sale.Sale:
		if w.closed[d.ID] {
			w.t.Fatalf("sale %s was closed twice", d.ID)
		}
		w.closed[d.ID] = true
		w.net += d.Total
		w.number(d.Day, d.Number)
	case sale.RefundData:
		if !w.closed[d.Sale] && d.RefundOf == "" {
			w.t.Fatalf("refund of %s, which never closed", d.Sale)
		}
		w.net -= d.Amount
		w.number(d.Day, d.Number)
	case sale.VoidData:
		for _, r := range d.Refunds {
			if r.State == sale.RefundPending {
				w.t.Fatalf("sale %s is reported void while %s is pending", d.ID, r.ID)
			}
		}
		if w.voided[d.ID]++; w.voided[d.ID] > 1 || w.closed[d.ID] {
			w.t.Fatalf("sale %s was voided twice or after closing", d.ID)
		}
	}
}

func (w *world) number(day string, n int) {
	list := w.numbers[day]
	if n != len(list)+1 {
		w.t.Fatalf("number %d on %s after %v", n, day, list)
	}
	w.numbers[day] = append(list, n)
}

// check is what must hold of a sale at any time.
func (w *world) check(s sale.Sale) {
	if body, err := json.Marshal(s); err != nil || len(body) > 100<<10 {
		w.t.Fatalf("%s has %d bytes: %v", s.ID, len(body), err)
	}
	if s.RefundOf != "" {
		return // not sold here
	}
	var taken, back, refunded sale.Money
	for _, x := range s.Tenders {
		if x.Amount <= 0 {
			w.t.Fatalf("%s: tender %+v", s.ID, x)
		}
		taken += x.Amount
	}
	for _, r := range s.Refunds {
		var sum sale.Money
		for _, x := range r.Tenders {
			if x.State != sale.RefundFailed || r.State == sale.RefundPending {
				sum += x.Amount
			}
		}
		if r.State != sale.RefundFailed && sum != r.Amount {
			w.t.Fatalf("%s: refund %+v: tenders are %d", s.ID, r, sum)
		}
		switch {
		case r.State == sale.RefundFailed:
		case r.GiveBack:
			back += r.Amount
		default:
			refunded += r.Amount
		}
	}
	if taken-back != s.Paid {
		w.t.Fatalf("%s: taken %d, given back %d, paid %d", s.ID, taken, back, s.Paid)
	}
	if refunded > s.Total {
		w.t.Fatalf("%s: %d refunded of %d", s.ID, refunded, s.Total)
	}
	switch s.State {
	case sale.Closed, sale.Refunded:
		if s.Paid < s.Total || s.Paid > s.Total && !s.PaidButChanged && back == 0 {
			w.t.Fatalf("%s is %s with %d paid of %d", s.ID, s.State, s.Paid, s.Total)
		}
		if s.Number == 0 || s.State == sale.Refunded && refunded != s.Total {
			w.t.Fatalf("%s is %s: number %d, refunded %d", s.ID, s.State, s.Number, refunded)
		}
	case sale.Open, sale.Parked, sale.Void:
		if s.Number != 0 {
			w.t.Fatalf("%s is %s and has number %d", s.ID, s.State, s.Number)
		}
	}
	for _, p := range s.Unsettled() {
		if s.State != sale.Paying && s.State != sale.Open && !p.Withdrawn {
			w.t.Fatalf("%s is %s and %s is not withdrawn", s.ID, s.State, p.ID)
		}
	}
	for _, p := range append(slices.Clone(s.Payments), *cmpOr(s.Payment)) {
		visible := p.URL != "" || p.PicturePNGBase64 != ""
		if visible && (p.Withdrawn || w.shown[p.ID]) {
			w.t.Fatalf("%s: the withdrawn code of %s is back", s.ID, p.ID)
		}
		if p.Withdrawn {
			w.shown[p.ID] = true
		}
	}
	if s.State == sale.Paying && (s.Payment == nil || s.Payment.Withdrawn) {
		w.t.Fatalf("%s is paying without a payment", s.ID)
	}
	if s.State == sale.Paying && s.Payment.Amount > s.Due() {
		w.t.Fatalf("%s: the pay code asks for %d, %d is due", s.ID, s.Payment.Amount, s.Due())
	}
	if s.State == sale.Paying && s.Payment.ItemsDigest != s.Digest() {
		w.t.Fatalf("%s: the pay code is for another basket", s.ID)
	}
}

func cmpOr(p *sale.Payment) *sale.Payment {
	if p == nil {
		return &sale.Payment{}
	}
	return p
}

func (w *world) pick(label string) string {
	if len(w.known) == 0 {
		return "none"
	}
	from := max(0, len(w.known)-4)
	return rapid.SampledFrom(w.known[from:]).Draw(w.t, label)
}

func (w *world) payments() (list []sale.Payment) {
	for _, s := range w.m.Live() {
		list = append(list, s.Payments...)
		if s.Payment != nil {
			list = append(list, *s.Payment)
		}
	}
	return list
}

func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := sale.Config{Currency: "CNY", Location: time.FixedZone("CST", 8*3600), Receipts: true}
		w := &world{
			t: t, m: sale.New(cfg, sale.Book{}), now: time.Date(2026, 3, 14, 22, 0, 0, 0, time.UTC), ended: map[string]sale.Sale{},
			numbers: map[string][]int{}, shown: map[string]bool{}, closed: map[string]bool{}, voided: map[string]int{},
		}
		actions := map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				w.returnable()
				if w.net != w.booked() {
					t.Fatalf("events say %d, sales say %d", w.net, w.booked())
				}
			},
			"time": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(-30, 600).Draw(t, "minutes")) * time.Minute)
			},
			"open": func(t *rapid.T) {
				id := w.id("S")
				if w.step(sale.Opened{At: w.now, ID: id}) {
					w.known = append(w.known, id)
				}
			},
			"add": func(t *rapid.T) {
				n := sale.NewItem{
					SKU: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "sku"), Name: "x",
					UnitPrice: money(t, "price"), Quantity: rapid.SampledFrom(quantities).Draw(t, "quantity"), Discount: rare(t, "off"),
					Serial: rapid.SampledFrom([]string{"", "", "", "n1"}).Draw(t, "serial"),
				}
				if n.SKU == "b" {
					n.MultiBuy = &sale.MultiBuy{Quantity: 2, Price: 100}
				}
				w.step(sale.ItemsAdded{At: w.now, Sale: w.pick("sale"), Items: []sale.NewItem{n}})
			},
			"remove": func(t *rapid.T) {
				w.step(sale.ItemRemoved{At: w.now, Sale: w.pick("sale"), Line: rapid.IntRange(1, 4).Draw(t, "line")})
			},
			"discount": func(t *rapid.T) {
				e := sale.ItemChanged{At: w.now, Sale: w.pick("sale"), Line: rapid.IntRange(1, 4).Draw(t, "line"), Discount: amount(t, "discount")}
				if rapid.Bool().Draw(t, "how many") {
					q := rapid.SampledFrom(quantities).Draw(t, "quantity")
					e.Quantity = &q
				}
				w.step(e)
			},
			"coupon": func(t *rapid.T) {
				w.step(sale.CouponApplied{At: w.now, Sale: w.pick("sale"), Coupon: sale.Coupon{
					ID: w.id("C"), Title: "c", Amount: money(t, "off"), Percent: rapid.SampledFrom([]int{0, 0, 33, 100, 101, -1}).Draw(t, "percent"),
					SKU: rapid.SampledFrom([]string{"", "a"}).Draw(t, "sku"),
				}})
			},
			"park":   func(t *rapid.T) { w.step(sale.ParkedEvent{At: w.now, Sale: w.pick("sale")}) },
			"recall": func(t *rapid.T) { w.step(sale.Recalled{At: w.now, Sale: w.pick("sale")}) },
			"cash": func(t *rapid.T) {
				w.step(sale.CashTaken{At: w.now, Sale: w.pick("sale"), Amount: amount(t, "amount"), Given: amount(t, "given")})
			},
			"external": func(t *rapid.T) {
				w.step(sale.ExternalTaken{At: w.now, Sale: w.pick("sale"), Amount: amount(t, "amount")})
			},
			"qr": func(t *rapid.T) {
				w.step(sale.PaymentStarted{At: w.now, Sale: w.pick("sale"), PaymentID: w.id("P"), Method: rapid.SampledFrom([]string{"qr", "qr", "collect"}).Draw(t, "method"), Amount: amount(t, "amount"), TTL: 5 * time.Minute})
			},
			"give up": func(t *rapid.T) { w.step(sale.PaymentGivenUp{At: w.now, Sale: w.pick("sale")}) },
			"news": func(t *rapid.T) {
				list := w.payments()
				if len(list) == 0 {
					return
				}
				p := rapid.SampledFrom(list).Draw(t, "payment")
				n := sale.PaymentNews{At: w.now, PaymentID: p.ID, State: rapid.SampledFrom([]sale.PaymentState{
					sale.PayPending, sale.PayPaid, sale.PayPaid, sale.PayFailed, sale.PayCancelled, sale.PayExpired, sale.PayUnknown,
				}).Draw(t, "state"), URL: "https://pay.example/" + p.ID}
				w.trimmings(t, &n, p)
				w.step(n)
			},
			"silent": func(t *rapid.T) {
				for _, p := range w.payments() {
					w.step(sale.PaymentSilent{At: w.now, PaymentID: p.ID})
				}
			},
			"due": func(t *rapid.T) {
				for _, p := range w.payments() {
					w.step(sale.PaymentDue{At: w.now, PaymentID: p.ID})
				}
			},
			"restart": func(t *rapid.T) {
				w.m = w.reread(cfg)
				w.step(sale.Restarted{At: w.now})
				for _, s := range w.m.Live() {
					if p := s.Payment; p != nil && !p.Settled && p.Verified && !p.Offline {
						t.Fatalf("payment %s is trusted after a restart", p.ID)
					}
				}
			},
			"void": func(t *rapid.T) {
				w.step(sale.VoidRequested{At: w.now, Sale: w.pick("sale"), RefundID: w.id("R"), Reason: "r"})
			},
			"refund": func(t *rapid.T) {
				id := w.pick("sale")
				if s, ok := w.ended[id]; ok {
					w.m = w.m.With(s)
				}
				e := sale.RefundRequested{At: w.now, Sale: id, RefundID: w.id("R"), Cash: rapid.IntRange(0, 3).Draw(t, "in cash") == 0, Reason: "r"}
				if rapid.Bool().Draw(t, "by line") {
					e.Lines = []int{rapid.IntRange(1, 4).Draw(t, "line")}
				} else {
					e.Amount = amount(t, "amount")
				}
				w.step(e)
			},
			"answer refund": func(t *rapid.T) {
				for _, a := range w.asks {
					if a.RefundID != "" {
						if s, ok := w.ended[a.SaleID]; ok {
							w.m = w.m.With(s)
						}
						w.step(sale.RefundNews{At: w.now, Sale: a.SaleID, RefundID: a.RefundID, PaymentID: a.PaymentID, OK: rapid.Bool().Draw(t, "ok")})
					}
				}
				w.asks = nil
			},
		}
		maps.Copy(actions, w.more())
		t.Repeat(actions)
	})
}

// booked is turnover as the sales themselves say.
func (w *world) booked() (net sale.Money) {
	all := map[string]sale.Sale{}
	for id, s := range w.ended {
		all[id] = s
	}
	for _, s := range w.m.Live() {
		all[s.ID] = s
	}
	for _, s := range all {
		if s.Number > 0 {
			net += s.Total
		}
		for _, r := range s.Refunds {
			if r.Number > 0 {
				net -= r.Amount
			}
		}
	}
	return net
}
