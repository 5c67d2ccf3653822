package sim_test

import (
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
