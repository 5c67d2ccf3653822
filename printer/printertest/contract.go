package printertest

import (
	"image"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/qr"
	"tilld/printer"
	"tilld/printer/layout"
)

// Virtual is a virtual printer of any language, ready to be plugged in.
type Virtual interface {
	Plug(t testing.TB) device.Port
	SetPaper(in bool)
	Lines() []string
	Events() []string
	Drawer() int
	Cuts() int
	Paper() *image.Gray
}

// Driver is what the contract needs to know of a driver under test.
type Driver struct {
	// Open opens the driver on a port of v, a printer 576 dots wide with Chinese
	// characters.
	Open func(t *testing.T, p device.Port) printer.Printer
	// New returns a fresh virtual printer.
	New func() Virtual
	// Tells is set when the driver sees that paper is out.
	Tells bool
	// Dots is set when the driver prints text as dots: there are no lines to read,
	// but every dot is where the layout has it.
	Dots bool
}

// Contract runs what every driver must do.
func Contract(t *testing.T, d Driver) {
	each := func(name string, f func(t *testing.T, v Virtual, p printer.Printer)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := d.New()
				p := d.Open(t, v.Plug(t))
				f(t, v, p)
				if err := p.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
	each("Info", func(t *testing.T, _ Virtual, p printer.Printer) {
		if i := p.Info(); i.Name == "" || i.Driver == "" {
			t.Errorf("Info = %+v", i)
		}
		if c := p.Caps(); c.Columns != 48 || c.Dots != 576 {
			t.Errorf("Caps = %+v", c)
		}
	})
	each("Receipts", func(t *testing.T, v Virtual, p printer.Printer) {
		for name, doc := range Receipts() {
			r, err := p.Print(t.Context(), name, doc)
			if err != nil || !r.Started || r.Evidence == printer.NoEvidence {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		synctest.Wait() // a mute printer may still be taking in the last bytes
		if got := v.Cuts(); got != len(Receipts()) {
			t.Errorf("%d cuts, want %d", got, len(Receipts()))
		}
		for _, e := range v.Events() {
			if e != "cut" {
				t.Errorf("the printer says %q", e)
			}
		}
		if v.Drawer() != 0 {
			t.Error("a receipt opens the drawer")
		}
	})
	each("Text", func(t *testing.T, v Virtual, p printer.Printer) {
		doc := printer.Doc{
			printer.Text{Line: "left"},
			printer.Text{Line: "中间 mid", Align: printer.Center},
			printer.Text{Line: "right", Align: printer.Right},
			printer.Columns{Cells: []printer.Cell{{Text: "tea"}, {Text: "12.50", Align: printer.Right, Keep: true}}},
		}
		if _, err := p.Print(t.Context(), "job", doc); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{"left", strings.Repeat(" ", 20) + "中间 mid", strings.Repeat(" ", 43) + "right", "tea" + strings.Repeat(" ", 40) + "12.50"}
		if d.Dots {
			render, err := layout.Render(doc, p.Caps())
			if err != nil {
				t.Fatal(err)
			}
			if paper := v.Paper(); len(paper.Pix) < len(render.Pix) || !slices.Equal(paper.Pix[:len(render.Pix)], render.Pix) {
				t.Error("the paper is not what the layout drew")
			}
			return
		}
		got := slices.DeleteFunc(v.Lines(), func(s string) bool { return s == "" })
		if !slices.Equal(got, want) {
			t.Errorf("lines %q, want %q", got, want)
		}
	})
	each("Codes", func(t *testing.T, v Virtual, p printer.Printer) {
		if _, err := p.Print(t.Context(), "job", printer.Doc{printer.QR{Payload: "https://example.cn/一"}, printer.Cut{}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, err := qr.Read(v.Paper()); err != nil || got != "https://example.cn/一" {
			t.Errorf("the paper reads %q, %v", got, err)
		}
	})
	each("Refuses", func(t *testing.T, v Virtual, p printer.Printer) {
		r, err := p.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}, printer.QR{Payload: strings.Repeat("x", 2900), Level: "L"}})
		if fault.KindOf(err) != fault.Refused || r.Started || len(v.Lines()) != 0 {
			t.Errorf("a code too dense: %+v, %v, printed %q", r, err, v.Lines())
		}
	})
	each("Hostile text", func(t *testing.T, v Virtual, p printer.Printer) {
		for _, s := range []string{"\x1bp\x00\x19\xfa", "\x10\x14\x01\x00\x01", "\x07\x1c\x1b\x07\x14\x14\x07", "\x1dV\x00", "\x1bd\x02", "\u0080\u0090\u009b", "\x81\x1b"} {
			if _, err := p.Print(t.Context(), "job", printer.Doc{printer.Text{Line: s}, printer.Columns{Cells: []printer.Cell{{Text: s}}}}); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
		synctest.Wait()
		if v.Drawer() != 0 || v.Cuts() != 0 || len(v.Events()) != 0 {
			t.Errorf("events %q", v.Events())
		}
	})
	each("Drawer", func(t *testing.T, v Virtual, p printer.Printer) {
		k, ok := p.(printer.DrawerKicker)
		if !ok || !p.Caps().Drawer {
			return
		}
		if err := k.OpenDrawer(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Print(t.Context(), "job", printer.Doc{printer.OpenDrawer{Pin: 5}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if v.Drawer() != 2 {
			t.Errorf("the drawer opened %d times, want 2", v.Drawer())
		}
	})
	each("Paper", func(t *testing.T, v Virtual, p printer.Printer) {
		v.SetPaper(false)
		r, err := p.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}})
		if d.Tells && (fault.KindOf(err) != fault.Attention || r.Started) {
			t.Errorf("without paper: %+v, %v", r, err)
		}
		v.SetPaper(true)
		if !d.Tells {
			return
		}
		if _, err := p.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}}); err != nil || !d.Dots && !slices.Equal(v.Lines(), []string{"x"}) {
			t.Errorf("with new paper: %v, %q", err, v.Lines())
		}
	})
}
