package till_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/queue"
	"tilld/scanner/code"
)

const (
	pieceLink   = "https://id.gs1.org/01/06923644266066/21/SN1"
	pieceVendor = "https://v.example.cn/6923644266066/SN1" // the same piece, by the maker's own address
)

// makers has a rule for the item codes of one maker.
func makers(o *till.Options) {
	c := code.DefaultConfig()
	c.ItemURL = []string{`https://v\.example\.cn/(?P<gtin>\d{13})/(?P<serial>\w+)`}
	rules, err := code.Compile(c)
	if err != nil {
		panic(err)
	}
	o.Rules = rules
}

// once is a till with a cloud that says yes to everything.
func once(t *testing.T, change ...func(o *till.Options)) *rig {
	t.Helper()
	r := newRig(t, append([]func(o *till.Options){makers}, change...)...)
	r.cloud.says("price.lookup", `{"items":[{"sku":"milk","gtin":"06923644266066","name":"牛奶","unit_price":650}]}`)
	r.cloud.says("coupon.check", `{"coupon":{"id":"K1","title":"减三元","amount":300}}`)
	r.cloud.says("basket.fetch", `{"items":[{"sku":"serum","name":"精华","unit_price":88000,"quantity":"2"}],"adviser":"A-9"}`)
	return r
}

func add(s sale.Sale, code string) sale.AddItem {
	return sale.AddItem{Sale: s.ID, Add: sale.Add{Code: code}}
}

func (r *rig) paid(s sale.Sale) sale.Sale {
	r.t.Helper()
	return r.do(sale.Pay{Sale: s.ID, Method: "cash"})
}

// One piece is sold once: not twice in a sale, not in two, not after a restart;
// again once it was given back.
func TestOnePieceIsSoldOnce(t *testing.T) {
	r := once(t)
	first := r.open()
	got := r.do(add(first, pieceLink))
	if it := got.Items[2]; it.Serial != "SN1" || it.GTIN != "06923644266066" {
		t.Fatalf("%+v", it)
	}
	for _, code := range []string{pieceLink, pieceVendor} {
		r.refused(sale.CodeDuplicateSerial, add(first, code))
	}
	second := r.open() // parks the first
	r.refused(sale.CodeDuplicateSerial, add(second, pieceVendor))
	r.do(add(second, strings.Replace(pieceLink, "SN1", "SN2", 1)))
	first = r.paid(first)
	r.restart()
	for _, code := range []string{pieceLink, pieceVendor} {
		r.refused(sale.CodeSerialSold, add(second, code))
	}
	_, err := r.try(sale.AddItem{Sale: second.ID, Add: sale.Add{SKU: "milk", GTIN: "6923644266066", Serial: "SN1", Name: "牛奶", UnitPrice: money(650)}})
	wantCode(t, err, sale.CodeSerialSold)
	if p := err.Error(); !strings.Contains(p, "-0001") {
		t.Errorf("the message does not name the receipt: %s", p)
	}
	r.do(sale.Recall{Sale: second.ID})
	if r.scanned(pieceLink) {
		t.Error("good beep for a piece that was sold")
	}
	if rows := r.ledger(); rows[len(rows)-1].Refused == nil || rows[len(rows)-1].Refused.Code != sale.CodeSerialSold {
		t.Errorf("%+v", rows)
	}
	if ev := r.events("sale.closed"); !strings.Contains(string(ev[0].Data), `"serial":"SN1"`) {
		t.Errorf("the serial did not travel: %s", ev[0].Data)
	}

	r.do(sale.RefundSale{Sale: first.ID, Lines: []int{1}, Reason: "another line"})
	r.refused(sale.CodeSerialSold, add(second, pieceLink))
	r.do(sale.RefundSale{Sale: first.ID, Lines: []int{3}, Reason: "came back"})
	r.do(add(second, pieceLink))
	third := r.open()
	r.refused(sale.CodeDuplicateSerial, add(third, pieceVendor))
	r.do(sale.Reprint{Sale: first.ID}) // the old sale is written again
	r.refused(sale.CodeDuplicateSerial, add(third, pieceVendor))
	r.do(sale.VoidSale{Sale: second.ID, Reason: "changed their mind"})
	r.do(add(third, pieceVendor))
	r.do(sale.RemoveItem{Sale: third.ID, Line: 3})
	fourth := r.open()
	r.do(add(fourth, pieceLink))
}

