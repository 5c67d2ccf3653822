package escpos_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/printertest"
)

// Two tills share a printer that serves one connection at a time: each gives it
// up when it has nothing to print, and neither prints blindly while the other
// has it.
func TestShared(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := sim.NewPrinter(sim.Model{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 4)
	go func() { done <- p.Run(ctx) }()
	go func() { done <- p.ServeTCP(ctx, l) }()
	defer func() {
		cancel()
		for range 4 {
			<-done
		}
	}()
	start := func() *printertest.Ledger {
		ledger := &printertest.Ledger{}
		st := &printer.Station{Name: "printer-1", Ledger: ledger, Log: slog.New(slog.DiscardHandler)}
		go func() {
			for ctx.Err() == nil {
				printertest.Serve(ctx, t, st, "tcp://"+l.Addr().String(), openT81)
			}
			done <- nil
		}()
		return ledger
	}
	a, b := start(), start()
	deadline := time.Now().Add(60 * time.Second)
	for i, ledger := range []*printertest.Ledger{a, b, a} {
		id := []string{"a1", "b1", "a2"}[i]
		ledger.Add(printer.Job{ID: id, Printer: "printer-1", Doc: printer.Doc{printer.Text{Line: id}, printer.Cut{}}})
		for ledger.Job(id).Outcome != printer.Confirmed {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %q, %q", id, a.Log(), b.Log())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	// The first till has heard the printer before: it waits instead of handing the
	// receipt to a connection that nobody serves.
	for _, entry := range a.Log() {
		if strings.HasPrefix(entry, "a2 sent") || strings.HasPrefix(entry, "a2 unknown") {
			t.Errorf("printed blindly: %q", a.Log())
		}
	}
	list, _ := p.Tickets(0)
	if len(list) != 3 {
		t.Errorf("%d receipts, want 3", len(list))
	}
}
