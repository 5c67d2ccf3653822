package till_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/escpos"
)

// A printer without power: its stand-in prints what waits for it, once, and the
// first prints what comes later.
func TestStandInPrints(t *testing.T) {
	t.Parallel()
	second, addr := simPrinter(t)
	o := spoolOptions()
	o.Printers = []string{"printer-1", "printer-2"}
	o.Backup = map[string]till.StandIn{"printer-1": {Printer: "printer-2", After: 300 * time.Millisecond}}
	r := &rig{t: t, dir: t.TempDir() + "/data", o: o, cloud: &fakeCloud{}, log: &strings.Builder{}, kicks: make(chan struct{}, 1)}
	r.start()
	t.Cleanup(func() { r.halt() })
	for _, id := range []string{"a", "b"} {
		if _, err := r.print(till.PrintRequest{JobID: id, Markup: "receipt " + id}); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	d, err := escpos.Open(t.Context(), conn, device.Spec{Name: "printer-2", Driver: "escpos", Options: []byte(`{"profile":"epson-tm-t81"}`)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	st := &printer.Station{Name: "printer-2", Ledger: r.till, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- st.Serve(ctx, d) }()
	defer func() { cancel(); <-done; d.Close() }()
	for _, id := range []string{"a", "b"} {
		r.until(id+" is printed by the stand-in", func() bool {
			j, err := r.till.Job(id)
			return err == nil && j.Outcome == printer.Confirmed && j.Printer == "printer-2" && j.MovedOff == "printer-1"
		})
	}
	list, _ := second.Tickets(0)
	if len(list) != 2 || list[0].Lines[0] != "receipt a" || list[1].Lines[0] != "receipt b" {
		t.Errorf("on the stand-in's paper: %+v", list)
	}
	first, addr := simPrinter(t) // it has power again
	stop := spool(t, r.till, addr, nil)
	defer stop()
	if _, err := r.print(till.PrintRequest{JobID: "c", Markup: "receipt c"}); err != nil {
		t.Fatal(err)
	}
	r.until("c is printed by the first", func() bool {
		j, err := r.till.Job("c")
		return err == nil && j.Outcome == printer.Confirmed && j.Printer == "printer-1"
	})
	if list, _ := first.Tickets(0); len(list) != 1 || list[0].Lines[0] != "receipt c" {
		t.Errorf("on the first's paper: %+v", list)
	}
}
