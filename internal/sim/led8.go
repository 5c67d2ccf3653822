package sim

import (
	"io"
	"slices"
	"strings"
	"sync"
)

// LED8 is a display of eight digits and four lamps with the command set of the
// LED8N user's manual.
type LED8 struct {
	mu      sync.Mutex
	text    string // digits, '-' and '.'
	lamps   [4]bool
	buf     []byte
	unknown int
	changed chan struct{}
}

// NewLED8 returns a dark display.
func NewLED8() *LED8 { return &LED8{changed: make(chan struct{})} }

// Text returns what the digits show, without blanks.
func (l *LED8) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

// Lamps returns the names of the lamps that are lit: price, total, collect, change.
func (l *LED8) Lamps() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lit := []string{}
	for i, name := range []string{"price", "total", "collect", "change"} {
		if l.lamps[i] {
			lit = append(lit, name)
		}
	}
	return lit
}

// Changed returns a channel that is closed at the next change.
func (l *LED8) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Unknown counts bytes that mean nothing to the display.
func (l *LED8) Unknown() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unknown
}

// Run shows what comes over the line until it ends.
func (l *LED8) Run(line io.Reader) error { return run(line, l.Feed) }

// Feed takes bytes as they come; a torn command waits for its rest.
func (l *LED8) Feed(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b...)
	for len(l.buf) > 0 {
		n := l.obey(l.buf)
		if n == 0 {
			break
		}
		l.buf = l.buf[n:]
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *LED8) obey(b []byte) int {
	switch b[0] {
	case 0x0C, 0x18: // CLR, CAN: one line, so both clear it
		l.text = ""
	case 0x0D:
	case 0x02:
		return l.stx(b)
	case 0x1B:
		return l.escape(b)
	default:
		l.unknown++
	}
	return 1
}

// stx handles STX L d d d d (lamps) and STX B n (speed).
func (l *LED8) stx(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] == 'B':
		return params(b, 3)
	case b[1] != 'L':
		l.unknown++
		return 2
	case len(b) < 6:
		return 0
	}
	for i, d := range b[2:6] {
		l.lamps[i] = d == '1'
	}
	return 6
}

func (l *LED8) escape(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] == '@':
		l.text, l.lamps = "", [4]bool{}
		return 2
	case b[1] == 's':
		if len(b) >= 3 {
			l.lamps = [4]bool{}
			if n := int(b[2]) - '1'; n >= 0 && n < 4 {
				l.lamps[n] = true
			}
		}
		return params(b, 3)
	case b[1] == 'Q':
		return l.number(b)
	}
	l.unknown++
	return 2
}

// number handles ESC Q A d… CR: at most eight digits, 15 bytes with points.
func (l *LED8) number(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	end := slices.IndexFunc(b[3:], func(c byte) bool { return c == 0x0C || c == 0x0D || c == 0x18 })
	if end < 0 {
		if len(b) > 3+32 {
			l.unknown++
			return len(b)
		}
		return 0
	}
	text := string(b[3 : 3+end])
	if b[3+end] != 0x0D {
		l.unknown++
		return 3 + end
	}
	if b[2] != 'A' || strings.Trim(text, "0123456789-.") != "" || len(text)-strings.Count(text, ".") > 8 || len(text) > 15 {
		l.unknown++
	} else {
		l.text = text
	}
	return 4 + end
}
