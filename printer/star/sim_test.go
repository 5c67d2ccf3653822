package star_test

import (
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/printertest"
	"tilld/printer/star"
)

// paired is a driver on a simulated Star printer behind a TCP port.
func paired(t testing.TB, options string, model sim.Model) (*sim.Printer, printer.Printer) {
	t.Helper()
	return printertest.Simulated(t, model, func(p device.Port) (printer.Printer, error) { return star.Open(t.Context(), p, spec(options)) })
}

// languages are the two of the driver, with what the simulated printer is then.
var languages = []struct {
	name, options, language string
	evidence                printer.Evidence
}{
	{"starprnt", `{"language": "starprnt"}`, sim.StarPRNT, printer.ProcessID},
	{"line", `{"language": "line"}`, sim.StarLine, printer.InOrder},
	{"line, documents", `{"language": "line", "confirm": "document"}`, sim.StarLine, printer.ProcessID},
}

// What the driver sends is on the paper of a printer that somebody else has
// written, dot by dot, and others read the codes.
func TestOnTheOtherPrinter(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			p, d := paired(t, l.options, sim.Model{Language: l.language})
			for name, doc := range printertest.Receipts() {
				before := p.Stats().Out
				r, err := d.Print(t.Context(), name, doc)
				if err != nil || r != (printer.Result{Started: true, Evidence: l.evidence}) {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				k, err := p.Wait(ctx, before)
				cancel()
				if err != nil {
					t.Fatal(err)
				}
				compare(t, p, k, doc, d.Caps())
				for _, e := range k.Events {
					if !slices.Contains([]string{"init", "raster", "cut", "process_id"}, e.Kind) {
						t.Errorf("%s: the printer says %s %s", name, e.Kind, e.Text)
					}
				}
			}
			before := p.Stats().Out
			if _, err := d.Print(t.Context(), "codes", printer.Doc{
				printer.QR{Payload: "https://example.cn/r?s=01JZ"}, printer.Barcode{Symbology: "ean13", Data: "6901234567892"}, printer.Cut{},
			}); err != nil {
				t.Fatal(err)
			}
			k, err := p.Wait(t.Context(), before)
			if err != nil {
				t.Fatal(err)
			}
			if got := zbar(t, p, k.ID); !strings.Contains(got, "https://example.cn/r?s=01JZ") || !strings.Contains(got, "6901234567892") {
				t.Errorf("zbarimg reads %q", got)
			}
			if s := p.Stats(); s.Unknown != 0 || s.Pulses != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// compare checks that each dot of the paper is where the layout has it.
func compare(t *testing.T, p *sim.Printer, k sim.Ticket, doc printer.Doc, caps printer.Caps) {
	t.Helper()
	want, err := layout.Render(doc, caps)
	if err != nil {
		t.Fatal(err)
	}
	const margin = 16
	got, bad := p.Picture(k.ID), 0
	for y := range want.Rect.Dy() {
		for x := range want.Rect.Dx() {
			black := margin+y < got.Rect.Dy() && got.GrayAt(margin+x, margin+y).Y == 0
			if black != (want.GrayAt(x, y).Y == 0) {
				bad++
			}
		}
	}
	if bad != 0 {
		t.Errorf("%d dots differ", bad)
	}
}

func zbar(t *testing.T, p *sim.Printer, id int) string {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), "ticket.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, p.Picture(id)); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("zbarimg"); err != nil {
		t.Fatalf("zbarimg is needed as an independent decoder: %v", err)
	}
	out, err := exec.Command("zbarimg", "--nodbus", "-q", "--raw", path).Output()
	if err != nil {
		t.Errorf("zbarimg: %v", err)
	}
	return string(out)
}

