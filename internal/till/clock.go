package till

import (
	"context"
	"time"
)

// jumpLimit is how far the clock may be stepped without being reported.
const jumpLimit = 2 * time.Second

// clockWatch compares the clock that people see with the one that only counts.
type clockWatch struct{ began, wall time.Time }

func newClockWatch() clockWatch {
	now := time.Now()
	return clockWatch{began: now, wall: now.Round(0)}
}

// step is how far the clock was set since the last call.
func (w *clockWatch) step(now time.Time) time.Duration {
	by := now.Round(0).Sub(w.wall) - now.Sub(w.began)
	w.began, w.wall = now, now.Round(0)
	return by
}

// watchClock reports a clock that was set: sales keep the time they were made
// at, and head office sees why two of them are out of order. Till.mu is held.
func (t *Till) watchClock(ctx context.Context, w *clockWatch) {
	by := w.step(time.Now())
	if by.Abs() <= jumpLimit {
		return
	}
	t.log.Warn("the clock was set", "by", by)
	x := t.begin()
	x.jumped(by, false)
	if err := x.commit(ctx); err != nil {
		t.log.Error("clock jump not reported", "err", err)
	}
}

// jumped adds the event: by how much, forwards positive.
func (x *txn) jumped(by time.Duration, whileStopped bool) {
	x.report("tilld.clock.jumped.v1", "clock", clockData{ByMS: by.Milliseconds(), WhileStopped: whileStopped, At: x.at})
}

// clockData is the data of tilld.clock.jumped.v1.
type clockData struct {
	ByMS         int64     `json:"by_ms"`
	WhileStopped bool      `json:"while_stopped,omitempty"` // found at a start: the clock is before the last commit
	At           time.Time `json:"at"`                      // the new time
}
