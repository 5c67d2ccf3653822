package escpos_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tilld/printer"
	"tilld/printer/printertest"
)

// A printer that an earlier run left in the middle of a picture swallows what
// comes next as dots. Resync fills the picture up; one that is in order is left
// alone, and is asked, not filled.
func TestResync(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  string // what the printer got from the run before
		machine *printertest.Machine
		quick   bool
	}{
		{"in order", "", &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}, true},
		{"in a picture", "\x1dv0\x00\x48\x00\x80\x00torn", &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}, false},
		{"in a picture, mute", "\x1dv0\x00\x48\x00\x80\x00torn", &printertest.Machine{Chinese: true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := c.machine
				m.Write([]byte(c.before))
				d := open(t, m, spec("generic-80mm"))
				began := time.Now()
				if err := d.(printer.Resyncer).Resync(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); c.quick && took > time.Second {
					t.Errorf("took %v", took)
				}
				if n := m.Waiting(); n != 0 {
					t.Errorf("the printer still waits with %d bytes of a command", n)
				}
				if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Print(t.Context(), "job", receipt()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if m.Drawer() != 1 || m.Cuts() != 2 {
					t.Errorf("drawer %d, cuts %d, want 1 and 2: the rest of the old job is cut off", m.Drawer(), m.Cuts())
				}
			})
		})
	}
}
