package till

import (
	"context"
	"time"

	"tilld/internal/sale"
)

// tolerance is what the till's clock may lag behind one that nobody can set
// before it counts as set back: far more than two looks at them lie apart.
const tolerance = time.Second

// bounds hold, by payment, how long its code may be shown at most by a clock that
// nobody can set: a machine whose time is set back must not show a code for
// longer than it was made for.
type bounds map[string]time.Time

// expiry is when a payment's code is over by the till's clock: its expiry, or
// earlier if that clock was set back since the code was first seen. mu is held.
func (t *Till) expiry(p sale.Payment, now time.Time) time.Time {
	end, seen := t.bounds[p.ID]
	if !seen {
		if t.bounds == nil {
			t.bounds = bounds{}
		}
		end = time.Now().Add(min(p.ExpiresAt.Sub(now), p.ExpiresAt.Sub(p.RequestedAt)))
		t.bounds[p.ID] = end
	}
	if bound := now.Add(time.Until(end)); bound.Before(p.ExpiresAt.Add(-tolerance)) {
		return bound
	}
	return p.ExpiresAt
}

// expirePayments withdraws pay codes whose time is over. mu is held.
func (t *Till) expirePayments(ctx context.Context, now time.Time) {
	t.forgetBounds()
	for _, s := range t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			if p.Withdrawn || now.Before(t.expiry(p, now)) {
				continue
			}
			at := now
			if at.Before(p.ExpiresAt) { // the clock was set back
				at = p.ExpiresAt
			}
			x := t.begin()
			if err := x.step(sale.PaymentDue{At: at, PaymentID: p.ID}); err != nil {
				t.log.Error("expiry of a payment", "sale", s.ID, "err", err)
				continue
			}
			if err := x.commit(ctx); err != nil {
				t.log.Error("expiry of a payment", "sale", s.ID, "err", err)
				return
			}
		}
	}
}

// forgetBounds drops the bounds of payments that are settled. mu is held.
func (t *Till) forgetBounds() {
	live := map[string]bool{}
	for _, s := range t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			live[p.ID] = true
		}
	}
	for id := range t.bounds {
		if !live[id] {
			delete(t.bounds, id)
		}
	}
}
