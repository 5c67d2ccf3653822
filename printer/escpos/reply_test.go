package escpos

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tilld/printer"
)

func show(list []reply) string {
	var s []string
	for _, r := range list {
		s = append(s, fmt.Sprintf("%s %x", [...]string{"realtime", "inorder", "asb", "processed", "block"}[r.kind], r.data))
	}
	return strings.Join(s, ", ")
}

func TestReplies(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"real time", "\x12", "realtime 12"},
		{"real time, drawer high", "\x16", "realtime 16"},
		{"paper out", "\x72", "realtime 72"},
		{"in order", "\x00", "inorder 00"},
		{"in order, paper low", "\x03", "inorder 03"},
		{"process id", "\x37\x220042\x00", "processed 30303432"},
		{"status back", "\x14\x00\x00\x0f", "asb 1400000f"},
		{"flow control inside a status", "\x14\x13\x00\x11\x00\x0f", "asb 1400000f"},
		{"flow control alone", "\x11\x13\x12", "realtime 12"},
		{"font", "_CHINA GB18030\x00\x12", "block 5f4348494e41204742313830333" + "0, realtime 12"},
		{"power off notice", "\x3b0\x00\x12", "block 3b30, realtime 12"},
		{"all in one", "\x14\x00\x00\x0f\x12\x37\x220001\x00\x00", "asb 1400000f, realtime 12, processed 30303031, inorder 00"},
		{"status that is none", "\x10\xff\x12", "realtime 12"},
		{"noise", "\xff\x80\x12", "realtime 12"},
		{"half a block", "\x37\x22", ""},
		{"half a status", "\x14\x00", ""},
		{"block that never ends", strings.Repeat("_", 200) + "\x00\x12", "block " + strings.Repeat("5f", 127) + ", realtime 12"},
	} {
		var whole, pieces decoder
		if got := show(whole.feed([]byte(c.in))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		var list []reply
		for i := range len(c.in) {
			list = append(list, pieces.feed([]byte{c.in[i]})...)
		}
		if got := show(list); got != c.want {
			t.Errorf("%s, byte by byte: %s, want %s", c.name, got, c.want)
		}
	}
}

// How the stream is cut does not matter, nothing is kept for ever.
func FuzzReplies(f *testing.F) {
	f.Add([]byte("\x14\x00\x00\x0f\x12\x37\x220001\x00\x00_x\x00"), 3)
	f.Add([]byte("\x10\x10\x10\x11\x13\x37"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var one, two decoder
		want := one.feed(data)
		var got []reply
		cut = min(max(cut, 1), 64)
		for part := range slices.Chunk(data, cut) {
			got = append(got, two.feed(part)...)
		}
		if show(got) != show(want) {
			t.Fatalf("%s in pieces, %s as a whole", show(got), show(want))
		}
		if len(one.buf) >= maxBlock && len(one.buf) > len(data) {
			t.Fatalf("%d bytes are kept", len(one.buf))
		}
	})
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name           string
		n1, n2, n3, n4 byte
		want           printer.Want
		low            bool
	}{
		{"good", 0x16, 0x12, 0x12, 0x12, "", false},
		{"cover", 0x1a, 0x16, 0x12, 0x12, printer.WantCover, false},
		{"paper", 0x1a, 0x32, 0x12, 0x72, printer.WantPaper, false},
		{"paper by n=4 alone", 0x12, 0, 0, 0x72, printer.WantPaper, false},
		{"cutter", 0x1a, 0x52, 0x1a, 0x12, printer.WantCutter, false},
		{"hot", 0x1a, 0x52, 0x52, 0x12, printer.WantCool, false},
		{"broken", 0x1a, 0x52, 0x32, 0x12, printer.WantRepair, false},
		{"offline", 0x1a, 0x12, 0x12, 0x12, printer.WantOnline, false},
		{"low", 0x12, 0x12, 0x12, 0x1e, "", true},
	} {
		if got := judge(c.n1, c.n2, c.n3, c.n4); got != (health{c.want, c.low, c.n1&0x04 != 0}) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	for _, c := range []struct {
		b    [4]byte
		want printer.Want
	}{
		{[4]byte{0x10, 0, 0, 0}, ""},
		{[4]byte{0x38, 0, 0, 0}, printer.WantCover},
		{[4]byte{0x18, 0, 0x0f, 0}, printer.WantPaper},
		{[4]byte{0x18, 0x08, 0, 0}, printer.WantCutter},
		{[4]byte{0x18, 0x20, 0, 0}, printer.WantRepair},
		{[4]byte{0x18, 0x40, 0, 0}, printer.WantCool},
		{[4]byte{0x18, 0, 0, 0}, printer.WantOnline},
	} {
		if got := judgeASB(c.b[:]); got.want != c.want {
			t.Errorf("%x: %q, want %q", c.b, got.want, c.want)
		}
	}
}

func TestScrub(t *testing.T) {
	for _, s := range []string{"\x10\x04\x01", "a\x10\x05\x00b", "\x10\x14\x01\x00\x01", "\x10\x10\x04\x02", "\x10\x14\x08"} {
		b := []byte(s)
		if scrub(b) != 1 || scrub(b) != 0 {
			t.Errorf("% x became % x", s, b)
		}
	}
	for _, s := range []string{"\x10\x04\x00", "\x10\x04", "\x11\x04\x01", ""} {
		if b := []byte(s); scrub(b) != 0 || string(b) != s {
			t.Errorf("% x became % x", s, b)
		}
	}
}
