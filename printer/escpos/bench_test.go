package escpos_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"tilld/device"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/receiptline"
)

// twoCodes is the receipt that this package and the programs of others are
// compared with: testdata/two-codes.receipt, ten lines and two QR codes.
func twoCodes(tb testing.TB) (markup string, doc printer.Doc) {
	tb.Helper()
	src, err := os.ReadFile("testdata/two-codes.receipt")
	if err != nil {
		tb.Fatal(err)
	}
	doc, err = receiptline.Parse(string(src))
	if err != nil {
		tb.Fatal(err)
	}
	return string(src), doc
}

var ways = []struct{ name, options string }{
	{"dots", `{"profile":"generic-80mm"}`},
	{"half", `{"profile":"generic-80mm","raster":"double"}`},
	{"native", `{"profile":"generic-80mm","qr":"native"}`},
	{"latin", `{"profile":"generic-80mm-latin"}`}, // Chinese as dots too
}

// BenchmarkTwoCodes is from markup to bytes, codes read back: processor time,
// allocations, bytes, and what these take on a serial line.
func BenchmarkTwoCodes(b *testing.B) {
	markup, _ := twoCodes(b)
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			count := &counter{}
			d, err := escpos.Open(context.Background(), count, device.Spec{Name: "p", Driver: "escpos", Address: "file:///x", Options: []byte(w.options)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			jobs := 0
			for b.Loop() {
				doc, err := receiptline.Parse(markup)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := d.Print(context.Background(), "job", doc); err != nil {
					b.Fatal(err)
				}
				jobs++
			}
			bytes := float64(count.n) / float64(jobs)
			b.ReportMetric(bytes, "bytes")
			b.ReportMetric(bytes*10/9600, "s@9600")
			b.ReportMetric(bytes*10/115200, "s@115200")
		})
	}
}

// BenchmarkOverLine prints it for real on a simulated printer behind a line of
// that speed, until the printer has said that it is on paper.
func BenchmarkOverLine(b *testing.B) {
	_, doc := twoCodes(b)
	for _, baud := range []int{9600, 115200, 0} {
		for _, w := range ways[:3] {
			name := fmt.Sprintf("%d/%s", baud, w.name)
			if baud == 0 {
				name = "tcp/" + w.name
			}
			b.Run(name, func(b *testing.B) {
				p, d := paired(b, sim.Model{}, w.options)
				p.Set(func(s *sim.Switches) { s.Baud = baud })
				for i := 0; b.Loop(); i++ {
					r, err := d.Print(context.Background(), fmt.Sprintf("job-%d", i), doc)
					if err != nil || r.Evidence != printer.InOrder {
						b.Fatal(r, err)
					}
				}
			})
		}
	}
}

// counter is a port that counts.
type counter struct {
	null
	n int
}

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }
