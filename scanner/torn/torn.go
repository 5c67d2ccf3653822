// Package torn remembers codes that were given up unfinished. Half a code can be
// the number of another article, and so can its other half, should it still come:
// the first code after a torn one is judged, not believed.
package torn

import (
	"bytes"
	"time"
)

// For is how long an unfinished code casts doubt on the next one. No scanner
// stands still so long in the middle of a code.
const For = 10 * time.Second

const (
	// held is how much of an unfinished code is kept, and pieces in how many parts
	// it may have come.
	held, pieces = 64, 8
	// maxHalf is the longest beginning of a number with a check digit that lacks
	// its end.
	maxHalf = 13
	// again is how much of a code has to be repeated to know it.
	again = 6
)

// Tear remembers that a code was given up unfinished. What ends next may be the
// rest of it, and the rest of a code can be the number of another article: it
// is only believed with evidence of its own. The zero Tear doubts nothing, and
// remembers nothing beyond its own life; [Memory.Take] gives one that does. It
// holds as much of the unfinished code as it takes to judge, for as long.
type Tear struct {
	half   []byte
	starts []int // of the pieces in half: the rest may belong to the last ones only
	long   bool  // more came than is held
	noise  bool  // what was given up was no code
	until  time.Time

	older []piece // halves of the agent's life before this one
	m     *Memory
	name  string
	life  uint64 // which Take this is
	left  note   // what is left for the agent's next life
}

// Begin notes that half was given up at that time; a piece given up before,
// still in doubt, may belong to it. Control characters, and bytes that no text
// begins with, are what a cable that is plugged in sends, not half a code.
func (t *Tear) Begin(half []byte, at time.Time) {
	if half = trim(half); len(half) == 0 {
		return
	}
	t.m.tell(t.name)
	if !t.doubts(at) || t.noise {
		t.end()
	}
	t.until = at.Add(For)
	for i := range t.older {
		t.older[i] = t.older[i].and(half)
	}
	if len(t.starts)+len(t.older) >= pieces {
		t.long = true
		return
	}
	t.long = t.long || len(half) > held
	t.starts = append(t.starts, len(t.half))
	t.half = append(t.half, half[:min(len(half), held)]...)
}

func (t *Tear) doubts(at time.Time) bool { return !t.until.IsZero() && at.Before(t.until) }

func trim(half []byte) []byte {
	for len(half) > 0 && glitch(half[0]) {
		half = half[1:]
	}
	for len(half) > 0 && glitch(half[len(half)-1]) {
		half = half[:len(half)-1]
	}
	return half
}

func glitch(b byte) bool { return b < ' ' && b != 0x1d || b == 0x7f || b == 0x80 || b == 0xff }

// Noise notes that something was given up which is longer than any code, or
// cannot be the beginning of one.
func (t *Tear) Noise(at time.Time) {
	t.end()
	t.noise, t.until = true, at.Add(For)
}

// Believe judges the first code that ended after [Tear.Begin], whatever it says
// of it: the next one is in no doubt. framed says that the code's own beginning
// was seen: a configured prefix, an AIM identifier. Otherwise it is a whole code
// if it begins as an address does, if it begins with the half, being the same
// code read again, or if it is an EAN, UPC or GTIN with the right check digit, of
// an article in the price book where there is one, after what can only have been
// the half of another.
func (t *Tear) Believe(payload []byte, framed bool, at time.Time) bool {
	ok := t.judge(payload, framed, at)
	t.end()
	if len(payload) == 0 {
		return ok
	}
	if ok {
		t.m.learn(payload)
	} else {
		t.m.tell(t.name)
	}
	return ok
}

func (t *Tear) judge(payload []byte, framed bool, at time.Time) bool {
	switch {
	case !t.doubts(at), framed, address(payload):
		return true
	case t.noise:
		return checks(payload)
	}
	fits := checks(payload) && !t.long
	for _, p := range t.older {
		fits = fits && p.beside(len(payload))
	}
	for _, from := range t.starts {
		half := t.half[from:]
		if len(half) >= again && bytes.HasPrefix(payload, half) && bytes.Count(half, half[:1]) < len(half) {
			return true
		}
		fits = fits && t.m.beside(half, payload)
	}
	return fits && t.m.goods(payload)
}

func (t *Tear) end() {
	clear(t.half)
	t.half, t.starts, t.older = t.half[:0], t.starts[:0], nil
	t.long, t.noise, t.until = false, false, time.Time{}
}

// Hold leaves a note, for the case that the agent is killed now, of what is in
// doubt and of half, the bytes of a code that has not ended yet (too much of it
// for a code: noise). The note says how long they are and what kind of code they
// may be of; of their characters it holds none. Drivers call Hold when they have
// taken what arrived, before they emit what it completed.
func (t *Tear) Hold(half []byte, noise bool, at time.Time) {
	if t.m == nil || t.m.o.Dir == "" {
		return
	}
	n := t.note(trim(half), noise, at)
	if n == (note{}) && t.left == n {
		return // as nearly always
	}
	t.left = n
	t.m.write(t, n)
}

func (t *Tear) note(half []byte, noise bool, at time.Time) (n note) {
	doubt := t.doubts(at)
	if n.noise = noise || doubt && t.noise && len(half) == 0; n.noise {
		return n
	}
	if doubt && !t.noise {
		for _, p := range t.older {
			n.add(p.and(half))
		}
		for _, from := range t.starts {
			p := t.m.piece(t.half[from:])
			if t.long {
				p.n = tooLong
			}
			n.add(p.and(half))
		}
	}
	if len(half) > 0 {
		n.add(t.m.piece(half))
	}
	return n
}
