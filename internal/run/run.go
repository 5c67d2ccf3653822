// Package run starts the long-running parts of the agent in order, brings back
// those that fail from passing trouble, and stops them in reverse order.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"tilld/internal/fault"
)

// A part that failed from passing trouble is started again after First, then
// after twice that, up to Last; once it has run for Last it counts as healthy.
const (
	First = 500 * time.Millisecond
	Last  = 30 * time.Second
)

// Part is one long-running piece of the agent.
type Part struct {
	Name string
	// Run blocks until ctx ends and then returns once its goroutines are gone.
	// An earlier return with a transient [fault.Error] has it started again; any
	// other return, nil included, ends the group.
	Run func(ctx context.Context) error
	// Stop is how long Run may take once ctx has ended; 0 means one second. The
	// parts of the agent together must stop within 5 s.
	Stop time.Duration
}

// Group runs the parts until ctx ends or one of them ends for good, then stops
// them last to first: storage comes first in the list, what takes in work last.
// It returns nil after an orderly stop.
func Group(ctx context.Context, log *slog.Logger, parts ...Part) error {
	ended := make(chan error, len(parts))
	stops := make([]func() error, 0, len(parts))
	for _, p := range parts {
		// The part lives until its turn to stop, not until ctx ends.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := keep(own, log.With("part", p.Name), p); err != nil {
				ended <- fmt.Errorf("%s: %w", p.Name, err)
			}
		}()
		stops = append(stops, func() error {
			cancel()
			limit := p.Stop
			if limit == 0 {
				limit = time.Second
			}
			late := time.NewTimer(limit)
			defer late.Stop()
			select {
			case <-done:
				return nil
			case <-late.C:
				return fmt.Errorf("%s: still running %v after it was told to stop", p.Name, limit)
			}
		})
	}
	var errs []error
	select {
	case <-ctx.Done():
	case err := <-ended:
		errs = append(errs, err)
	}
	for i := len(stops) - 1; i >= 0; i-- {
		errs = append(errs, stops[i]())
	}
	return errors.Join(errs...)
}

// keep runs p until ctx ends, and again after transient trouble.
func keep(ctx context.Context, log *slog.Logger, p Part) error {
	wait := First
	for {
		began := time.Now()
		err := guarded(ctx, p.Run)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			return errors.New("ended while the agent was running")
		case !fault.KindOf(err).Transient():
			return err
		}
		if time.Since(began) > Last {
			wait = First
		}
		log.Warn("part failed, starting it again", "wait", wait, "err", err)
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
		wait = min(2*wait, Last)
	}
}

// guarded turns a panic into an error, so that the group still stops in order.
func guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f(ctx)
}
