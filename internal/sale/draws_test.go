package sale_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"tilld/internal/sale"
)

// Amounts and quantities as nobody should send them, among those that everybody
// does.
var (
	edges      = []sale.Money{math.MinInt64, -sale.MaxMoney, -1, 0, 1, sale.MaxMoney - 1, sale.MaxMoney, sale.MaxMoney + 1, math.MaxInt64 - 1, math.MaxInt64}
	quantities = []string{"", "1", "1", "2", "3", "0.735", "0", "0.001", "-1", "1e3", "9999999999", "9223372036854775807", "99999999999999999999", "1.0001"}
)

func money(t *rapid.T, label string) sale.Money {
	if rapid.IntRange(0, 7).Draw(t, label+" at the edge") == 0 {
		return rapid.SampledFrom(edges).Draw(t, label)
	}
	return sale.Money(rapid.Int64Range(-10, 3000).Draw(t, label))
}

// rare is mostly nothing.
func rare(t *rapid.T, label string) sale.Money {
	if rapid.IntRange(0, 3).Draw(t, label+" any") == 0 {
		return money(t, label)
	}
	return 0
}

func amount(t *rapid.T, label string) *sale.Money {
	if rapid.Bool().Draw(t, label+" given") {
		m := money(t, label)
		return &m
	}
	return nil
}

// all are the sales as they stand, live or ended.
func (w *world) all() map[string]sale.Sale {
	all := map[string]sale.Sale{}
	for id, s := range w.ended {
		all[id] = s
	}
	for _, s := range w.m.Live() {
		all[s.ID] = s
	}
	return all
}

// cash is what lies in the drawer for all sales.
func (w *world) cash() (sum sale.Money) {
	for _, s := range w.all() {
		for _, x := range s.Tenders {
			if x.Method == "cash" {
				sum += x.Amount
			}
		}
		for _, r := range s.Refunds {
			for _, x := range r.Tenders {
				if x.Method == "cash" && r.State == sale.RefundDone {
					sum -= x.Amount
				}
			}
		}
	}
	return sum
}

// counted is what must hold of a step that moved so much cash.
func (w *world) counted(r sale.Result, before *sale.Shift, moved sale.Money) {
	opened := slices.ContainsFunc(r.Effects, func(e sale.Effect) bool { _, is := e.(sale.Drawer); return is })
	if opened != (moved != 0) {
		w.t.Fatalf("%d of cash moved, the drawer opened: %v", moved, opened)
	}
	if after := w.m.Book().Shift; before != nil && after != nil && after.Cash-before.Cash != moved {
		w.t.Fatalf("%d of cash moved, the shift counts %d", moved, after.Cash-before.Cash)
	}
	for _, e := range r.Effects {
		switch f := e.(type) {
		case sale.Report:
			if d, ok := f.Data.(sale.ShiftData); ok && d.Difference != d.Counted-d.Expected {
				w.t.Fatalf("%+v", d)
			}
			if body, err := json.Marshal(f.Data); err != nil || len(body) > 100<<10 {
				w.t.Fatalf("%s has %d bytes: %v", f.Type, len(body), err)
			}
		case sale.Ask:
			if f.Amount <= 0 {
				w.t.Fatalf("the cloud is asked about %+v", f)
			}
		}
	}
	if w.m.Book().Day != "" {
		w.dayTotals()
	}
}

// dayTotals compares what was counted as it happened with the sales themselves,
// as a Z report does.
func (w *world) dayTotals() {
	day, got := w.m.Book().Day, w.m.Book().Totals
	want := sale.Totals{Voids: got.Voids}
	for _, s := range w.all() {
		if s.Day == day && s.Number > 0 {
			want.AddSale(s)
		}
		for _, r := range s.Refunds {
			if r.Day == day && r.Number > 0 {
				want.AddRefund(r)
			}
		}
	}
	want.FirstNumber, want.LastNumber = got.FirstNumber, got.LastNumber
	a, b := mustJSON(zeroless(got)), mustJSON(zeroless(want))
	if a != b {
		w.t.Fatalf("%s: counted %s, the sales say %s", day, a, b)
	}
}

