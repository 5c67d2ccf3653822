package star_test

import (
	"context"
	"flag"
	"testing"

	"tilld/device"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/printertest"
	"tilld/printer/star"
)

// StarPRNT on the network, line mode on a pseudo-terminal, where the printer does
// not report by itself.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		language, model string
		serial          bool
		without         []string
	}{
		{"starprnt", sim.StarPRNT, false, nil},
		{"line", sim.StarLine, true, []string{"takes nothing any more"}}, // half a minute, and the same wherever it is
	} {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			printertest.Faults(t, printertest.Faulty{
				Model: sim.Model{Language: c.model}, Serial: c.serial,
				Open: func(ctx context.Context, p device.Port, _ string) (printer.Printer, error) {
					return star.Open(ctx, p, spec(`{"language": "`+c.language+`", "idle": "20ms", "drawer_sensor": "open"}`))
				},
				Slow: 1_000_000, Slower: 115_200, Middle: 9000, Heard: true, Without: c.without,
			})
		})
	}
}

// TestMain lets the faults wait beside each other: they wait much and compute
// little.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	m.Run()
}
