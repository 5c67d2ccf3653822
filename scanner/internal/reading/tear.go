package reading

import (
	"bytes"
	"time"

	"tilld/scanner/code"
)

// TearFor is how long an unfinished code casts doubt on the next one. No
// scanner stands still so long in the middle of a code.
const TearFor = 10 * time.Second

// Tear remembers that a code was given up unfinished. What ends next may be the
// rest of it, and the rest of a code can be the number of another article: it
// is only believed with evidence of its own. The zero Tear doubts nothing. It
// holds as much of the unfinished code as it takes to judge, for as long.
type Tear struct {
	half  []byte
	until time.Time
}

// maxHalf is the longest half that can belong to a number with a check digit.
const maxHalf = 14

// Begin notes that half was given up at that time. NULs alone are a break on the
// line, no code.
func (t *Tear) Begin(half []byte, at time.Time) {
	t.end()
	if half = bytes.Trim(half, "\x00\r\n"); len(half) == 0 {
		return
	}
	t.half, t.until = bytes.Clone(half[:min(len(half), maxHalf)]), at.Add(TearFor)
}

// Believe judges the first code that ended after [Tear.Begin], whatever it says
// of it: the next one is in no doubt. framed says that the code's own beginning
// was seen: a configured prefix, an AIM identifier. Otherwise it is a whole code
// if it is an EAN, UPC or GTIN with the right check digit that would not have
// one together with the half before it, or begins as an address does.
func (t *Tear) Believe(payload []byte, framed bool, at time.Time) bool {
	if t.until.IsZero() {
		return true
	}
	defer t.end()
	switch {
	case framed, !at.Before(t.until):
		return true
	case address(payload):
		return true
	default:
		return checks(payload) && !checks(append(bytes.Clone(t.half), payload...))
	}
}

func (t *Tear) end() {
	clear(t.half)
	t.half, t.until = t.half[:0], time.Time{}
}

func address(b []byte) bool {
	head := bytes.ToLower(b[:min(len(b), 8)])
	return bytes.HasPrefix(head, []byte("http://")) || bytes.HasPrefix(head, []byte("https://"))
}

// checks reports whether b has the length of an EAN-8, UPC-A, EAN-13 or GTIN-14
// and its check digit.
func checks(b []byte) bool {
	switch len(b) {
	case 8, 12, 13, 14:
	default:
		return false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return code.CheckDigit(string(b[:len(b)-1])) == b[len(b)-1]
}
