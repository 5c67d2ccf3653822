package escpos_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/internal/fault"
	"tilld/internal/sim"
	"tilld/printer"
)

// Whatever stands in any field of a document, the printer that somebody else has
// written gets text, dots and the one cut that was asked for: no drawer, no
// command that it does not know, nothing that stays behind for the next job.
func TestAnyFieldOnTheOtherPrinter(t *testing.T) {
	p, d := paired(t, sim.Model{}, `{"profile":"epson-tm-t81"}`)
	nasty := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"\x1bp\x00\x19\xfa", "\x10\x14\x01\x00\x01", "\x1dV\x00", "\x1dk\x02", "\x1d(k\x03\x001Q0", "\x81\x1bp\x00", "\x1d(H\x06\x0000AAAA", "\x1c.\x1bt\x01", "\u202e", "\xfe\x1bp01", "茶\x1b", "\x1dv0\x00\xff\xff\xff\xff"}),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
	)
	job := 0
	rapid.Check(t, func(rt *rapid.T) {
		text := func(name string) string { return nasty.Draw(rt, name) }
		doc := printer.Doc{
			printer.Text{Line: text("line"), Underline: true, Invert: true},
			printer.Text{Spans: []printer.Span{{Text: text("span"), Width: 2, Height: 2}, {Text: text("span 2"), Bold: true}}},
			printer.Columns{Cells: []printer.Cell{{Text: text("cell")}, {Text: text("cell 2"), Width: 9, Align: printer.Right}}},
			printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: text("boxed")}, {Text: text("boxed 2")}}},
			printer.QR{Payload: "https://example.cn/1", Caption: text("caption"), MM: 12},
			printer.Cut{},
		}
		code := printer.Doc{printer.QR{Payload: text("payload"), MM: 12}, printer.Barcode{Symbology: "code128", Data: text("data"), HRI: true}, printer.Cut{}}
		for _, one := range []printer.Doc{doc, code} {
			before := p.Stats().Out
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			job++
			r, err := d.Print(ctx, text("job"), one)
			if fault.KindOf(err) == fault.Refused && !r.Started {
				cancel()
				continue // a code that cannot be: nothing was sent
			}
			if err != nil || r.Evidence != printer.ProcessID {
				cancel()
				rt.Fatalf("%+v, %v", r, err)
			}
			k, err := p.Wait(ctx, before)
			if err != nil {
				cancel()
				rt.Fatal(err)
			}
			for _, e := range k.Events {
				if !slices.Contains([]string{"init", "raster", "cut", "status", "process_id"}, e.Kind) {
					rt.Fatalf("the printer says %s %s", e.Kind, e.Text)
				}
			}
			s := p.Stats()
			for s.Waiting != 0 && ctx.Err() == nil { // a question about its state is under way at times
				time.Sleep(time.Millisecond)
				s = p.Stats()
			}
			cancel()
			if s.Pulses != 0 || s.Unknown != 0 || s.Waiting != 0 || s.Out != before+1 {
				rt.Fatalf("%+v", s)
			}
		}
	})
}
