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
		{"\x23\x06\x08\x00\x02\x00\x00\x00\x00", 9, printer.WantRepair, false},
		{"\x23\x06\x08\x00\x00\x00\x00\x00\x00\x23", 9, printer.WantOnline, false},
		{"\x12", 1, "", true},
		{"\x03\x00", 1, "", true},
		{"\x23", 0, "", true},
		{"\x23\x06\x08", 0, "", true},
	} {
		frame, n := take([]byte(c.in))
		if n != c.n || (frame == nil) != c.none {
			t.Errorf("% x: % x, %d", c.in, frame, n)
			continue
		}
		if frame != nil && judge(frame) != c.want {
			t.Errorf("% x: %q, want %q", c.in, judge(frame), c.want)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte("\x23\x06\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			frame, n := take(b)
			if n == 0 {
				if len(b) > maxFrame {
					t.Fatalf("%d bytes are not enough", len(b))
				}
				return
			}
			if frame != nil {
				judge(frame)
			}
			b = b[n:]
		}
	})
}
