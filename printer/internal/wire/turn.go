package wire

import (
	"context"

	"tilld/internal/fault"
)

// Turn has those who use a printer do so one after the other: who has the wire
// owns the printer, and who prints lends it to drawers in between.
type Turn struct {
	name       string
	wire, jobs chan struct{} // one token each
}

// NewTurn returns the turn of the printer called name, which nobody has.
func NewTurn(name string) Turn {
	t := Turn{name: name, wire: make(chan struct{}, 1), jobs: make(chan struct{}, 1)}
	t.wire <- struct{}{}
	t.jobs <- struct{}{}
	return t
}

// Take waits for the wire to be free.
func (t Turn) Take(ctx context.Context, op string) error { return t.await(ctx, t.wire, op) }

// TryTake takes the wire if it is free now.
func (t Turn) TryTake() bool {
	select {
	case <-t.wire:
		return true
	default:
		return false
	}
}

// Retake waits for the wire for as long as it takes.
func (t Turn) Retake() { <-t.wire }

// Give lets the next one have the wire.
func (t Turn) Give() { t.wire <- struct{}{} }

// Lend gives the wire to who waits for it and takes it back.
func (t Turn) Lend() {
	t.Give()
	t.Retake()
}

// Begin waits until nobody prints and the wire is free; End gives both back.
func (t Turn) Begin(ctx context.Context, op string) error {
	if err := t.await(ctx, t.jobs, op); err != nil {
		return err
	}
	if err := t.Take(ctx, op); err != nil {
		t.jobs <- struct{}{}
		return err
	}
	return nil
}

// End is for who began.
func (t Turn) End() {
	t.Give()
	t.jobs <- struct{}{}
}

func (t Turn) await(ctx context.Context, token chan struct{}, op string) error {
	select {
	case <-token:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Busy, t.name, op, ctx.Err())
	}
}