func zeroless(t sale.Totals) sale.Totals {
	by := map[string]sale.Money{}
	for k, v := range t.Tenders {
		if v != 0 {
			by[k] = v
		}
	}
	t.Tenders = by
	return t
}

func mustJSON(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(body)
}

// allBack is that a sale whose goods all came back leaves nothing of any tender.
func (w *world) allBack(s sale.Sale) {
	if s.State != sale.Refunded || s.RefundOf != "" || s.Paid != s.Total || slices.ContainsFunc(s.Refunds, func(r sale.Refund) bool { return r.GiveBack }) {
		return
	}
	var t sale.Totals
	t.AddSale(s)
	for _, r := range s.Refunds {
		if r.Number > 0 {
			t.AddRefund(r)
		}
	}
	if len(zeroless(t).Tenders) > 0 {
		w.t.Fatalf("%s: all came back, what is left is %v: %+v", s.ID, t.Tenders, s)
	}
}

// returnable is that money which was paid for nothing never stays with the shop:
// whatever the state, a refund gives it back, or is giving it back.
func (w *world) returnable() {
	for id, s := range w.all() {
		w.allBack(s)
		over := s.Paid - s.Total
		switch s.State {
		case sale.Void:
			over = s.Paid
		case sale.Closed, sale.Refunded:
		default:
			continue
		}
		if s.RefundOf != "" || over <= 0 {
			continue
		}
		_, r, err := w.m.With(s).Step(sale.RefundRequested{At: w.now, Sale: id, RefundID: "probe", Reason: "r"})
		if err != nil {
			w.t.Fatalf("%s is %s, %d were paid for nothing and cannot be given back: %v", id, s.State, over, err)
		}
		for _, x := range r.Touched {
			if last := x.Refunds[len(x.Refunds)-1]; last.Amount != over {
				w.t.Fatalf("%s is %s, %d were paid for nothing, given back: %+v", id, s.State, over, last)
			}
		}
	}
}

// reread is the machine as it is after its records were read from the disk.
func (w *world) reread(cfg sale.Config) sale.Machine {
	var book sale.Book
	var live []sale.Sale
	for from, to := range map[string]any{mustJSON(w.m.Book()): &book, mustJSON(w.m.Live()): &live} {
		if err := json.Unmarshal([]byte(from), to); err != nil {
			w.t.Fatal(err)
		}
	}
	m := sale.New(cfg, book, live...)
	if a, b := snapshot(w.m), snapshot(m); a != b {
		w.t.Fatalf("stored and read again:\n%s\n%s", a, b)
	}
	return m
}

// trimmings are what else may come with the news of a payment.
func (w *world) trimmings(t *rapid.T, n *sale.PaymentNews, p sale.Payment) {
	switch rapid.IntRange(0, 9).Draw(t, "trimmings") {
	case 0:
		n.Amount = amount(t, "amount")
	case 1:
		n.Tenders = []sale.Tender{{Method: "wallet", Amount: money(t, "wallet")}, {Method: "coupon", Amount: money(t, "coupon")}}
	case 2, 3:
		part := min(max(money(t, "part"), 0), p.Amount)
		n.Tenders = []sale.Tender{{Method: "stored_value", Amount: part}, {Method: "coupon", Amount: p.Amount - part}}
	case 4:
		n.Tenders = []sale.Tender{{Method: "cash", Amount: p.Amount}}
	case 5:
		n.Member, n.Points, n.StoredValue = &sale.Member{IDMasked: "****"}, &sale.Points{Earned: -1}, &sale.StoredValue{Balance: -1}
		n.Coupons = []sale.Coupon{{ID: w.id("I"), Title: "i", Amount: math.MaxInt64, Percent: 100}}
		n.Offers = []sale.Offer{{ID: "o", Title: strings.Repeat("o", 128)}}
	}
}

// paymentOf picks a payment that was begun offline.
func (w *world) paymentOf(t *rapid.T) sale.Payment {
	list := slices.DeleteFunc(w.payments(), func(p sale.Payment) bool { return !p.Offline })
	if len(list) == 0 {
		return sale.Payment{ID: "none"}
	}
	return rapid.SampledFrom(list).Draw(t, "payment")
}

