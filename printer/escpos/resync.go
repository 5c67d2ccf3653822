package escpos

import (
	"context"
	"time"

	"tilld/internal/fault"
)

const (
	// syncTime is how long a printer may take for an in-order status when nothing
	// is before it.
	syncTime = time.Second
	// refillTime is the same behind a picture that was filled up: it is printed
	// first.
	refillTime = 5 * time.Second
	// lateTime is how long a further answer is waited for.
	lateTime = 200 * time.Millisecond
)

// Resync brings a printer back that may have been left in the middle of a
// command: one that answers an in-order status (GS r 1) is not. Otherwise it may
// wait for the rest of a picture, which zeros fill; as text they print nothing.
func (d *Printer) Resync(ctx context.Context) error {
	if err := d.take(ctx, "resync"); err != nil {
		return err
	}
	defer d.give()
	if err := d.check(ctx, "resync"); fault.KindOf(err) == fault.Attention {
		return err
	}
	if d.cfg.Confirm != "none" {
		if ok, err := d.inSync(ctx, syncTime); ok || err != nil {
			return err
		}
	}
	fill := make([]byte, d.cfg.Strip*(d.cfg.Dots+7)/8)
	if _, err := d.wire.Write(ctx, "resync", append(fill, esc, '@')); err != nil {
		return err
	}
	if d.cfg.Confirm == "none" {
		return nil
	}
	if err := d.wire.Drained(ctx, "resync"); err != nil {
		return err
	}
	_, err := d.inSync(ctx, refillTime)
	return err
}

// inSync asks for an in-order status and waits until it, and any that was late,
// has come. From then on no answer is owed.
func (d *Printer) inSync(ctx context.Context, patience time.Duration) (bool, error) {
	_, ok, err := d.ask(ctx, "resync", []byte{gs, 'r', 1}, patience, is(inOrder))
	if !ok || err != nil {
		return false, err
	}
	for ok && err == nil {
		_, ok, err = d.await(ctx, "resync", lateTime, is(inOrder))
	}
	d.owed, d.inbox = 0, nil
	return true, err
}