// Whatever stands in any field of a document, the printer gets dots and the one
// cut that was asked for.
func TestAnyFieldOnTheOtherPrinter(t *testing.T) {
	type pair struct {
		p *sim.Printer
		d printer.Printer
	}
	var pairs []pair
	for _, l := range languages {
		p, d := paired(t, l.options, sim.Model{Language: l.language})
		pairs = append(pairs, pair{p, d})
	}
	nasty := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"\x07", "\x1c\x1a\x19", "\x1b\x07\x14\x14\x07", "\x1bd\x03", "\x1b@", "\x18", "\x1b*rA\x1b*rD1\x00", "\x1bk\xff\x00", "\x1b\x1dS\x01\xff\xff\xff\xff", "\x1b?\n\x00", "\u202e", "\x17\x17", "\x1b\x1eE\x00"}),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, len(languages)-1).Draw(rt, "language")
		p, d := pairs[n].p, pairs[n].d
		text := func(name string) string { return nasty.Draw(rt, name) }
		doc := printer.Doc{
			printer.Text{Line: text("line"), Underline: true, Invert: true},
			printer.Text{Spans: []printer.Span{{Text: text("span"), Width: 2, Height: 2}, {Text: text("span 2"), Bold: true}}},
			printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: text("cell")}, {Text: text("cell 2"), Width: 9, Align: printer.Right}}},
			printer.QR{Payload: "https://example.cn/1", Caption: text("caption"), MM: 12},
			printer.Cut{},
		}
		code := printer.Doc{printer.QR{Payload: text("payload"), MM: 12}, printer.Barcode{Symbology: "code128", Data: text("data"), HRI: true}, printer.Cut{}}
		for _, one := range []printer.Doc{doc, code} {
			before := p.Stats().Out
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			r, err := d.Print(ctx, text("job"), one)
			cancel()
			if fault.KindOf(err) == fault.Refused && !r.Started {
				continue
			}
			if err != nil || r.Evidence != languages[n].evidence {
				rt.Fatalf("%+v, %v", r, err)
			}
			list, _ := p.Tickets(before) // proved: it is out
			if s := p.Stats(); len(list) != 1 || s.Pulses != 0 || s.Unknown != 0 || s.Out != before+1 || len(list[0].Lines) != 0 {
				rt.Fatalf("%d tickets, %+v", len(list), s)
			}
			for _, e := range list[0].Events {
				if !slices.Contains([]string{"init", "raster", "cut", "process_id"}, e.Kind) {
					rt.Fatalf("the printer says %s %s", e.Kind, e.Text)
				}
			}
		}
	})
}

func TestDrawers(t *testing.T) {
	for _, l := range languages {
		p, d := paired(t, l.options, sim.Model{Language: l.language})
		for _, pin := range []int{0, 2, 5} {
			if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), pin); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}, printer.Cut{}}); err != nil {
			t.Fatal(err)
		}
		list, _ := p.Tickets(0)
		var pins []string
		for _, e := range list[0].Events {
			if e.Kind == "drawer" {
				pins = append(pins, e.Text)
			}
		}
		if !slices.Equal(pins, []string{"pin 2 on 200 ms", "pin 2 on 200 ms", "pin 5 on 200 ms"}) {
			t.Errorf("%s: %q", l.name, pins)
		}
	}
}

// A job that ended in the middle of a picture leaves nothing to the next one.
func TestResync(t *testing.T) {
	for _, l := range languages {
		for torn, bytes := range map[string]string{
			"nothing": "", "picture": "\x1b@\x1b\x1dS\x01\x48\x00\x18\x00\x00torn", "line picture": "\x1b@\x1b0\x1bk\x48\x00torn", "ESC": "\x1b", "ESC GS": "\x1b\x1d", "head": "\x1b\x1dS\x01\x48",
			"query": "\x1b\x1d\x03\x01A", "pulse": "\x1b\x07",
		} {
			if l.language == sim.StarLine && (torn == "picture" || torn == "head") || l.language == sim.StarPRNT && torn == "line picture" {
				continue
			}
			t.Run(l.name+" "+torn, func(t *testing.T) {
				p, d := paired(t, l.options, sim.Model{Language: l.language})
				conn := d.(interface{ PortForTest() device.Port }).PortForTest()
				if _, err := conn.Write([]byte(bytes)); err != nil {
					t.Fatal(err)
				}
				if err := d.(printer.Resyncer).Resync(t.Context()); err != nil {
					t.Fatal(err)
				}
				first, err := p.Wait(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				doc := printertest.Receipts()["zh"]
				r, err := d.Print(t.Context(), "job", doc)
				if err != nil || r.Evidence != l.evidence {
					t.Errorf("%+v, %v", r, err)
				}
				k, err := p.Wait(t.Context(), first.ID)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, p, k, doc, d.Caps())
				// What asks for the status may end a short command; nothing comes of it.
				if s := p.Stats(); s.Pulses != 0 || s.Unknown > 3 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}
