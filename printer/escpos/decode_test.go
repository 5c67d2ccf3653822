package escpos_test

import (
	"context"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// Codes of every length are read from the paper by two decoders that are not
// ours, on either paper, at either density, however they are sent.
func TestCodesAreReadFromPaper(t *testing.T) {
	for _, paper := range []struct {
		name         string
		columns, dpi int
	}{
		{"80mm-203dpi", 48, 203}, {"58mm-203dpi", 32, 203}, {"80mm-180dpi", 42, 180}, {"58mm-180dpi", 30, 180},
	} {
		for _, way := range []string{`"raster":"normal"`, `"raster":"double"`, `"qr":"native"`} {
			t.Run(paper.name+" "+way, func(t *testing.T) {
				t.Parallel()
				dots := 12 * paper.columns
				p, d := paired(t, sim.Model{Dots: dots}, fmt.Sprintf(`{"profile":"generic-80mm","columns":%d,"dots":%d,"dpi":%d,%s}`, paper.columns, dots, paper.dpi, way))
				var want []string
				var doc printer.Doc
				for _, n := range []int{20, 45, 80, 120, 200, 300} {
					link := "https://example.cn/" + fmt.Sprintf("%03d", n)
					link = link[:min(len(link), n)] + strings.Repeat("k7", n)[:max(n-len(link), 0)]
					want = append(want, link)
					doc = append(doc, printer.QR{Payload: link}, printer.Feed{Lines: 4})
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if r, err := d.Print(ctx, "codes", append(doc, printer.Cut{})); err != nil || r.Evidence != printer.InOrder {
					t.Fatalf("%+v, %v", r, err)
				}
				ticket, err := p.Wait(ctx, 0)
				if err != nil {
					t.Fatal(err)
				}
				if n := p.Stats().Unknown; n != 0 {
					t.Errorf("%d unknown commands", n)
				}
				made := slices.ContainsFunc(ticket.Events, func(e sim.Event) bool { return e.Kind == "qr" })
				if made != strings.Contains(way, "native") {
					t.Errorf("the printer made codes itself: %v", made)
				}
				path := snapshot(t, p, ticket.ID)
				zbar := tool(t, "zbarimg", "--nodbus", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", path)
				zxing := tool(t, "ZXingReader", "-format", "QRCode", path)
				for _, w := range want {
					if !strings.Contains(zbar, w+"\n") {
						t.Errorf("zbarimg does not read the code of %d bytes", len(w))
					}
					if !strings.Contains(zxing, `"`+w+`"`) {
						t.Errorf("ZXingReader does not read the code of %d bytes", len(w))
					}
				}
			})
		}
	}
}

// paired is a driver on a simulated printer behind a TCP port.
func paired(t testing.TB, model sim.Model, options string) (*sim.Printer, printer.Printer) {
	t.Helper()
	s := spec("generic-80mm")
	s.Options = []byte(options)
	return printertest.Simulated(t, model, func(p device.Port) (printer.Printer, error) { return escpos.Open(t.Context(), p, s) })
}

func snapshot(t *testing.T, p *sim.Printer, id int) string {
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
	return path
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed as an independent decoder: %v", name, err)
	}
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return string(out)
}
