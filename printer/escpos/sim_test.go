package escpos_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// The second opinion: a printer that was written by somebody else from the same
// manuals prints the same lines, reads the same codes, and knows every byte.
func TestAgainstTheOtherPrinter(t *testing.T) {
	for _, c := range []struct {
		profile string
		model   sim.Model
		want    printer.Evidence
	}{
		{"generic-80mm", sim.Model{Clone: true}, printer.InOrder},
		{"generic-58mm", sim.Model{Clone: true, Dots: 384, Plain: true}, printer.InOrder},
		{"generic-80mm-latin", sim.Model{Clone: true, Latin: true}, printer.InOrder},
		{"epson-tm-t81", sim.Model{}, printer.ProcessID},
	} {
		t.Run(c.profile, func(t *testing.T) {
			p, d := printertest.Simulated(t, c.model, func(p device.Port) (printer.Printer, error) { return escpos.Open(t.Context(), p, spec(c.profile)) })
			receipts := printertest.Receipts()
			for _, name := range []string{"zh", "en", "codes"} {
				m := &printertest.Machine{Width: c.model.Dots, Chinese: !c.model.Latin}
				ours, err := escpos.Open(t.Context(), sink{m}, spec(c.profile, "status", "none", "confirm", "none"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := ours.Print(t.Context(), name, receipts[name]); err != nil {
					t.Fatal(err)
				}
				limit, stop := context.WithTimeout(t.Context(), 30*time.Second)
				r, err := d.Print(limit, name, receipts[name])
				stop()
				if err != nil || r.Evidence != c.want {
					t.Fatalf("%s: %+v, %v, want evidence %s", name, r, err, c.want)
				}
				if n := p.Stats().Unknown; n != 0 {
					t.Errorf("%s: %d commands that no manual explains", name, n)
				}
				if p.Stats().Pulses != 0 {
					t.Errorf("%s opens the drawer", name)
				}
				ticket := newest(t, p, c.model.Plain)
				if got, want := words(ticket.Lines), words(m.Lines()); !slices.Equal(got, want) {
					t.Errorf("%s: it prints\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if name == "zh" && !slices.Contains(ticket.QR, "https://club.example.cn/j?s=sh-001&t=03") {
					t.Errorf("codes on its paper: %q", ticket.QR)
				}
			}
		})
	}
}

// newest is the last ticket; one that was not cut is torn off.
func newest(t *testing.T, p *sim.Printer, tear bool) sim.Ticket {
	t.Helper()
	before := p.Stats().Out
	if tear {
		p.Tear()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for after := max(before-1, 0); ; after++ {
		k, err := p.Wait(ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		if k.ID >= p.Stats().Out {
			return k
		}
	}
}

func words(lines []string) []string {
	var list []string
	for _, l := range lines {
		if s := strings.TrimSpace(l); s != "" {
			list = append(list, s)
		}
	}
	return list
}
