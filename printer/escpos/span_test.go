package escpos_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/printertest"
)

// However bytes made elsewhere end, all of their text is on paper when the job is
// done, and the next job is printed as it is.
func TestBytesThatEndInTheMiddle(t *testing.T) {
	for _, c := range []struct{ name, data, lines string }{
		{"clean", "\x1b@hello\n\x1dVB\x00", "hello"},
		{"no line feed", "hello", "hello"},
		{"no line feed behind Chinese", "\xb2\xe8", "茶"},
		{"no line feed, size at the end", "hello\x1d!\x00", "hello"},
		{"half a cut", "hello\n\x1dVA", "hello"},
		{"an escape", "hello\n\x1b", "hello"},
		{"half a code", "hello\n\x1d(k\x10\x001P0abc", "hello"},
		{"half a barcode", "hello\n\x1dkI\x20{Babc", "hello"},
		{"a pole display behind the printer", "hello\n\x1b=\x02Total 12.00", "hello"},
		{"a pole display, text before", "hello\x1b=\x02Total 12.00", "hello"},
		{"a pole display and back", "hello\n\x1b=\x02Total 12.00\x1b=\x01", "hello"},
		{"tab stops without end", "hello\n\x1bD\x08\x18", "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
				d := open(t, m, spec("generic-80mm"))
				raw := d.(printer.Raw)
				r, err := raw.PrintRaw(t.Context(), "job", nil, []byte(c.data), false)
				if err != nil || r.Evidence != printer.InOrder {
					t.Errorf("PrintRaw = %+v, %v", r, err)
				}
				synctest.Wait()
				got := slices.DeleteFunc(slices.Clone(m.Lines()), func(s string) bool { return strings.TrimSpace(s) == "" })
				if strings.Join(got, "|") != c.lines {
					t.Errorf("printed %q, want %q", got, c.lines)
				}
				if _, err := d.Print(t.Context(), "next", printer.Doc{printer.Text{Line: "next"}, printer.Cut{}}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if lines := m.Lines(); strings.TrimSpace(lines[len(lines)-1]) != "next" || m.Waiting() != 0 {
					t.Errorf("then %q, %d bytes wait", lines, m.Waiting())
				}
			})
		})
	}
}

// A code whose data are missing would swallow what comes next.
func TestBytesThatLackMuchAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm")).(printer.Raw)
		for _, data := range []string{"\x1d(k\xff\x0f1P0abc", "\x1dv0\x00\x05", "\x1b*"} {
			if r, err := d.PrintRaw(t.Context(), "job", nil, []byte(data), false); fault.KindOf(err) != fault.Refused || r.Started {
				t.Errorf("%q: %+v, %v", data, r, err)
			}
		}
	})
}

// A printer that waits within a command that nobody here knows answers nothing
// behind the bytes; the next job finds it and is printed whole.
func TestBytesThatNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm"))
		if _, err := d.Print(t.Context(), "first", printer.Doc{printer.Text{Line: "first"}, printer.Cut{}}); err != nil {
			t.Fatal(err)
		}
		m.Write([]byte("\x1dv0\x00\x48\x00\x10\x00")) // stands for a command that swallows what follows
		if r, err := d.(printer.Raw).PrintRaw(t.Context(), "job", nil, []byte("raw\n"), false); err != nil || r.Evidence == printer.InOrder {
			t.Errorf("PrintRaw = %+v, %v", r, err)
		}
		if r, err := d.Print(t.Context(), "next", printer.Doc{printer.Text{Line: "next"}, printer.Cut{}}); err != nil || r.Evidence != printer.InOrder {
			t.Errorf("next: %+v, %v", r, err)
		}
		synctest.Wait()
		if lines := m.Lines(); strings.TrimSpace(lines[len(lines)-1]) != "next" {
			t.Errorf("printed %q", lines)
		}
	})
}

// A copy of bytes made elsewhere is marked at the head of each receipt in them.
func TestCopyOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm")).(printer.Raw)
		head := printer.Doc{printer.Text{Line: "COPY"}}
		if _, err := d.PrintRaw(t.Context(), "job", head, []byte("\x1b@one\n\x1dVB\x00\x1b@two\n\x1dV\x00\x1b@!\n\x1dV\x00\n\x1b@"), false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := slices.DeleteFunc(slices.Clone(m.Lines()), func(s string) bool { return s == "" }); strings.Join(got, "|") != "COPY|one|COPY|two|COPY|!" || m.Cuts() != 3 {
			t.Errorf("printed %q with %d cuts", got, m.Cuts())
		}
	})
}
