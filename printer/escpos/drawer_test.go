package escpos_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// A customer who pays cash is not kept waiting by the receipt of the one before:
// the drawer opens between two of its commands, and nothing of it is harmed.
func TestDrawerOpensWhileALongReceiptIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		s := spec("generic-80mm")
		s.Address = "serial:///dev/ttyS0?baud=9600"
		d, err := escpos.Open(t.Context(), printertest.SlowLine(t, m.Plug(t), 9600), s)
		if err != nil {
			t.Fatal(err)
		}
		doc := slices.Repeat(receipt()[:4], 5)
		doc = append(doc, printer.Cut{})
		done := make(chan printer.Result)
		go func() {
			r, err := d.Print(t.Context(), "job", doc)
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		kicks := 0
		for wait := 3 * time.Second; kicks < 5; kicks++ {
			time.Sleep(wait)
			if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 0); err != nil {
				t.Errorf("kick %d: %v", kicks+1, err)
			}
		}
		if r := <-done; r.Evidence != printer.InOrder {
			t.Errorf("the receipt: %+v", r)
		}
		synctest.Wait()
		want := slices.Repeat([]string{"drawer pin 2"}, kicks)
		if got := m.Events(); !slices.Equal(got, append(want, "cut")) {
			t.Errorf("events %q", got)
		}
		if n := strings.Count(strings.Join(m.Lines(), "\n"), "扫码入群"); n != 5 {
			t.Errorf("%d of 5 parts are on the paper:\n%s", n, strings.Join(m.Lines(), "\n"))
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