// A coupon goes with one sale: free again when that is void, gone when it is
// closed. No other till knows; this one does, also before the cloud has the sale.
func TestCouponGoesWithOneSale(t *testing.T) {
	r := once(t)
	first := r.open()
	r.do(add(first, "C:SAVE300"))
	second := r.open()
	r.refused(sale.CodeCouponRefused, add(second, "C:SAVE300"))
	r.do(sale.VoidSale{Sale: first.ID, Reason: "changed their mind"})
	if ev := r.events("sale.voided"); len(ev) != 1 {
		t.Fatalf("%d voids", len(ev))
	}
	r.do(add(second, "C:SAVE300"))
	second = r.paid(second)
	var d sale.Sale
	if err := json.Unmarshal(r.events("sale.closed")[0].Data, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Coupons) != 1 || d.Coupons[0].Code != "C:SAVE300" || d.Coupons[0].Applied != 300 || d.Total != 3950 {
		t.Errorf("redeemed as %+v", d)
	}
	r.restart()
	third := r.open()
	r.refused(sale.CodeCouponRefused, add(third, "C:SAVE300"))
	r.do(sale.RefundSale{Sale: second.ID, Reason: "all came back"})
	r.refused(sale.CodeCouponRefused, add(third, "C:SAVE300")) // the cloud says whether it counts again, with a new code
	if list := r.holds("SAVE300"); len(list) > 0 {
		t.Errorf("the coupon's code is in clear in %v", list)
	}
}

// A hand-over code is good for one basket; scanned again by mistake it adds
// nothing. The basket of a void sale can be fetched again.
func TestBasketIsTakenOverOnce(t *testing.T) {
	r := once(t)
	s := r.open()
	if got := r.do(add(s, "B:HAND01")); got.Adviser != "A-9" || len(got.Items) != 3 {
		t.Fatalf("%+v", got)
	}
	r.refused(sale.CodeBasketUsed, add(s, "B:HAND01"))
	if got := r.sale(s.ID); len(got.Items) != 3 {
		t.Errorf("%d lines", len(got.Items))
	}
	r.do(sale.VoidSale{Sale: s.ID, Reason: "again"})
	r.restart()
	s = r.open()
	r.do(add(s, "B:HAND01"))
	r.paid(s)
	if d := r.events("sale.closed")[0].Data; !strings.Contains(string(d), `"adviser":"A-9"`) {
		t.Errorf("%s", d)
	}
	next := r.open()
	r.refused(sale.CodeBasketUsed, add(next, "B:HAND01"))
	if list := r.holds("HAND01"); len(list) > 0 {
		t.Errorf("the code is in clear in %v", list)
	}
}

