package escpos

import (
	"context"
	"fmt"

	"tilld/internal/fault"
)

// OpenDrawer kicks the drawer; it waits for its turn on the wire, between two
// commands of a job that is being sent, not for the end of the job. Pin 0 is 2. A printer that waits for a
// person gets the real-time form: the other would lie in its buffer and open the
// drawer when the paper is changed.
func (d *Printer) OpenDrawer(ctx context.Context, pin int) error {
	if !d.cfg.Drawer {
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("this printer has no drawer"))
	}
	if pin != 0 && pin != 2 && pin != 5 {
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("pin %d; there are 2 and 5", pin))
	}
	ctx, cancel := context.WithTimeout(ctx, kickTime)
	defer cancel()
	if err := d.turn.Take(ctx, "open drawer"); err != nil {
		return err
	}
	defer d.turn.Give()
	command := kick(pin)
	if d.state.want != "" {
		command = []byte{dle, 0x14, 1, command[2], 1} // 100 ms
	}
	sent, err := d.wire.Write(ctx, "open drawer", command)
	if err != nil && sent > 0 {
		d.hurt = err
	}
	return err
}
