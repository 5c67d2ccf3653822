package sim_test

import (
	"fmt"
	"testing"

	"tilld/internal/sim"
)

// Sequences of the CD5220 manual.
func TestPole(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		want        [2]string
		unknown     int
	}{
		{"string mode", "\x1b@\x0c\x1bQAOolong tea\r\x1bQB12.00\r", [2]string{"Oolong tea          ", "12.00               "}, 0},
		{"shorter text leaves nothing", "\x1bQAlong long text\r\x1bQAab\r", [2]string{"ab                  ", "                    "}, 0},
		{"text beyond the line is lost", "\x1bQA12345678901234567890XYZ\r", [2]string{"12345678901234567890", "                    "}, 0},
		{"cursor", "\x0c\x1bl\x13\x01ab\x1f$\x01\x02cd", [2]string{"                  ab", "cd                  "}, 0},
		{"wraps", "\x0c\x1bl\x14\x01xyz", [2]string{"                   x", "yz                  "}, 0},
		{"clear line", "one\x0atwo\x18x", [2]string{"one                 ", "x                   "}, 0},
		{"set-up", "\x1b*\x04\x1b_\x00\x1bc\x00\x1f\x01ok", [2]string{"ok                  ", "                    "}, 0},
		{"not a command", "\x1b\x01a\x03b", [2]string{"ab                  ", "                    "}, 2},
		{"cursor off the glass", "\x1bl\x15\x01a", [2]string{"a                   ", "                    "}, 1},
	} {
		for _, torn := range []bool{false, true} {
			p := sim.NewPole()
			if torn {
				for i := range len(tt.bytes) {
					p.Feed([]byte{tt.bytes[i]})
				}
			} else {
				p.Feed([]byte(tt.bytes))
			}
			if got := p.Rows(); got != tt.want || p.Unknown() != tt.unknown {
				t.Errorf("%s (torn %v): %q, %d unknown; want %q, %d", tt.name, torn, got, p.Unknown(), tt.want, tt.unknown)
			}
		}
	}
}

// Sequences of the other families' manuals.
func TestPoleFamilies(t *testing.T) {
	blank := "                    "
	for _, tt := range []struct {
		family  string
		chinese bool
		bytes   string
		want    [2]string
		unknown int
	}{
		{"epson", false, "\x1b@\x1f$\x01\x02low\x1f$\x03\x01up", [2]string{"  up                ", "low                 "}, 0},
		{"epson", false, "a\x1b=\x01lost\x1b@\x1b=\x02b\x1b=\x03c", [2]string{"abc                 ", blank}, 0},
		{"epson", false, "\x1bQAno such string\r\x0cok", [2]string{"ok                  ", blank}, 1},
		{"epson", false, "\x1f\x00\x00ok", [2]string{"ok                  ", blank}, 1},
		{"epson", true, "\xb2\xe8 12.00", [2]string{"茶 12.00            ", blank}, 0},
		{"epson", false, "\xb2\xe8", [2]string{"²è                  ", blank}, 0},
		{"dsp800", false, "\x04\x01%\x17\x04\x01PE\x17low\x04\x01P1\x17up", [2]string{"up                  ", "low                 "}, 0},
		{"dsp800", false, "abcdef\x04\x01C24\x17", [2]string{"a   ef              ", blank}, 0},
		{"dsp800", false, "ab\x04\x01C1\x17\x04\x01P1\x17x", [2]string{"xb                  ", blank}, 1},
		{"dsp800", false, "\x04\x01PZ\x17a\x04\x02b", [2]string{"ab                  ", blank}, 2},
		{"utc", false, "junk\x1f\x10\x14low\x10\x00up\x14", [2]string{"up                  ", "low                 "}, 0},
		{"utc", false, "\x1buAnot yet\r\x1f\x1bd\x1buAnow\r\x1buBlow\r", [2]string{"now                 ", "low                 "}, 1},
		{"utc", false, "\x04\x40a\x10\x28b", [2]string{"ab                  ", blank}, 1},
	} {
		for _, torn := range []bool{false, true} {
			p, err := sim.NewPoleOf(tt.family, tt.chinese)
			if err != nil {
				t.Fatal(err)
			}
			if torn {
				for i := range len(tt.bytes) {
					p.Feed([]byte{tt.bytes[i]})
				}
			} else {
				p.Feed([]byte(tt.bytes))
			}
			if got := p.Rows(); got != tt.want || p.Unknown() != tt.unknown {
				t.Errorf("%s %q (torn %v): %q, %d unknown; want %q, %d", tt.family, tt.bytes, torn, got, p.Unknown(), tt.want, tt.unknown)
			}
		}
	}
	if _, err := sim.NewPoleOf("dps800", false); err == nil {
		t.Error("a family that there is not: no error")
	}
}

// Sequences of the LED8N manual.
func TestLED8(t *testing.T) {
	for _, tt := range []struct {
		bytes, want, lamps string
		unknown            int
	}{
		{"\x1b@\x1bs2\x1bQA128.00\r", "128.00", "[total]", 0},
		{"\x02L1001\x1bQA-5\r\x02B2", "-5", "[price change]", 0},
		{"\x1bQA123456789\r", "", "[]", 1},
		{"\x1bQA8.8.8.8.8.8.8.8\r", "8.8.8.8.8.8.8.8", "[]", 0},
		{"\x1bQAabc\r", "", "[]", 1},
		{"\x1bQA12\x0c\x1bQA3\r", "3", "[]", 1},
		{"\x1bQA12\r\x18\x1bs4", "", "[change]", 0},
		{"12\x1bx", "", "[]", 3},
	} {
		for _, torn := range []bool{false, true} {
			l := sim.NewLED8()
			if torn {
				for i := range len(tt.bytes) {
					l.Feed([]byte{tt.bytes[i]})
				}
			} else {
				l.Feed([]byte(tt.bytes))
			}
			if got := fmt.Sprint(l.Lamps()); l.Text() != tt.want || got != tt.lamps || l.Unknown() != tt.unknown {
				t.Errorf("%q (torn %v): %q %s, %d unknown; want %q %s, %d", tt.bytes, torn, l.Text(), got, l.Unknown(), tt.want, tt.lamps, tt.unknown)
			}
		}
	}
}

// The commands of the makers' example program.
func TestQRScreen(t *testing.T) {
	for _, tt := range []struct {
		bytes   string
		codes   string
		texts   [3]string
		unknown int
	}{
		{"JUMP(1);QBAR(0,https://pay.example/p1);SET_TXT(0,\xb2\xe8);SET_TXT(2,12.00);\r\n", "[https://pay.example/p1]", [3]string{"茶", "", "12.00"}, 0},
		{"JUMP(1);QBAR(0,x);\r\nJUMP(0);\r\n", "[]", [3]string{}, 0},
		{"JUMP(1);QBAR(0,x);", "[]", [3]string{}, 0}, // the line is not at its end
		{"BL(20);JUMP(7);QBAR(1,x);nonsense;\r\n", "[]", [3]string{}, 3},
	} {
		s := sim.NewQRScreen()
		for i := range len(tt.bytes) {
			s.Feed([]byte{tt.bytes[i]})
		}
		if codes := fmt.Sprint(s.Codes()); codes != tt.codes || s.Texts() != tt.texts || s.Unknown() != tt.unknown {
			t.Errorf("%q: %s %q, %d unknown; want %s %q, %d", tt.bytes, codes, s.Texts(), s.Unknown(), tt.codes, tt.texts, tt.unknown)
		}
	}
}
