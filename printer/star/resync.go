package star

import (
	"context"

	"tilld/internal/fault"
)

// Resync brings a printer back that may have been left in the middle of a picture:
// zeros fill the longest of ours; as text they print nothing. Then it is reset, and
// what it has printed of the old job is cut off, so that the next shopper's receipt
// begins on clean paper.
func (d *Printer) Resync(ctx context.Context) error {
	if err := d.turn.Begin(ctx, "resync"); err != nil {
		return err
	}
	defer d.turn.End()
	if err := d.check(ctx, "resync"); fault.KindOf(err) == fault.Attention {
		return err
	}
	end := make([]byte, strip*(d.cfg.Dots+7)/8+16)
	end = append(end, esc, '@')
	if cut := cutBytes(d.cfg.Cut); cut != nil {
		end = append(end, cut...)
	} else {
		end = append(end, esc, 'J', feedBelow/2)
	}
	if _, err := d.wire.Write(ctx, "resync", end); err != nil {
		return err
	}
	return d.wire.Drained(ctx, "resync", nil)
}
