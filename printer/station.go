package printer

import (
	"context"
	"errors"
	"sync"

	"tilld/device"
	"tilld/internal/fault"
)

// lent is the printer in service, nil when there is none.
type lent struct {
	mu sync.Mutex
	p  Printer
}

func (l *lent) set(p Printer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p = p
}

func (st *Station) printer(op string) (Printer, error) {
	st.lent.mu.Lock()
	defer st.lent.mu.Unlock()
	if st.lent.p == nil {
		return nil, fault.New(fault.Absent, st.Name, op, errors.New("the printer is not in service"))
	}
	return st.lent.p, nil
}

// OpenDrawer kicks the cash drawer now, ahead of jobs that wait. Pin 0 is the
// usual one. Without a printer in service it fails with fault.Absent, on a
// printer that has no drawer with fault.Refused.
func (st *Station) OpenDrawer(ctx context.Context, pin int) error {
	p, err := st.printer("open drawer")
	if err != nil {
		return err
	}
	k, ok := p.(DrawerKicker)
	if !ok || !p.Caps().Drawer {
		return fault.New(fault.Refused, st.Name, "open drawer", errors.New("no cash drawer is connected to this printer"))
	}
	// A printer that waits for the rest of a picture would swallow the command.
	if err := st.resync(ctx, p); err != nil && fault.KindOf(err) != fault.Attention {
		return err
	}
	return k.OpenDrawer(ctx, pin)
}

// Test prints a test page.
func (st *Station) Test(ctx context.Context) error {
	p, err := st.printer("test")
	if err != nil {
		return err
	}
	t, ok := p.(device.Tester)
	if !ok {
		return fault.New(fault.Refused, st.Name, "test", errors.New("this driver has no test"))
	}
	return t.Test(ctx)
}

// Caps returns what the printer in service can do; false without one.
func (st *Station) Caps() (Caps, bool) {
	p, err := st.printer("caps")
	if err != nil {
		return Caps{}, false
	}
	return p.Caps(), true
}
