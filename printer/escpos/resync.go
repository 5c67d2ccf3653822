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

// maxFill is the largest picture that a printer may wait for the rest of: 2,303
// rows of 80 mm paper, from another program.
const maxFill = 192 << 10

// Resync brings a printer back that may have been left in the middle of a
// command: one that answers an in-order status (GS r 1) is not. Otherwise it may
// wait for the rest of a picture, which zeros fill; as text they print nothing.
// Then it is reset and what it has printed of the old job is cut off, so that the
// next shopper's receipt begins on clean paper.
func (d *Printer) Resync(ctx context.Context) error {
	if err := d.turn.Begin(ctx, "resync"); err != nil {
		return err
	}
	defer d.turn.End()
	if err := d.check(ctx, "resync"); fault.KindOf(err) == fault.Attention {
		return err
	}
	if err := d.fill(ctx); err != nil {
		return err
	}
	end := frame{cfg: d.cfg, out: []byte{esc, '@'}}
	end.cut()
	_, err := d.wire.Write(ctx, "resync", end.out)
	return err
}

// fill sends zeros until the printer answers in order; one that does not get
// as many as the longest command of our own may lack.
func (d *Printer) fill(ctx context.Context) error {
	if d.cfg.Confirm != "none" {
		if ok, err := d.inSync(ctx, syncTime); ok || err != nil {
			return err
		}
	}
	step := d.cfg.Strip * (d.cfg.Dots + 7) / 8
	for sent := 0; sent < maxFill; step *= 2 {
		if _, err := d.wire.Write(ctx, "resync", make([]byte, step)); err != nil {
			return err
		}
		sent += step
		if d.cfg.Confirm == "none" {
			return nil
		}
		if err := d.wire.Drained(ctx, "resync", nil); err != nil {
			return err
		}
		if ok, err := d.inSync(ctx, refillTime); ok || err != nil {
			return err
		}
		if !d.owed.ever && !d.talks.Load() {
			return nil // it never says anything
		}
	}
	return nil
}

// found brings a printer back that did not answer behind bytes made elsewhere: they
// may have left it in the middle of a command that nobody here knows.
func (d *Printer) found(ctx context.Context) error {
	if !d.stray {
		return nil
	}
	if err := d.fill(ctx); err != nil {
		return err
	}
	d.stray = false
	_, err := d.wire.Write(ctx, "resync", []byte{esc, '@'})
	return err
}

// inSync asks for an in-order status and waits until it, and any that was late,
// has come. From then on no answer is owed.
func (d *Printer) inSync(ctx context.Context, patience time.Duration) (bool, error) {
	d.sift()
	d.owed.add("") // this question
	_, ok, err := d.ask(ctx, "resync", []byte{gs, 'r', 1}, patience, is(inOrder))
	if !ok || err != nil {
		d.owed.forget()
		return false, err
	}
	for ok && err == nil {
		d.inTurn()
		_, ok, err = d.await(ctx, "resync", lateTime, is(inOrder))
	}
	d.owed.forget()
	d.sift()
	return true, err
}
