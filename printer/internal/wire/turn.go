package wire

import (
	"context"

	"tilld/internal/fault"
)

// Turn is one token: who has it owns the printer.
type Turn chan struct{}

// NewTurn returns one that nobody has.
func NewTurn() Turn {
	t := make(Turn, 1)
	t.Give()
	return t
}

// Take waits for the printer called name to be free.
func (t Turn) Take(ctx context.Context, name, op string) error {
	select {
	case <-t:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Busy, name, op, ctx.Err())
	}
}

// Give lets the next one have it.
func (t Turn) Give() { t <- struct{}{} }
