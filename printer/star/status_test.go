package star

import (
	"testing"

	"tilld/printer"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want printer.Want
		none bool
	}{
		{"\x23\x06\x00\x00\x00\x00\x00\x00\x00", 9, "", false},
		{"\x23\x06\x28\x00\x00\x00\x00\x00\x00", 9, printer.WantCover, false},
		{"\x23\x06\x08\x00\x00\x08\x00\x00\x00", 9, printer.WantPaper, false},
		{"\x23\x06\x08\x08\x00\x00\x00\x00\x00", 9, printer.WantCutter, false},
		{"\x23\x06\x08\x00\x08\x00\x00\x00\x00", 9, printer.WantRepair, false},
		{"\x23\x06\x08\x20\x00\x00\x00\x00\x00", 9, printer.WantRepair, false},
		{"\x23\x06\x08\x00\x02\x00\x00\x00\x00", 9, printer.WantCover, false},
		{"\x23\x06\x08\x40\x00\x00\x00\x00\x00", 9, printer.WantCool, false},
		{"\x23\x11\x06\x08\x13\x40\x00\x00\x00\x00\x00", 11, printer.WantCool, false}, // XON, XOFF
		{"\x23\x06\x00\x00\xff\x00\x00\x00\x00", 1, "", true},                         // no status
		{"\x1b\x1d\x03\x01AB\x11\x00", 8, "", false},
		{"\x1b\x1d\x03\x01AB\x11", 0, "", true},
		{"\x1b\x1d\x03\x05AB\x11\x00", 1, "", true},
		{"\x1b\x1d\x03\x01AB\x11\x01", 1, "", true},
		{"\x23\x06\x08\x00\x00\x00\x00\x00\x00\x23", 9, printer.WantOnline, false},
		{"\x12", 1, "", true},
		{"\x03\x00", 1, "", true},
		{"\x23", 0, "", true},
		{"\x23\x06\x08", 0, "", true},
	} {
		r, n, ok := take([]byte(c.in))
		if n != c.n || ok == c.none {
			t.Errorf("% x: % x, %d", c.in, r.status, n)
			continue
		}
		if r.status != nil && judge(r.status).want != c.want {
			t.Errorf("% x: %q, want %q", c.in, judge(r.status).want, c.want)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte("\x23\x06\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			r, n, ok := take(b)
			if n == 0 {
				if len(b) > 2*maxFrame {
					t.Fatalf("%d bytes are not enough", len(b))
				}
				return
			}
			if ok && r.status != nil {
				judge(r.status)
			}
			b = b[n:]
		}
	})
}
