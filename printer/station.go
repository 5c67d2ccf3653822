package printer

import (
	"context"
	"errors"
	"sync"

	"tilld/device"
	"tilld/internal/fault"
)

// Station is one configured printer as the rest of the agent sees it: it stays
// the same while the device behind it comes and goes. The zero value has no
// printer; it is safe for concurrent use.
type Station struct {
	Name string // configured name of the printer

	mu  sync.Mutex
	now Printer
}

// Serve is the Serve of a device slot: it lends p to the other methods while s
// prints jobs on it.
func (st *Station) Serve(ctx context.Context, p Printer, s Server) error {
	st.set(p)
	defer st.set(nil)
	return s.Serve(ctx, p)
}

// OpenDrawer kicks the cash drawer now, ahead of jobs that wait. Pin 0 is the
// usual one. Without a printer in service it fails with fault.Absent, on a
// printer that has no drawer with fault.Refused.
func (st *Station) OpenDrawer(ctx context.Context, pin int) error {
	p, err := st.current("open drawer")
	if err != nil {
		return err
	}
	k, ok := p.(DrawerKicker)
	if !ok || !p.Caps().Drawer {
		return fault.New(fault.Refused, st.Name, "open drawer", errors.New("no cash drawer is connected to this printer"))
	}
	return k.OpenDrawer(ctx, pin)
}

// Test prints a test page.
func (st *Station) Test(ctx context.Context) error {
	p, err := st.current("test")
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
	p, err := st.current("caps")
	if err != nil {
		return Caps{}, false
	}
	return p.Caps(), true
}

func (st *Station) set(p Printer) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.now = p
}

func (st *Station) current(op string) (Printer, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.now == nil {
		return nil, fault.New(fault.Absent, st.Name, op, errors.New("the printer is not in service"))
	}
	return st.now, nil
}
