package till_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/escpos"
)

// BenchmarkPaidToFirstByte is from the call that pays to the first byte of the
// receipt at the printer's port: the sale, its event and the job are on the disk
// by then, and the job's beginning too.
func BenchmarkPaidToFirstByte(b *testing.B) {
	r := newRig(b, func(o *till.Options) { o.KickDrawer = func(context.Context) error { return nil } })
	p, addr := simPrinter(b)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	began := make(chan time.Time, 1)
	d, err := escpos.Open(b.Context(), &firstByte{conn, began}, device.Spec{Name: "printer-1", Driver: "escpos", Options: []byte(`{"profile":"epson-tm-t81"}`)})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	st := &printer.Station{Name: "printer-1", Ledger: r.till, Log: slog.New(slog.DiscardHandler)}
	ctx := b.Context()
	go func() { done <- st.Serve(ctx, d) }()
	b.Cleanup(func() { <-done; d.Close() })
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		s := r.open()
		start := time.Now()
		r.do(sale.Pay{Sale: s.ID, Method: "cash"})
		took = append(took, (<-began).Sub(start))
		if _, err := p.Wait(ctx, n); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// firstByte notes when a job begins.
type firstByte struct {
	device.Port
	began chan time.Time
}

func (p *firstByte) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("\x1b@")) {
		p.began <- time.Now()
	}
	return p.Port.Write(b)
}