// more is what else can happen.
func (w *world) more() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"member": func(t *rapid.T) {
			w.step(sale.MemberAttached{At: w.now, Sale: w.pick("sale"), Member: sale.Member{IDMasked: "****1"}, Points: &sale.Points{Earned: 1}})
		},
		"adviser":    func(t *rapid.T) { w.step(sale.AdviserSet{At: w.now, Sale: w.pick("sale"), Adviser: "A"}) },
		"withdrawn":  func(t *rapid.T) { w.step(sale.PaymentWithdrawn{At: w.now, Sale: w.pick("sale")}) },
		"unshowable": func(t *rapid.T) { w.step(sale.PaymentUnshowable{At: w.now, PaymentID: w.anyPayment(t), Error: "e"}) },
		"offline": func(t *rapid.T) {
			id := w.id("pr1-7-")
			e := sale.OfflineStarted{At: w.now, Sale: w.pick("sale"), PaymentID: id, Nonce: id, TTL: 5 * time.Minute, Text: "PR1", Request: "00"}
			if s, ok := w.m.Sale(e.Sale); ok {
				e.Amount = s.Due()
			}
			if a := amount(t, "amount"); a != nil {
				e.Amount = *a
			}
			w.step(e)
		},
		"proof": func(t *rapid.T) {
			p := w.paymentOf(t)
			e := sale.OfflineProven{At: w.now, PaymentID: p.ID, Amount: p.Amount, Proof: "PP1"}
			if a := rare(t, "amount"); a != 0 {
				e.Amount = a
			}
			if rapid.Bool().Draw(t, "tenders") {
				e.Tenders = []sale.Tender{{Method: "wallet", Amount: e.Amount}}
			}
			w.step(e)
		},
		"code": func(t *rapid.T) { w.step(sale.OfflineCoded{At: w.now, PaymentID: w.paymentOf(t).ID, Form: "typed"}) },
		"guess": func(t *rapid.T) {
			w.step(sale.OfflineGuessed{At: w.now, Sale: w.pick("sale"), PaymentIDs: []string{w.anyPayment(t)}})
		},
		"return": func(t *rapid.T) {
			e := sale.ReturnStarted{At: w.now, ID: w.id("T"), RefundID: w.id("R"), Of: "elsewhere", Amount: money(t, "amount"), Reason: "r"}
			if w.step(e) {
				w.owed = e.ID
			}
		},
		"answer return": func(t *rapid.T) {
			s, ok := w.m.Sale(w.owed)
			if !ok {
				return
			}
			part := min(max(money(t, "part"), 0), s.Total)
			e := sale.ReturnNews{At: w.now, Sale: w.owed, OK: rapid.Bool().Draw(t, "ok"), Tenders: []sale.Tender{
				{Method: "cash", Amount: part}, {Method: "wallet", Amount: s.Total - part + rare(t, "wrong")},
			}}
			if rapid.Bool().Draw(t, "cash only") {
				e.Tenders = []sale.Tender{{Method: "cash", Amount: s.Total}}
			}
			w.step(e)
		},
		"shift": func(t *rapid.T) {
			if !w.step(sale.ShiftOpened{At: w.now, Cashier: "E", Float: money(t, "float")}) {
				w.step(sale.ShiftEnded{At: w.now, Counted: money(t, "counted")})
			}
		},
		"badge": func(t *rapid.T) {
			if rapid.Bool().Draw(t, "in") {
				w.step(sale.SignedIn{At: w.now, Cashier: rapid.SampledFrom([]string{"E", "F", ""}).Draw(t, "cashier")})
			} else {
				w.step(sale.SignedOut{At: w.now})
			}
		},
		"offers": func(t *rapid.T) { w.step(sale.OffersSeen{At: w.now, Sale: w.pick("sale")}) },
		"printed": func(t *rapid.T) {
			id := w.pick("sale")
			w.step(sale.ReceiptPrinted{At: w.now, Sale: id, JobID: id + "/receipt", Outcome: "confirmed"})
		},
	}
}

func (w *world) anyPayment(t *rapid.T) string {
	list := w.payments()
	if len(list) == 0 {
		return "none"
	}
	return rapid.SampledFrom(list).Draw(t, "payment").ID
}
