package printer

import (
	"context"
	"time"
)

// awayPoll is the wait between two looks at a printer whose connection is given
// up: each takes it for a moment.
const awayPoll = 30 * time.Second

// away is a printer without work.
type away struct {
	sharer Sharer // nil when the connection is kept
	idle   time.Duration
	since  time.Time // when the work ended
	gone   bool      // the connection is given up
	looked time.Time
}

func newAway(p Printer) *away {
	a := &away{since: time.Now()}
	if s, ok := p.(Sharer); ok && s.Idle() > 0 {
		a.sharer, a.idle = s, s.Idle()
	}
	return a
}

// due reports whether it is time to look at the printer.
func (a *away) due() bool { return !a.gone || time.Since(a.looked) >= awayPoll }

// release gives the connection up once the printer has been idle for long enough.
func (a *away) release(ctx context.Context) error {
	if a.sharer == nil || time.Since(a.since) < a.idle {
		return nil
	}
	a.gone, a.looked = true, time.Now()
	return a.sharer.Release(ctx)
}
