package till_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/queue"
)

// setClock is a rig whose clock and whose cloud's word on it can be set.
func setClock(t *testing.T) (r *rig, ahead *atomic.Int64, trusted *atomic.Bool) {
	ahead, trusted = new(atomic.Int64), new(atomic.Bool)
	r = newRig(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(time.Duration(ahead.Load())) }
		o.ClockStatus = func() till.ClockStatus { return till.ClockStatus{Trusted: trusted.Load()} }
	})
	return r, ahead, trusted
}

// A clock that leaps two years ahead makes nothing old before somebody has
// confirmed it: not the sales of today, not the answers of calls that may come
// again.
func TestLeapErasesNothing(t *testing.T) {
	r, ahead, trusted := setClock(t)
	open := func(id string) sale.Sale {
		t.Helper()
		return r.do(sale.OpenSale{ExternalID: id, Items: []sale.Add{{SKU: "tea", Name: "茶", UnitPrice: money(1200)}}})
	}
	s := r.do(sale.Pay{Sale: open("pos-1").ID, Method: "cash"})
	call := till.Call{Key: "key-1", Fingerprint: "f"}
	if _, err := r.till.Do(t.Context(), call, till.SignIn{Badge: "E-1"}); err != nil {
		t.Fatal(err)
	}
	kept := func() bool {
		_, err := r.till.Sale(s.ID)
		return err == nil
	}
	for what, move := range map[string]func(){
		"while it runs": func() { ahead.Store(int64(2 * 365 * 24 * time.Hour)) },
		"at a start":    r.restart,
	} {
		move()
		r.till.HouseKeeping(t.Context())
		if !kept() {
			t.Fatalf("%s: a sale was dropped because the clock leapt", what)
		}
		if z, err := r.till.ZReport(s.Day); err != nil || z.Sales != 1 || z.Net != 1200 {
			t.Errorf("%s: %+v, %v", what, z, err)
		}
		if _, err := r.till.Do(t.Context(), till.Call{Key: "key-1", Fingerprint: "other"}, till.SignOut{}); err == nil {
			t.Errorf("%s: the key was forgotten", what)
		}
	}
	trusted.Store(true)
	r.till.HouseKeeping(t.Context())
	if kept() {
		t.Error("two years have passed, the cloud says so, and the sale is still there")
	}
	if left := indexed(t, r.store, "closed/", "external/"); left != 0 {
		t.Errorf("%d entries lead to a sale that is gone", left)
	}
	if again := open("pos-1"); again.ID == s.ID { // its old sale is forgotten, so it is a new one
		t.Error("the old sale again")
	}
}

func indexed(t *testing.T, store *queue.Store, prefixes ...string) (n int) {
	err := store.View(func(tx *queue.Tx) error {
		for _, p := range prefixes {
			if err := tx.Range(queue.Index, []byte(p), []byte(p+"\x7f"), func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A machine that comes up years behind sells on under the present business day.
// Once its clock is right these sales are as young as the others.
func TestSalesOfASlowClockStay(t *testing.T) {
	r, ahead, trusted := setClock(t)
	first := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	ahead.Store(int64(-10 * 365 * 24 * time.Hour))
	second := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	if second.Day != first.Day || second.Number != 2 {
		t.Fatalf("%s %d after %s %d", second.Day, second.Number, first.Day, first.Number)
	}
	ahead.Store(0)
	trusted.Store(true)
	r.till.HouseKeeping(t.Context())
	if z, err := r.till.ZReport(first.Day); err != nil || z.Sales != 2 || z.Net != first.Total+second.Total {
		t.Errorf("%+v, %v", z, err)
	}
}

// What is shown for a moment is shown for a moment, also when the clock is set
// back meanwhile; a job that is given up after a second is given up.
func TestMomentsWhenTheClockIsSetBack(t *testing.T) {
	r, ahead, _ := setClock(t)
	r.cloud.setDown(true)
	ttl := 1
	answer, err := r.till.Do(context.Background(), till.Call{}, till.PrintRequest{JobID: "job-1", Escpos: []byte("x"), TTL: &ttl})
	if err != nil {
		t.Fatal(string(answer.Body), err)
	}
	r.scan("no such code")
	r.until("the code is refused", func() bool { return r.scene().Kind == "message" })
	ahead.Store(int64(-time.Hour))
	r.until("the message goes", func() bool { return r.scene().Kind != "message" })
	r.until("the job is given up", func() bool { j, err := r.till.Job("job-1"); return err == nil && j.Outcome == "failed" })
	// And the first message after it stays as long as any.
	ahead.Store(int64(-2 * time.Hour))
	r.scan("no other code")
	r.until("the next code is refused", func() bool { return r.scene().Kind == "message" })
}
