package escpos_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

var update = flag.Bool("update", false, "write the golden files")

// listing writes bytes so that they can be read and compared: one command a
// line, runs of text as hex and in the machine's words, pictures as their head
// and a digest.
func listing(b []byte, text []string) string {
	var out strings.Builder
	line := func(n int, format string, args ...any) {
		fmt.Fprintf(&out, "% x  %s\n", b[:n], fmt.Sprintf(format, args...))
		b = b[n:]
	}
	for len(b) > 0 {
		switch {
		case b[0] == 0x1d && len(b) > 8 && b[1] == 'v':
			size := (int(b[4]) | int(b[5])<<8) * (int(b[6]) | int(b[7])<<8)
			sum := sha256.Sum256(b[8 : 8+size])
			fmt.Fprintf(&out, "% x  raster %d x %d, sha256 %x\n", b[:8], int(b[4])*8, b[6], sum[:8])
			b = b[8+size:]
		case b[0] == 0x1b && b[1] == '@':
			line(2, "initialise")
		case b[0] == 0x1b && b[1] == 'p':
			line(5, "drawer")
		case b[0] == 0x1b:
			line(3, "ESC %c %d", b[1], b[2])
		case b[0] == 0x1c && (b[1] == '&' || b[1] == '.'):
			line(2, "FS %c", b[1])
		case b[0] == 0x1c:
			line(3, "FS %c %d", b[1], b[2])
		case b[0] == 0x1d && b[1] == 'V' && b[2] >= 65:
			line(4, "cut")
		case b[0] == 0x1d && b[1] == '(':
			line(5+int(b[3]), "GS ( %c", b[2])
		case b[0] == 0x1d:
			line(3, "GS %c %d", b[1], b[2])
		case b[0] == '\n':
			words := ""
			if len(text) > 0 {
				words, text = text[0], text[1:]
			}
			line(1, "%s", words)
		default:
			n := 1
			for n < len(b) && b[n] >= 0x20 {
				n++
			}
			fmt.Fprintf(&out, "  % x\n", b[:n])
			b = b[n:]
		}
	}
	return out.String()
}

// tap is a port that keeps what is written and prints it on a machine.
type tap struct {
	sink
	sent []byte
}

func (t *tap) Write(p []byte) (int, error) {
	t.sent = append(t.sent, p...)
	return t.sink.Write(p)
}

// The exact bytes of every receipt. A change here is a change on paper: look at
// what the machine makes of it.
func TestGolden(t *testing.T) {
	receipts := printertest.Receipts()
	for _, name := range slices.Sorted(maps.Keys(receipts)) {
		for _, profile := range []string{"generic-80mm", "generic-58mm", "generic-80mm-latin", "epson-tm-t81"} {
			if name == "long" && profile != "generic-58mm" {
				continue
			}
			m := &printertest.Machine{Chinese: !strings.Contains(profile, "latin")}
			if strings.Contains(profile, "58") {
				m.Width = 384
			}
			port := &tap{sink: sink{m}}
			d, err := escpos.Open(t.Context(), port, spec(profile, "status", "none", "confirm", "none"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Print(t.Context(), "job", receipts[name]); err != nil {
				t.Errorf("%s on %s: %v", name, profile, err)
				continue
			}
			for _, e := range m.Events() {
				if e != "cut" {
					t.Errorf("%s on %s: the machine says %q", name, profile, e)
				}
			}
			compare(t, name+"-"+profile+".golden", listing(port.sent, m.Lines()))
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		artifact := filepath.Join(t.ArtifactDir(), name)
		if err := os.WriteFile(artifact, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s differs, see %s", file, artifact)
	}
}

// What is sent at half size is the same picture on paper.
func TestDoubledRaster(t *testing.T) {
	var paper [2][]byte
	var bytes [2]int
	for i, raster := range []string{"normal", "double"} {
		m := &printertest.Machine{Chinese: true}
		port := &tap{sink: sink{m}}
		d, err := escpos.Open(t.Context(), port, spec("generic-80mm", "raster", raster, "status", "none", "confirm", "none"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Print(t.Context(), "job", printer.Doc{printer.QR{Payload: "https://example.cn/j/1", Module: 6}, printer.Cut{}}); err != nil {
			t.Fatal(err)
		}
		paper[i], bytes[i] = m.Paper().Pix, len(port.sent)
	}
	if !slices.Equal(paper[0], paper[1]) {
		t.Error("the doubled picture differs")
	}
	if bytes[1]*3 > bytes[0] {
		t.Errorf("%d bytes at half size, %d at full", bytes[1], bytes[0])
	}
}

// A printer with nothing but text still prints every receipt without codes.
func TestTextOnly(t *testing.T) {
	m := &printertest.Machine{Width: 400}
	d, err := escpos.Open(t.Context(), sink{m}, spec("epson-tm-u220", "status", "none", "confirm", "none"))
	if err != nil {
		t.Fatal(err)
	}
	doc := printer.Doc{
		printer.Text{Line: "Tea 茶 2 × 3 • “a” – b…"},
		printer.Rule{},
		printer.Rule{Double: true},
		printer.Rule{Columns: 5},
		printer.Rule{Columns: 5, Align: printer.Right},
		printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: "a"}, {Text: "b"}}},
		printer.Cut{},
	}
	if _, err := d.Print(t.Context(), "job", doc); err != nil {
		t.Fatal(err)
	}
	want := []string{`Tea ?? 2 x 3 * "a" - b.`, strings.Repeat("-", 33), strings.Repeat("=", 33), "-----", strings.Repeat(" ", 28) + "-----", "┌───────────────┬───────────────┐", "│a              │b              │", "└───────────────┴───────────────┘"}
	if got := m.Lines(); !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	if got := m.Events(); !slices.Equal(got, []string{"cut"}) {
		t.Errorf("events %q", got)
	}
}

func BenchmarkReceiptToBytes(b *testing.B) {
	d, err := escpos.Open(context.Background(), null{}, spec("generic-80mm", "status", "none", "confirm", "none"))
	if err != nil {
		b.Fatal(err)
	}
	doc := printertest.Receipts()["zh"]
	for b.Loop() {
		if _, err := d.Print(context.Background(), "job", doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiptWithoutCode(b *testing.B) {
	d, err := escpos.Open(context.Background(), null{}, spec("generic-80mm", "status", "none", "confirm", "none"))
	if err != nil {
		b.Fatal(err)
	}
	doc := printertest.Receipts()["long"]
	for b.Loop() {
		if _, err := d.Print(context.Background(), "job", doc); err != nil {
			b.Fatal(err)
		}
	}
}

// null is a port that takes everything.
type null struct{}

func (null) Write(p []byte) (int, error) { return len(p), nil }
func (null) Read([]byte) (int, error)    { select {} }
func (null) Close() error                { return nil }
func (null) SetDeadline(time.Time) error { return nil }

var _ device.Port = null{}
