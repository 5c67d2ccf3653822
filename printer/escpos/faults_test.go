package escpos_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/printertest"
)

// bench is a station on a simulated printer: what a till sees and what is on the
// paper.
type bench struct {
	t      *testing.T
	p      *sim.Printer
	ledger printertest.Ledger
	board  health.Board
}

func newBench(t *testing.T, before func(*sim.Switches)) *bench {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, p: sim.NewPrinter(sim.Model{})}
	b.p.Set(before)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	go func() { done <- b.p.Run(ctx) }()
	go func() { done <- b.p.ServeTCP(ctx, l) }()
	go func() {
		st := &printer.Station{Name: "printer-1", Ledger: &b.ledger, Health: &b.board, Log: slog.New(slog.DiscardHandler)}
		for ctx.Err() == nil {
			serveOnce(ctx, t, st, "tcp://"+l.Addr().String())
			if b.p.Switches().Off { // as a slot does
				time.Sleep(50 * time.Millisecond)
			}
		}
		done <- nil
	}()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			<-done
		}
	})
	return b
}

func (b *bench) add(id string) {
	doc := printer.Doc{printer.Text{Line: "receipt " + id}, printer.QR{Payload: "https://example.cn/" + id, MM: 12}}
	for i := range 30 {
		doc = append(doc, printer.Text{Line: fmt.Sprintf("%s %d", id, i)})
	}
	b.ledger.Add(printer.Job{ID: id, Printer: "printer-1", Doc: append(doc, printer.Cut{})})
}

func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("timed out: %s; ledger %q, printer %+v", what, b.ledger.Log(), b.p.Switches())
		}
	}
}

func (b *bench) becomes(id string, want ...printer.Outcome) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s becomes %v", id, want), func() bool { return slices.Contains(want, b.ledger.Job(id).Outcome) })
}

// says waits until a condition is there, with words in both languages.
func (b *bench) says(code string) {
	b.t.Helper()
	for _, tag := range []lang.Tag{lang.ZH, lang.EN} {
		b.until(code, func() bool {
			return slices.ContainsFunc(b.board.List(tag), func(c health.Condition) bool {
				return c.Code == code && c.Subject == "printer-1" && c.Text != "" && c.Remedy != ""
			})
		})
	}
}

func (b *bench) isWell() {
	b.t.Helper()
	b.until("no condition is left", func() bool { return len(b.board.List(lang.EN)) == 0 })
}

// whole counts the tickets that are exactly the receipt id.
func (b *bench) whole(id string) (n int) {
	list, _ := b.p.Tickets(0)
	for _, k := range list {
		own := slices.ContainsFunc(k.Lines, func(l string) bool { return strings.HasPrefix(l, id+" ") })
		if !own || !slices.Contains(k.Lines, id+" 29") {
			continue
		}
		n++
		if k.Lines[0] != "receipt "+id {
			b.t.Errorf("the receipt %s begins with %q", id, k.Lines[0])
		}
	}
	return n
}

func (b *bench) set(f func(*sim.Switches)) { b.p.Set(f) }

// Every fault of a printer, from the first byte to the cashier's next receipt.
func TestFaults(t *testing.T) {
	for name, run := range map[string]func(b *bench){
		"paper runs out in the middle": func(b *bench) {
			b.set(func(s *sim.Switches) { s.PaperLeft = 400; s.DotsPerSecond = 4000 })
			b.add("a")
			b.says("printer_paper_out")
			b.set(func(s *sim.Switches) { s.PaperOut = false; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		},
		"cover open before": func(b *bench) {
			b.set(func(s *sim.Switches) { s.CoverOpen = true })
			b.add("a")
			b.says("printer_cover_open")
			if got := b.ledger.Job("a").Outcome; got != printer.Queued {
				b.t.Errorf("with the cover open a is %s", got)
			}
			b.set(func(s *sim.Switches) { s.CoverOpen = false })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		},
		"cutter stuck": func(b *bench) {
			b.set(func(s *sim.Switches) { s.CutterError = true })
			b.add("a")
			b.says("printer_cutter")
			b.set(func(s *sim.Switches) { s.CutterError = false })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		},
		"drawer open, paper low": func(b *bench) {
			b.set(func(s *sim.Switches) { s.DrawerOpen = true; s.NearEnd = true })
			b.says("printer_drawer_open")
			b.says("printer_paper_low")
			b.add("a")
			b.becomes("a", printer.Confirmed)
			b.set(func(s *sim.Switches) { s.DrawerOpen = false; s.NearEnd = false })
		},
		"a slow line": func(b *bench) {
			b.set(func(s *sim.Switches) { s.Baud = 57600 })
			b.add("a")
			b.becomes("a", printer.Confirmed)
		},
		"takes nothing any more": func(b *bench) {
			b.set(func(s *sim.Switches) { s.Baud = 38400 })
			b.add("a")
			b.until("in the picture", func() bool { return b.p.Stats().Received > 1000 })
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
		},
		"loses its power": func(b *bench) {
			b.set(func(s *sim.Switches) { s.DotsPerSecond = 500 })
			b.add("a")
			b.until("printing", func() bool { return b.p.Stats().Hanging > 100 })
			b.set(func(s *sim.Switches) { s.Off = true; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Uncertain)
			b.set(func(s *sim.Switches) { s.Off = false })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *sim.Switches) { s.Garbage = name == "answers nonsense" })
			run(b)
			b.add("next")
			b.becomes("next", printer.Confirmed)
			if n := b.whole("next"); n != 1 {
				t.Errorf("the next receipt is on paper %d times", n)
			}
			if n := b.whole("a"); n > 1 {
				t.Errorf("the first is on paper %d times", n)
			}
			if n := b.p.Stats().Pulses; n != 0 {
				t.Errorf("the drawer opened %d times", n)
			}
		})
	}
}
