package printertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"tilld/printer"
)

// Ledger is a ledger in memory. The zero value is empty.
type Ledger struct {
	mu    sync.Mutex
	jobs  []printer.Job
	grown chan struct{}
	log   []string // "job outcome evidence", in order
	Fail  error    // if set, Begin fails with it

	failEnd int // so many Ends fail
}

// FailEnd has the next n Ends fail, as on a full disk.
func (l *Ledger) FailEnd(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failEnd = n
}

// Add queues a job.
func (l *Ledger) Add(j printer.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j.Outcome = printer.Queued
	l.jobs = append(l.jobs, j)
	l.wake()
}

func (l *Ledger) wake() {
	if l.grown != nil {
		close(l.grown)
	}
	l.grown = make(chan struct{})
}

// Next implements printer.Ledger.
func (l *Ledger) Next(ctx context.Context, name string) (printer.Job, error) {
	for {
		l.mu.Lock()
		if l.grown == nil {
			l.grown = make(chan struct{})
		}
		i := slices.IndexFunc(l.jobs, func(j printer.Job) bool { return j.Printer == name && j.Outcome == printer.Queued })
		if i >= 0 {
			j := l.jobs[i]
			l.mu.Unlock()
			return j, nil
		}
		grown := l.grown
		l.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return printer.Job{}, ctx.Err()
		}
	}
}

// Begin implements printer.Ledger.
func (l *Ledger) Begin(_ context.Context, name, id string) error {
	if j := l.Job(id); j.Printer != name || j.Outcome != printer.Queued {
		return printer.ErrMoved
	}
	if l.Fail != nil {
		return l.Fail
	}
	return l.set(id, printer.Sending, printer.NoEvidence, "")
}

// End implements printer.Ledger.
func (l *Ledger) End(_ context.Context, id string, o printer.Outcome, e printer.Evidence, reason string) error {
	l.mu.Lock()
	fails := l.failEnd > 0
	if fails {
		l.failEnd--
	}
	l.mu.Unlock()
	if fails {
		return errors.New("the disk is full")
	}
	return l.set(id, o, e, reason)
}

// Confirm implements printer.Reconciler.
func (l *Ledger) Confirm(_ context.Context, name, mark string, e printer.Evidence) error {
	l.mu.Lock()
	i := slices.IndexFunc(l.jobs, func(j printer.Job) bool {
		return j.Printer == name && (j.Outcome == printer.Sent || j.Outcome == printer.Uncertain) && printer.Mark(j.ID) == mark
	})
	l.mu.Unlock()
	if i < 0 {
		return nil
	}
	return l.set(l.jobs[i].ID, printer.Confirmed, e, "")
}

func (l *Ledger) set(id string, o printer.Outcome, e printer.Evidence, reason string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.jobs, func(j printer.Job) bool { return j.ID == id })
	if i < 0 {
		return fmt.Errorf("no job %q", id)
	}
	l.jobs[i].Outcome, l.jobs[i].Evidence, l.jobs[i].Reason = o, e, reason
	entry := id + " " + string(o)
	if e != "" {
		entry += " " + string(e)
	}
	l.log = append(l.log, entry)
	l.wake()
	return nil
}

// Log returns what was committed, in order: "job outcome evidence".
func (l *Ledger) Log() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log)
}

// Job returns a job as it stands.
func (l *Ledger) Job(id string) printer.Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.jobs {
		if j.ID == id {
			return j
		}
	}
	return printer.Job{}
}
