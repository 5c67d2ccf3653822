package printer

import "context"

// Ledger keeps the jobs of all printers and what became of each, on disk. It is
// implemented on the queue.
type Ledger interface {
	// Next returns the oldest queued job of a printer; it blocks until there is
	// one or ctx ends, and then fails with ctx's error. It changes nothing: a job
	// that was not begun is returned again.
	Next(ctx context.Context, printer string) (Job, error)
	// Begin commits that the job's bytes are about to be sent. When it fails
	// nothing may be printed. A job that is found begun after a crash is unknown.
	Begin(ctx context.Context, jobID string) error
	// End commits what became of a begun job. Queued again means that nothing was
	// printed and that the job waits.
	End(ctx context.Context, jobID string, o Outcome, e Evidence, reason string) error
}

// Rememberer is a Ledger that knows from an earlier run of the agent whether the
// last job that was begun on a printer ended in the middle.
type Rememberer interface {
	Torn(printer string) (bool, error)
}

// Attentive is a Printer that tells while a job is in the machine that it waits
// for a person, and that the wait is over (nil). f must not block.
type Attentive interface {
	OnAttention(f func(err error))
}
