package printertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/sim"
	"tilld/printer"
)

// Faulty is what the faults need to know of a driver and its printer.
type Faulty struct {
	Model  sim.Model
	Serial bool // on a pseudo-terminal, where no printer reports by itself
	Open   func(ctx context.Context, p device.Port, address string) (printer.Printer, error)

	Slow   int   // bits a second that are slow for a receipt
	Slower int   // so slow that one is under way for long
	Middle int64 // bytes after which a receipt is in the middle
	// Heard is set when a driver has to have heard the printer before it waits
	// for the first job's proof.
	Heard bool
	// Without are faults that the driver has no words for, or that are tried
	// elsewhere.
	Without []string
}

// waits are the ways in which a printer waits for a person or for itself, or
// tells of something that does not keep it from printing.
var waits = map[string]struct {
	code   string
	prints bool
	flip   func(s *sim.Switches, on bool)
}{
	"no paper":    {"printer_paper_out", false, func(s *sim.Switches, on bool) { s.PaperOut = on }},
	"cover open":  {"printer_cover_open", false, func(s *sim.Switches, on bool) { s.CoverOpen = on }},
	"cutter":      {"printer_cutter", false, func(s *sim.Switches, on bool) { s.CutterError = on }},
	"hot":         {"printer_cool", false, func(s *sim.Switches, on bool) { s.HeadHot = on }},
	"broken":      {"printer_repair", false, func(s *sim.Switches, on bool) { s.Broken = on }},
	"paper low":   {"printer_paper_low", true, func(s *sim.Switches, on bool) { s.NearEnd = on }},
	"drawer open": {"printer_drawer_open", true, func(s *sim.Switches, on bool) { s.DrawerOpen = on }},
}

// faults are what happens to a printer, from the first byte on.
func faults(f Faulty) map[string]func(b *bench) {
	list := map[string]func(b *bench){
		"paper runs out in the middle": func(b *bench) {
			b.set(func(s *sim.Switches) { s.PaperLeft = 400; s.DotsPerSecond = 4000 })
			b.add("a")
			b.says("printer_paper_out")
			if got := b.ledger.Job("a").Outcome; got == printer.Confirmed {
				b.t.Error("confirmed without paper")
			}
			b.set(func(s *sim.Switches) { s.PaperOut = false; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		},
		"a slow line": func(b *bench) {
			b.set(func(s *sim.Switches) { s.Baud = f.Slow })
			b.add("a")
			b.becomes("a", printer.Confirmed)
		},
		"takes nothing any more": func(b *bench) {
			b.set(func(s *sim.Switches) { s.Baud = f.Slower })
			b.lines("a", 1) // a longer one has more time
			b.until("in the picture", func() bool { return b.p.Stats().Received > f.Middle })
			b.set(func(s *sim.Switches) { s.Deaf = true })
			b.becomes("a", printer.Uncertain)
			b.set(func(s *sim.Switches) { s.Deaf = false; s.Baud = 0 })
		},
		"answers nonsense": func(b *bench) {
			b.add("a")
			b.becomes("a", printer.Sent)
			if e := b.ledger.Job("a").Evidence; e != printer.BytesTaken {
				b.t.Errorf("evidence %s of nonsense", e)
			}
			b.set(func(s *sim.Switches) { s.Garbage = false })
			for n := 0; b.ledger.Job(fmt.Sprint("b", n)).Outcome != printer.Confirmed; { // it is asked again after a while
				time.Sleep(500 * time.Millisecond)
				n++
				b.lines(fmt.Sprint("b", n), 1)
				b.becomes(fmt.Sprint("b", n), printer.Sent, printer.Confirmed)
			}
		},
		"loses its power": func(b *bench) {
			b.set(func(s *sim.Switches) { s.DotsPerSecond = 500 })
			b.add("a")
			b.until("printing", func() bool { return b.p.Stats().Hanging > 100 })
			b.set(func(s *sim.Switches) { s.Off = true; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Uncertain)
			b.set(func(s *sim.Switches) { s.Off = false })
		},
		"is cut off in a picture": func(b *bench) {
			b.p.CutAfter(f.Middle)
			b.add("a")
			b.becomes("a", printer.Uncertain)
		},
	}
	for name, w := range waits {
		list[name] = func(b *bench) {
			b.set(func(s *sim.Switches) { w.flip(s, true) })
			b.says(w.code)
			b.add("a")
			if w.prints {
				b.becomes("a", printer.Confirmed)
			} else if got := b.ledger.Job("a").Outcome; got != printer.Queued {
				b.t.Errorf("%s: a is %s", name, got)
			}
			b.set(func(s *sim.Switches) { w.flip(s, false) })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		}
	}
	for _, name := range f.Without {
		if list[name] == nil {
			panic("no fault " + name)
		}
		delete(list, name)
	}
	return list
}

// Faults runs every fault of a printer, from the first byte to the cashier's next
// receipt. The tests wait beside each other.
func Faults(t *testing.T, f Faulty) {
	for name, run := range faults(f) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nonsense := name == "answers nonsense"
			b := newBench(t, f, func(s *sim.Switches) { s.Garbage, s.NearEnd = nonsense, f.Heard })
			if f.Heard && !nonsense {
				b.says("printer_paper_low")
				b.set(func(s *sim.Switches) { s.NearEnd = false })
			}
			run(b)
			b.add("next")
			b.becomes("next", printer.Confirmed)
			b.until("the next receipt is cut", func() bool { return b.whole("next") > 0 })
			if n := b.whole("next"); n != 1 {
				t.Errorf("the next receipt is on paper %d times", n)
			}
			if n := b.whole("a"); n > 1 {
				t.Errorf("the first is on paper %d times", n)
			}
			if s := b.p.Stats(); s.Pulses != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
