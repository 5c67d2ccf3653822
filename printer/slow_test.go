package printer_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// A receipt as long as a sale can make it takes minutes on a slow serial line,
// in dots. As long as the printer takes bytes the job goes on.
func TestLongReceiptOnASlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{}
		near := printertest.SlowLine(t, m.Plug(t), 9600)
		p, err := escpos.Open(t.Context(), near, device.Spec{Name: "printer-1", Driver: "escpos", Options: []byte(`{"profile":"generic-80mm-latin","status":"none","confirm":"none"}`)})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		long := job("long")
		long.Doc = append(slices.Repeat(printer.Doc{printer.Text{Line: strings.Repeat("乌龙茶", 8)}}, 120), printer.Cut{})
		var l printertest.Ledger
		l.Add(long)
		st := &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}
		stop := serve(t, st, p)
		pass(20 * time.Minute)
		if got, want := l.Log(), []string{"long sending", "long sent bytes"}; !slices.Equal(got, want) {
			t.Errorf("ledger %q, want %q", got, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
