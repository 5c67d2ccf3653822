package printer

import (
	"context"
	"time"
)

// progressKey finds what Progress calls.
type progressKey struct{}

// Progress is told by a driver that a job moves: bytes were taken, or the printer
// says that it still prints. On a slow line a job takes as long as it takes; only
// one that stands still is given up.
func Progress(ctx context.Context) {
	if f, ok := ctx.Value(progressKey{}).(func()); ok {
		f()
	}
}

// stands returns a context that ends, with [context.DeadlineExceeded], when
// nothing was heard of progress for so long. The func ends it and frees what it
// holds.
func stands(ctx context.Context, limit time.Duration) (context.Context, func()) {
	own, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	own = context.WithValue(own, progressKey{}, func() { timer.Reset(limit) })
	return own, func() {
		timer.Stop()
		cancel(nil)
	}
}