// What was used once is remembered as long as its sale, and not for ever.
func TestUsedOnceIsForgottenWithTheSale(t *testing.T) {
	var later time.Duration
	r := once(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(later) }
		o.ClockStatus = func() till.ClockStatus { return till.ClockStatus{Trusted: true} } // else it may be a leap
	})
	s := r.open()
	r.do(add(s, pieceLink))
	r.paid(s)
	count := func() (n int) {
		if err := r.store.View(func(tx *queue.Tx) error {
			return tx.Range(queue.Index, []byte("once/"), []byte("once0"), func(_, _ []byte) (bool, error) { n++; return true, nil })
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	wake := func(at time.Duration) {
		r.halt()
		later = at
		r.start()
	}
	wake(399 * 24 * time.Hour)
	r.refused(sale.CodeSerialSold, add(r.open(), pieceLink))
	if n := count(); n != 1 {
		t.Errorf("%d are remembered", n)
	}
	wake(401 * 24 * time.Hour)
	r.until("it is forgotten", func() bool { return count() == 0 })
	r.do(add(r.open(), pieceLink))
}

// Whatever cashiers do in whatever order, also over restarts: a piece is in at
// most one sale that keeps it, a coupon in at most one that is not void, and
// nothing is refused that is in none.
func TestUsedOnceWhateverHappens(t *testing.T) {
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		r := once(t)
		r.cloud.on("coupon.check", func(data json.RawMessage) (string, error) {
			var q struct{ Code string }
			err := json.Unmarshal(data, &q)
			return `{"coupon":{"id":"id-` + q.Code + `","title":"x","amount":1}}`, err
		})
		all := func() []sale.Sale {
			list, _, err := r.till.Sales(till.Filter{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		one := func(want ...sale.State) *sale.Sale {
			var fit []sale.Sale
			for _, s := range all() {
				if slices.Contains(want, s.State) {
					fit = append(fit, s)
				}
			}
			if len(fit) == 0 {
				return nil
			}
			return &fit[rnd.IntN(len(fit))]
		}
		keeps := func(serial string) (n int) {
			for _, s := range all() {
				if s.HasSerial("06923644266066", "", serial) {
					n++
				}
			}
			return n
		}
		redeems := func(code string) (n int) {
			for _, s := range all() {
				if s.Redeems(sale.Coupon{ID: "id-" + code, Code: code}) {
					n++
				}
			}
			return n
		}
		tries, refused := 0, 0
		attempt := func(id, code string, before int) {
			_, err := r.try(sale.AddItem{Sale: id, Add: sale.Add{Code: code}})
			if tries++; err != nil {
				refused++
			}
			if (err != nil) != (before > 0) {
				t.Fatalf("seed %d: %s is in %d sales, and adding it gives %v", seed, code, before, err)
			}
		}
		for range 200 {
			serial, coupon := fmt.Sprintf("SN%d", rnd.IntN(3)), fmt.Sprintf("C:CODE%d", rnd.IntN(2))
			live, closed := one(sale.Open, sale.Parked), one(sale.Closed)
			switch rnd.IntN(10) {
			case 0, 1:
				r.open()
			case 2, 3:
				if live != nil {
					attempt(live.ID, strings.Replace(pieceLink, "SN1", serial, 1), keeps(serial))
				}
			case 4, 5:
				if live != nil && live.Total > 10 { // else it takes nothing off
					attempt(live.ID, coupon, redeems(coupon))
				}
			case 6:
				if live != nil && len(live.Items) > 0 {
					r.paid(*live)
				}
			case 7:
				if live != nil {
					r.do(sale.VoidSale{Sale: live.ID, Reason: "test"})
				}
			case 8:
				if closed != nil {
					cmd := sale.RefundSale{Sale: closed.ID, Reason: "test"}
					if n := rnd.IntN(len(closed.Items) + 1); n > 0 {
						cmd.Lines = []int{closed.Items[n-1].Line}
					}
					_, err := r.try(cmd) // may have come back already
					var p *sale.Problem
					if err != nil && !errors.As(err, &p) {
						t.Fatal(err)
					}
				}
			case 9:
				if rnd.IntN(4) == 0 {
					r.restart()
				} else if live != nil && len(live.Items) > 0 {
					r.do(sale.RemoveItem{Sale: live.ID, Line: live.Items[rnd.IntN(len(live.Items))].Line})
				}
			}
			for n := range 3 {
				if got := keeps(fmt.Sprintf("SN%d", n)); got > 1 {
					t.Fatalf("seed %d: piece %d is in %d sales", seed, n, got)
				}
			}
			for n := range 2 {
				if got := redeems(fmt.Sprintf("C:CODE%d", n)); got > 1 {
					t.Fatalf("seed %d: coupon %d is in %d sales", seed, n, got)
				}
			}
		}
		if refused == 0 || refused == tries {
			t.Errorf("seed %d: %d of %d refused: nothing was tried", seed, refused, tries)
		}
	}
}
