package escpos_test

import (
	"context"
	"testing"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

func TestFaults(t *testing.T) {
	printertest.Faults(t, printertest.Faulty{Open: openT81, Slow: 57_600, Slower: 38_400, Middle: 1000})
}

// openT81 is a printer that answers for each job, and lets go of its connection
// soon.
func openT81(ctx context.Context, p device.Port, address string) (printer.Printer, error) {
	s := spec("epson-tm-t81", "idle", "20ms", "drawer_sensor", "low")
	s.Address = address
	return escpos.Open(ctx, p, s)
}
