package printertest

import (
	"context"
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
)

// Simulated serves a simulated printer on a TCP port until the test ends, and
// opens a driver on a connection to it.
func Simulated(t testing.TB, model sim.Model, open func(p device.Port) (printer.Printer, error)) (*sim.Printer, printer.Printer) {
	t.Helper()
	p := sim.NewPrinter(model)
	conn, err := net.Dial("tcp", serve(t, p, false)[len("tcp://"):])
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return p, d
}

// serve puts a printer on the network, or on a pseudo-terminal, and returns its
// address.
func serve(t testing.TB, p *sim.Printer, serial bool) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	if serial {
		c, err := sim.NewCable(t.TempDir(), "tty-printer")
		if err != nil {
			t.Fatal(err)
		}
		address = c.Address(115200)
		go func() { done <- p.ServeLine(ctx, c) }()
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = "tcp://" + l.Addr().String()
		go func() { done <- p.ServeTCP(ctx, l) }()
	}
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return address
}

// bench is a station on a simulated printer: what a till sees and what is on the
// paper.
type bench struct {
	t      *testing.T
	p      *sim.Printer
	ledger Ledger
	board  health.Board
	length map[string]int // lines between a receipt's codes
}

func newBench(t *testing.T, f Faulty, before func(*sim.Switches)) *bench {
	t.Helper()
	b := &bench{t: t, p: sim.NewPrinter(f.Model), length: map[string]int{}}
	b.p.Set(before)
	address := serve(t, b.p, f.Serial)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		st := &printer.Station{Name: "printer-1", Ledger: &b.ledger, Health: &b.board, Log: slog.New(slog.DiscardHandler)}
		for ctx.Err() == nil {
			Serve(ctx, t, st, address, f.Open)
			if b.p.Switches().Off { // as a slot does
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// Serve opens a printer and serves it until it fails.
func Serve(ctx context.Context, t *testing.T, st *printer.Station, address string, open func(ctx context.Context, p device.Port, address string) (printer.Printer, error)) {
	port, err := dial.New(dial.Options{}).Dial(ctx, address)
	if err != nil {
		return
	}
	d, err := open(ctx, port, address)
	if err != nil {
		t.Error(err)
		port.Close()
		return
	}
	defer d.Close()
	if err := st.Serve(ctx, d); err == nil && ctx.Err() == nil {
		t.Error("the station ended without a reason")
	}
}

func (b *bench) set(f func(*sim.Switches)) { b.p.Set(f) }

func (b *bench) add(id string) { b.lines(id, 30) }

// lines adds a receipt with so many lines between its first and last code.
func (b *bench) lines(id string, n int) {
	b.length[id] = n
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
		if len(k.Lines) == 0 { // text comes as dots
			continue
		}
		last := fmt.Sprintf("%s %d", id, b.length[id]-1)
		if k.Lines[0] != "receipt "+id || !slices.Contains(k.Lines, last) {
			b.t.Errorf("the receipt %s is %q, want it to begin with itself and to have %q", id, k.Lines, last)
		}
	}
	return n
}
