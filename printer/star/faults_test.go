package star_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/dial"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/printertest"
	"tilld/printer/star"
)

// bench is a station on a simulated Star printer: what a till sees and what is on
// the paper.
type bench struct {
	t      *testing.T
	p      *sim.Printer
	ledger printertest.Ledger
	board  health.Board
}

// newBench puts the printer on the network, or on a pseudo-terminal where it does
// not report by itself.
func newBench(t *testing.T, language string, serial bool, before func(*sim.Switches)) *bench {
	t.Helper()
	b := &bench{t: t, p: sim.NewPrinter(sim.Model{Language: map[string]string{"line": sim.StarLine}[language]})}
	if language == "starprnt" {
		b.p = sim.NewPrinter(sim.Model{Language: sim.StarPRNT})
	}
	b.p.Set(before)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	address := ""
	if serial {
		c, err := sim.NewCable(t.TempDir(), "tty-printer")
		if err != nil {
			t.Fatal(err)
		}
		address = c.Address(115200)
		go func() { done <- b.p.ServeLine(ctx, c) }()
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = "tcp://" + l.Addr().String()
		go func() { done <- b.p.ServeTCP(ctx, l) }()
	}
	go func() { done <- b.p.Run(ctx) }()
	go func() {
		st := &printer.Station{Name: "printer-1", Ledger: &b.ledger, Health: &b.board, Log: slog.New(slog.DiscardHandler)}
		for ctx.Err() == nil {
			b.serve(ctx, st, language, address)
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

func (b *bench) serve(ctx context.Context, st *printer.Station, language, address string) {
	port, err := dial.New(dial.Options{}).Dial(ctx, address)
	if err != nil {
		return
	}
	d, err := star.Open(ctx, port, device.Spec{Name: "printer-1", Driver: "star", Address: address, Options: fmt.Appendf(nil, `{"language": %q, "idle": "20ms", "drawer_sensor": "open"}`, language)})
	if err != nil {
		b.t.Error(err)
		port.Close()
		return
	}
	defer d.Close()
	if err := st.Serve(ctx, d); err == nil && ctx.Err() == nil {
		b.t.Error("the station ended without a reason")
	}
}

func (b *bench) add(id string) { b.lines(id, 30) }

// lines adds a receipt with so many lines between its first and last code.
func (b *bench) lines(id string, n int) {
	doc := printer.Doc{printer.Text{Line: "receipt " + id}, printer.QR{Payload: "https://example.cn/" + id, MM: 12}}
	for i := range n {
		doc = append(doc, printer.Text{Line: fmt.Sprintf("%s %d", id, i)})
	}
	b.ledger.Add(printer.Job{ID: id, Printer: "printer-1", Doc: append(doc, printer.QR{Payload: "https://example.cn/end/" + id, MM: 12}, printer.Cut{})})
}

func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("timed out: %s; ledger %q, printer %+v %+v", what, b.ledger.Log(), b.p.Switches(), b.p.Stats())
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

// whole counts the tickets that have the receipt id from its first to its last
// code, and nothing of another.
func (b *bench) whole(id string) (n int) {
	list, _ := b.p.Tickets(0)
	for _, k := range list {
		if !slices.Contains(k.QR, "https://example.cn/"+id) || !slices.Contains(k.QR, "https://example.cn/end/"+id) {
			continue
		}
		if n++; len(k.QR) != 2 {
			b.t.Errorf("the receipt %s has the codes %q", id, k.QR)
		}
	}
	return n
}

// paperWaits are the ways in which a printer waits for a person or for itself.
var paperWaits = map[string]struct {
	code string
	flip func(s *sim.Switches, on bool)
}{
	"no paper":    {"printer_paper_out", func(s *sim.Switches, on bool) { s.PaperOut = on }},
	"cover open":  {"printer_cover_open", func(s *sim.Switches, on bool) { s.CoverOpen = on }},
	"cutter":      {"printer_cutter", func(s *sim.Switches, on bool) { s.CutterError = on }},
	"hot":         {"printer_cool", func(s *sim.Switches, on bool) { s.HeadHot = on }},
	"broken":      {"printer_repair", func(s *sim.Switches, on bool) { s.Broken = on }},
	"paper low":   {"printer_paper_low", func(s *sim.Switches, on bool) { s.NearEnd = on }},
	"drawer open": {"printer_drawer_open", func(s *sim.Switches, on bool) { s.DrawerOpen = on }},
}

// Every fault of a printer, from the first byte to the cashier's next receipt.
func TestFaults(t *testing.T) {
	faults := map[string]func(b *bench){
		"paper runs out in the middle": func(b *bench) {
			b.p.Set(func(s *sim.Switches) { s.PaperLeft = 400; s.DotsPerSecond = 4000 })
			b.add("a")
			b.says("printer_paper_out")
			if got := b.ledger.Job("a").Outcome; got == printer.Confirmed {
				b.t.Error("confirmed without paper")
			}
			b.p.Set(func(s *sim.Switches) { s.PaperOut = false; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		},
		"a slow line": func(b *bench) {
			b.p.Set(func(s *sim.Switches) { s.Baud = 1_000_000 })
			b.add("a")
			b.becomes("a", printer.Confirmed)
		},
		"takes nothing any more": func(b *bench) {
			b.p.Set(func(s *sim.Switches) { s.Baud = 115200 })
			b.lines("a", 1)
			b.until("in the picture", func() bool { return b.p.Stats().Received > 9000 })
			b.p.Set(func(s *sim.Switches) { s.Deaf = true })
			b.becomes("a", printer.Uncertain)
			b.p.Set(func(s *sim.Switches) { s.Deaf = false; s.Baud = 0 })
		},
		"answers nonsense": func(b *bench) {
			b.add("a")
			b.becomes("a", printer.Sent)
			if e := b.ledger.Job("a").Evidence; e != printer.BytesTaken {
				b.t.Errorf("evidence %s of nonsense", e)
			}
			b.p.Set(func(s *sim.Switches) { s.Garbage = false })
			for n := 0; b.ledger.Job(fmt.Sprint("b", n)).Outcome != printer.Confirmed; { // it is asked again after a while
				time.Sleep(500 * time.Millisecond)
				n++
				b.lines(fmt.Sprint("b", n), 1)
				b.becomes(fmt.Sprint("b", n), printer.Sent, printer.Confirmed)
			}
		},
		"loses its power": func(b *bench) {
			b.p.Set(func(s *sim.Switches) { s.DotsPerSecond = 500 })
			b.add("a")
			b.until("printing", func() bool { return b.p.Stats().Hanging > 100 })
			b.p.Set(func(s *sim.Switches) { s.Off = true; s.DotsPerSecond = 0 })
			b.becomes("a", printer.Uncertain)
			b.p.Set(func(s *sim.Switches) { s.Off = false })
		},
		"is cut off in a picture": func(b *bench) {
			b.p.CutAfter(9000)
			b.add("a")
			b.becomes("a", printer.Uncertain)
		},
	}
	for name, w := range paperWaits {
		faults[name] = func(b *bench) {
			b.p.Set(func(s *sim.Switches) { w.flip(s, true) })
			b.says(w.code)
			b.add("a")
			if low := name == "paper low" || name == "drawer open"; low {
				b.becomes("a", printer.Confirmed)
			} else if got := b.ledger.Job("a").Outcome; got != printer.Queued {
				b.t.Errorf("%s: a is %s", name, got)
			}
			b.p.Set(func(s *sim.Switches) { w.flip(s, false) })
			b.becomes("a", printer.Confirmed)
			b.isWell()
		}
	}
	for language, serial := range map[string]bool{"starprnt": false, "line": true} {
		for name, run := range faults {
			if name == "takes nothing any more" && serial {
				continue // half a minute, and the same wherever it is
			}
			t.Run(language+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, language, serial, func(s *sim.Switches) { s.Garbage, s.NearEnd = name == "answers nonsense", true })
				if name != "answers nonsense" { // it has been heard before the first job
					b.says("printer_paper_low")
					b.p.Set(func(s *sim.Switches) { s.NearEnd = false })
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
