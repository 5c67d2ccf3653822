package reading

import (
	"bytes"
	"time"

	"tilld/scanner/code"
)

// TearFor is how long an unfinished code casts doubt on the next one. No
// scanner stands still so long in the middle of a code.
const TearFor = 10 * time.Second

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
// is only believed with evidence of its own. The zero Tear doubts nothing. It
// holds as much of the unfinished code as it takes to judge, for as long.
type Tear struct {
	half   []byte
	starts []int // of the pieces in half: the rest may belong to the last ones only
	long   bool  // more came than is held
	noise  bool  // what was given up was no code
	until  time.Time
}

// Begin notes that half was given up at that time; a piece given up before,
// still in doubt, may belong to it. Control characters, and bytes that no text
// begins with, are what a cable that is plugged in sends, not half a code.
func (t *Tear) Begin(half []byte, at time.Time) {
	for len(half) > 0 && glitch(half[0]) {
		half = half[1:]
	}
	for len(half) > 0 && glitch(half[len(half)-1]) {
		half = half[:len(half)-1]
	}
	if len(half) == 0 {
		return
	}
	if t.until.IsZero() || !at.Before(t.until) || t.noise {
		t.end()
	}
	t.until = at.Add(TearFor)
	if len(t.starts) == pieces {
		t.long = true
		return
	}
	t.long = t.long || len(half) > held
	t.starts = append(t.starts, len(t.half))
	t.half = append(t.half, half[:min(len(half), held)]...)
}

func glitch(b byte) bool { return b < ' ' && b != 0x1d || b == 0x7f || b == 0x80 || b == 0xff }

// Noise notes that something was given up which is longer than any code, or
// cannot be the beginning of one.
func (t *Tear) Noise(at time.Time) {
	t.end()
	t.noise, t.until = true, at.Add(TearFor)
}

// Believe judges the first code that ended after [Tear.Begin], whatever it says
// of it: the next one is in no doubt. framed says that the code's own beginning
// was seen: a configured prefix, an AIM identifier. Otherwise it is a whole code
// if it begins as an address does, if it begins with the half, being the same
// code read again, or if it is an EAN, UPC or GTIN with the right check digit
// after what can only have been the half of another.
func (t *Tear) Believe(payload []byte, framed bool, at time.Time) bool {
	if t.until.IsZero() {
		return true
	}
	defer t.end()
	switch {
	case framed, !at.Before(t.until), address(payload):
		return true
	case t.noise:
		return checks(payload)
	}
	fits := checks(payload)
	for _, from := range t.starts {
		half := t.half[from:]
		if len(half) >= again && bytes.HasPrefix(payload, half) && bytes.Count(half, half[:1]) < len(half) {
			return true
		}
		fits = fits && !t.long && beside(half, payload)
	}
	return fits
}

// beside reports whether a number with its check digit is one of its own after
// half, rather than the end of something longer: one digit in ten fits by
// chance. Halves of EANs are common, and so is a whole one after them; but the
// two must not have the length of a number with a check digit, nor look like a
// shopper's auth code, and the end of a text proves nothing.
func beside(half, number []byte) bool {
	if len(half) > maxHalf || !digits(half) || checked(len(half)+len(number)) {
		return false
	}
	both := append(bytes.Clone(half), number...)
	defer clear(both)
	return code.DefaultRules().Classify(code.AwaitingPayment, "", both).Kind != code.AuthCode
}

func (t *Tear) end() {
	clear(t.half)
	*t = Tear{half: t.half[:0], starts: t.starts[:0]}
}

func address(b []byte) bool {
	head := bytes.ToLower(b[:min(len(b), 8)])
	return bytes.HasPrefix(head, []byte("http://")) || bytes.HasPrefix(head, []byte("https://"))
}

// checks reports whether b has the length of an EAN-8, UPC-A, EAN-13 or GTIN-14
// and its check digit.
func checks(b []byte) bool {
	return checked(len(b)) && digits(b) && code.CheckDigit(string(b[:len(b)-1])) == b[len(b)-1]
}

// checked reports whether numbers of n digits have a check digit.
func checked(n int) bool { return n == 8 || n >= 12 && n <= 14 }

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
