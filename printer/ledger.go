package printer

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// Ledger keeps the jobs of all printers and what became of each, on disk. It is
// implemented on the queue.
type Ledger interface {
	// Next returns the oldest queued job of a printer, or one that has waited too
	// long for the printer that this one stands in for; it blocks until there is
	// one or ctx ends, and then fails with ctx's error. A job that was not begun
	// is returned again.
	Next(ctx context.Context, printer string) (Job, error)
	// Begin commits that the job's bytes are about to be sent to printer. When it
	// fails nothing may be printed; [ErrMoved] means that the job does not wait
	// for this printer any more. A job that is found begun after a crash is
	// unknown.
	Begin(ctx context.Context, printer, jobID string) error
	// End commits what became of a begun job. Queued again means that nothing was
	// printed and that the job waits. [ErrMoved] means that the job is not begun.
	End(ctx context.Context, jobID string, o Outcome, e Evidence, reason string) error
}

// ErrMoved is the answer of Begin for a job that another printer has taken over,
// and of End for one that is done.
var ErrMoved = errors.New("the job does not wait for this printer any more")

// Rememberer is a Ledger that knows from an earlier run of the agent whether the
// last job that was begun on a printer ended in the middle.
type Rememberer interface {
	Torn(printer string) (bool, error)
}

// Reconciler is a Ledger that takes evidence which comes after End: the job of
// this printer with that [Mark] that was sent or is unknown becomes confirmed.
// Evidence that fits no such job changes nothing.
type Reconciler interface {
	Confirm(ctx context.Context, printer, mark string, e Evidence) error
}

// Late is a Printer that can tell, after Print has returned, that a job is on
// paper after all. f is called with the job's [Mark], must not block and must
// not call the printer.
type Late interface {
	OnEvidence(f func(mark string, e Evidence))
}

// Attentive is a Printer that tells while a job is in the machine that it waits
// for a person, and that the wait is over (nil). What is joined in err stands
// for several things at once. f must not block.
type Attentive interface {
	OnAttention(f func(err error))
}

// Sharer is a Printer on a connection that others may want to use: after Idle
// without a job (0: never) it is given up by Release, and taken up again by the
// next call that needs it.
type Sharer interface {
	Idle() time.Duration
	Release(ctx context.Context) error
}

// Talker is a Printer that may answer or not. Talks tells whether it has; Expect
// says that it is known to, so that silence is a fault and not its nature.
type Talker interface {
	Talks() bool
	Expect()
}

// Mark is how a printer is told which job it prints: four letters and digits,
// the same for a job after a restart, so that an answer that comes then still
// finds it.
func Mark(jobID string) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(jobID))
	n := uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3])
	mark := make([]byte, 4)
	for i := range mark {
		mark[i] = letters[n%62]
		n /= 62
	}
	return string(mark)
}
