package torn

import (
	"testing"
	"time"
)

func TestNote(t *testing.T) {
	var n note
	for range pieces + 1 {
		n.add(piece{n: 6, digits: true, may: 1 << 19})
	}
	if n.pieces[0].n != 6 || n.pieces[pieces-1].n != tooLong {
		t.Errorf("too many pieces are %v", n.pieces)
	}
	at := now()
	b := n.bytes(7, at)
	if got, when, ok := parseNote(b, 7); !ok || got != n || when != at {
		t.Errorf("read %v, %v, %v", got, when, ok)
	}
	if _, _, ok := parseNote(b, 8); ok {
		t.Error("another address's note is believed")
	}
	for i := range 8 * len(b) {
		b[i/8] ^= 1 << (i % 8)
		if got, _, ok := parseNote(b, 7); ok && got == n {
			t.Errorf("bit %d is flipped, and the note believed", i)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

func TestAge(t *testing.T) {
	m := now()
	m.since -= time.Hour
	if a := m.age(); a < time.Hour || a > 2*time.Hour {
		t.Errorf("an hour ago is %v", a)
	}
	if m.since += 2 * time.Hour; m.age() != 0 { // a clock that was set back
		t.Errorf("later than now is %v", m.age())
	}
	if m.boot++; m.age() < keepFor {
		t.Error("a note of the machine's life before this one is believed")
	}
}
