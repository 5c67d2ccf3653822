package device

import (
	"context"
	"log/slog"
	"time"

	"tilld/internal/fault"
)

// How [Slot.Keep] treats a device. The times of an orderly stop add up to less
// than 5 s.
const (
	firstRetry = 250 * time.Millisecond  // pause after a failure, doubling to
	lastRetry  = 5 * time.Second         // this; an arrival cuts it short
	lookAgain  = 500 * time.Millisecond  // longest pause of a device that is absent: not every arrival is announced
	openLimit  = 5 * time.Second         // for dialling and opening
	grace      = 1500 * time.Millisecond // for a call that was told to end
	probeEvery = time.Second             // how often an idle device is looked for
	rules      = time.Second             // how long a node that has come may be denied: udev has not run yet
	settle     = 5 * time.Second         // a life shorter than this makes the next one doubtful
)

// Slot is one configured device of kind D and what keeps it in service.
type Slot[D Device] struct {
	Spec     Spec
	Registry *Registry[D]
	Dialer   Dialer
	Board    *Board
	Log      *slog.Logger
	// Serve uses the device until ctx ends or it fails; it is called again with
	// a fresh device after each failure. It does not close dev.
	Serve func(ctx context.Context, dev D) error
	// Opened, if not nil, is called with each device before it is reported ready;
	// what it returns is called when the device is served no more.
	Opened func(dev D) (over func())
	// Arrived, if not nil, is received from when hardware was plugged in or out.
	Arrived <-chan struct{}
	// Tracer, if not nil, can record the bytes of the device.
	Tracer *Tracer
	// Approved, if not nil, remembers which hardware was there before.
	Approved *Approvals
}

// Keep opens the device, serves it, closes it and opens it again after any
// failure, until ctx ends. It reports every change on the board. It returns
// only when ctx has ended, within 5 s, so that a broken device neither ends the
// agent nor holds up its stop.
//
// A driver that panics is a faulty device that is tried again. A driver that
// hangs is left behind with its port closed, and tried again; while it hangs, a
// second one that hangs is waited for, so that a dead device costs a bounded
// number of goroutines.
func (s Slot[D]) Keep(ctx context.Context) error {
	k := &keeper[D]{Slot: s, log: s.Log.With("dev", s.Spec.Name), stop: ctx.Done()}
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := k.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		if k.early(err) {
			wait = firstRetry
		} else {
			k.report(err)
		}
		if fault.KindOf(err) == fault.Absent {
			wait = min(wait, lookAgain)
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-pause.C:
			wait = min(2*wait, lastRetry)
		case <-s.Arrived:
			wait = firstRetry
		}
		pause.Stop()
	}
	return nil
}

// early reports whether a device that was absent is denied for less than [rules].
// A new node belongs to root alone until udev has run: that is not to be told, and
// soon over.
func (k *keeper[D]) early(err error) bool {
	row, _ := k.Board.Get(k.Spec.Name)
	if StateOf(err) != Denied || row.State != Missing {
		k.deniedAt = time.Time{}
		return false
	}
	if k.deniedAt.IsZero() {
		k.deniedAt = time.Now()
	}
	return time.Since(k.deniedAt) < rules
}

// report puts the trouble on the board and logs it if it is new.
func (k *keeper[D]) report(err error) {
	if row, ok := k.Board.Get(k.Spec.Name); !ok || row.State != StateOf(err) {
		k.log.Warn("device out of service", "kind", fault.KindOf(err), "hint", fault.HintOf(err), "err", err)
	}
	k.Board.Report(k.Spec.Name, err)
}
