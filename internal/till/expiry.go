package till

import (
	"time"

	"tilld/internal/sale"
)

// bounds hold, by payment, how long its code may be shown at most by a clock that
// nobody can set: a machine whose time is set back must not show a code for
// longer than it was made for. mu guards them.
type bounds map[string]time.Time

// expiry is when a payment's code is over by the till's clock: its expiry, or now
// if it has been there for its whole life already. mu is held.
func (t *Till) expiry(p sale.Payment, now time.Time) time.Time {
	end, seen := t.bounds[p.ID]
	if !seen {
		if t.bounds == nil {
			t.bounds = bounds{}
		}
		left := min(p.ExpiresAt.Sub(now), p.ExpiresAt.Sub(p.RequestedAt))
		end = time.Now().Add(left)
		t.bounds[p.ID] = end
	}
	// The second one differs from the first only when the clock was set.
	if bound := now.Add(time.Until(end)); bound.Before(p.ExpiresAt) {
		return bound
	}
	return p.ExpiresAt
}

// forgetBounds drops the bounds of payments that are settled. mu is held.
func (t *Till) forgetBounds() {
	live := map[string]bool{}
	for _, s := range t.machine.Live() {
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
