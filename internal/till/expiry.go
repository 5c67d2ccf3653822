package till

import (
	"context"
	"time"

	"tilld/internal/sale"
)

// tolerance is what the till's clock may lag behind one that nobody can set
// before it counts as set back: far more than two looks at them lie apart.
const tolerance = time.Second

// bound is how long a pay code may be shown at most: a machine whose time is set
// back must not show a code for longer than it was made for.
type bound struct {
	end time.Time // by a clock that nobody can set
	at  time.Time // the same moment by the till's clock, as it was last told to a display
}

// bounds hold them by payment.
type bounds map[string]*bound

// lookAgain is how soon a clock that was set back is noticed while a pay code is
// on: the time left on the glass is wrong until then.
const lookAgain = 2 * time.Second

// expiry is when a payment's code is over by the till's clock: its expiry, or
// earlier if that clock was set back since the code was first seen. The answer
// stays the same until somebody sets the clock: it is part of the scene. mu is held.
func (t *Till) expiry(p sale.Payment, now time.Time) time.Time {
	b := t.bounds[p.ID]
	if b == nil {
		if t.bounds == nil {
			t.bounds = bounds{}
		}
		b = &bound{end: time.Now().Add(min(p.ExpiresAt.Sub(now), p.ExpiresAt.Sub(p.RequestedAt))), at: p.ExpiresAt}
		t.bounds[p.ID] = b
	}
	if at := now.Add(time.Until(b.end)); at.Sub(b.at).Abs() > tolerance {
		b.at = at
	}
	if b.at.After(p.ExpiresAt) {
		b.at = p.ExpiresAt
	}
	return b.at
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
