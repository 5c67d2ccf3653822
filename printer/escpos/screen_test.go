package escpos_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

func TestScreen(t *testing.T) {
	picture := func(data string) string {
		return "\x1dv0\x00" + string([]byte{byte(len(data)), 0, 1, 0}) + data
	}
	for _, c := range []struct {
		name, data string
		refused    bool
	}{
		{"text", "\x1b@hello\n\x1dVB\x00", false},
		{"drawer", "\x1b@hello\n\x1bp\x00\x19\xfa", true},
		{"drawer in the middle of text", "abc\x1bp1\x10\x10", true},
		{"real-time drawer", "a\x10\x14\x01\x00\x01", true},
		{"power off", "a\x10\x14\x02\x01\x08", true},
		{"settings", "\x1d(E\x03\x00\x01IN", true},
		{"picture", picture("abcdefgh"), false},
		{"picture that looks like a drawer", picture("ab\x1bp\x00\x19\xfa"), false},
		{"picture that looks like a real-time drawer", picture("ab\x10\x14\x01\x00\x01"), false},
		{"picture cut short", "\x1dv0\x00\x10\x00\x10\x00abc", true},
		{"large picture cut short", "\x1d8L\xff\xff\xff\xff0p", true},
		{"drawer across the edge of a picture", picture("ab\x1b") + "p\x00\x19\xfa", true},
		{"drawer after a picture", picture("ab") + "\x1bp\x00\x19\xfa", true},
		{"drawer inside a picture that old printers do not know", "\x1d(L\x07\x00ab\x1bp\x00\x19\xfa", false},
		{"double-byte text", "\xd6\x1b\x70", true},
		{"empty", "", false},
	} {
		out, err := escpos.Screen([]byte(c.data), false)
		if c.refused != (fault.KindOf(err) == fault.Refused) {
			t.Errorf("%s: %v, refused must be %v", c.name, err, c.refused)
		}
		if err != nil {
			continue
		}
		if len(out) != len(c.data) {
			t.Errorf("%s: %d bytes became %d", c.name, len(c.data), len(out))
		}
		for _, bad := range []string{"\x1bp", "\x10\x14\x01", "\x10\x14\x02"} {
			if bytes.Contains(out, []byte(bad)) {
				t.Errorf("%s: % x is left in % x", c.name, bad, out)
			}
		}
	}
	if out, err := escpos.Screen([]byte("\x1bp\x00\x19\xfa"), true); err != nil || string(out) != "\x1bp\x00\x19\xfa" {
		t.Errorf("with leave to open the drawer: %q, %v", out, err)
	}
	if _, err := escpos.Screen(make([]byte, escpos.MaxRaw+1), true); fault.KindOf(err) != fault.Refused {
		t.Errorf("a job beyond the limit: %v", err)
	}
}

func TestPrintRaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm")).(printer.Raw)
		r, err := d.PrintRaw(t.Context(), "job", nil, []byte("\x1b@raw\n\x1dVB\x00"), false)
		if err != nil || r.Evidence != printer.InOrder || strings.Join(m.Lines(), "") != "raw" {
			t.Errorf("PrintRaw = %+v, %v, printed %q", r, err, m.Lines())
		}
		r, err = d.PrintRaw(t.Context(), "job", nil, []byte("\x1bp\x00\x19\xfa"), false)
		if fault.KindOf(err) != fault.Refused || r.Started || m.Drawer() != 0 {
			t.Errorf("a drawer kick: %+v, %v, opened %d times", r, err, m.Drawer())
		}
		if _, err = d.PrintRaw(t.Context(), "job", nil, []byte("\x1bp\x00\x19\xfa"), true); err != nil || m.Drawer() != 1 {
			t.Errorf("an allowed kick: %v, opened %d times", err, m.Drawer())
		}
	})
}

// Nothing that passes opens the drawer of a machine that knows every command of
// it, nor of one that takes picture data for commands.
func FuzzScreen(f *testing.F) {
	for _, s := range []string{"\x1b@a\n", "\x1dv0\x00\x02\x00\x02\x00abcd\x1bp\x00\x19\xfa", "\x10\x14\x01\x00\x01", "\x1d(L\x04\x00\x1bp\x00\x01\x01", "\x1b*!\x01\x00\x1bp0", "\x1d8L\x02\x00\x00\x00\x10\x14\x01\x00\x01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := escpos.Screen(data, false)
		if err != nil {
			if fault.KindOf(err) != fault.Refused {
				t.Fatal(err)
			}
			return
		}
		m := &printertest.Machine{Chinese: true}
		m.Write(out)
		blind := &printertest.Machine{Chinese: true}
		for _, b := range out {
			if b == 0x1d { // a machine that knows no GS command
				b = ' '
			}
			blind.Write([]byte{b})
		}
		if m.Drawer() != 0 || blind.Drawer() != 0 {
			t.Fatalf("% x opens the drawer", out)
		}
	})
}
