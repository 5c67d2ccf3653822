package wedge

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

// eventSize is struct input_event: two words of time, then type and code (16
// bits each) and value (32 bits).
const eventSize = 2*strconv.IntSize/8 + 8

// decoder makes codes of input events. Only the events' own times count, so
// that it makes no difference how they are chunked or how late they are read.
type decoder struct {
	cfg  settings
	part []byte // of an event

	buf    []byte        // characters of the unfinished code
	broken bool          // something in it was not understood: drop it whole
	last   time.Duration // time of its newest event
	noise  int           // characters since the last code that made none

	shift, ctrl, alt held
	caps             bool
	lost             bool   // the kernel dropped events; ignore the rest of this packet
	number           uint32 // of the ALT code being entered
	digits           int
	high             rune // first half of a surrogate pair, 0 if none

	arrived time.Time // when what is fed arrived
	zero    time.Time // from when the events' times count, known with the first one
	tear    torn.Tear // goes by clock
}

// held says which of a pair of keys (left, right) are down.
type held uint8

func (h *held) set(bit held, down bool) {
	*h &^= bit
	if down {
		*h |= bit
	}
}

// Feed implements [reading.Decoder].
func (d *decoder) Feed(at time.Time, b []byte) (out []reading.Code) {
	d.arrived = at
	for len(b) > 0 {
		n := min(eventSize-len(d.part), len(b))
		d.part = append(d.part, b[:n]...)
		b = b[n:]
		if len(d.part) < eventSize {
			break
		}
		if c, ok := d.event(d.part); ok {
			out = append(out, c)
		}
		clear(d.part)
		d.part = d.part[:0]
	}
	return out
}

// Pending implements [reading.Decoder].
func (d *decoder) Pending() bool { return len(d.buf) > 0 || d.broken || d.digits > 0 || d.high != 0 }

// Silence implements [reading.Decoder].
func (d *decoder) Silence(time.Time) { d.abandon() }

// Hold implements [reading.Decoder].
func (d *decoder) Hold(time.Time) {
	if d.broken {
		d.tear.Hold(missing, false, d.clock())
		return
	}
	d.tear.Hold(d.buf, false, d.clock())
}

// missing stands for a beginning that was not understood.
var missing = []byte{'?'}

// Noise implements [reading.Decoder].
func (d *decoder) Noise() int { return d.noise }

func (d *decoder) event(b []byte) (reading.Code, bool) {
	var sec, usec int64
	if strconv.IntSize == 64 {
		sec, usec = int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
	} else {
		sec, usec = int64(binary.LittleEndian.Uint32(b)), int64(binary.LittleEndian.Uint32(b[4:]))
	}
	at := time.Duration(sec)*time.Second + time.Duration(usec)*time.Microsecond
	if d.zero.IsZero() {
		d.zero = d.arrived.Add(-at)
	}
	b = b[eventSize-8:]
	kind, code, value := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
	switch {
	case kind == evSyn && code == synDropped:
		d.lose()
	case kind == evSyn && code == synReport:
		d.lost = false
	case kind == evKey && value <= 1 && !d.lost: // 2 is a key that repeats by itself
		return d.key(at, code, value == 1)
	}
	return reading.Code{}, false
}

// lose is called when the kernel's buffer has run over: what is held may lack
// characters, and which keys are down is not known.
func (d *decoder) lose() {
	d.lost, d.broken = true, true
	d.shift, d.ctrl, d.alt = 0, 0, 0
	d.digits, d.high = 0, 0
}

func (d *decoder) key(at time.Duration, code uint16, down bool) (reading.Code, bool) {
	if d.Pending() && (at < d.last || at-d.last > d.cfg.gap) {
		d.abandon()
	}
	d.last = at
	switch code {
	case keyLeftShift:
		d.shift.set(1, down)
	case keyRightShift:
		d.shift.set(2, down)
	case keyLeftCtrl:
		d.ctrl.set(1, down)
	case keyRightCtrl:
		d.ctrl.set(2, down)
	case keyLeftAlt, keyRightAlt:
		return d.altKey(code, down)
	default:
		if down {
			return d.press(code)
		}
	}
	return reading.Code{}, false
}

func (d *decoder) press(code uint16) (reading.Code, bool) {
	switch {
	case code == keyNumLock, code == keyScrollLock, code == keyLeftMeta, code == keyRightMeta:
	case code == keyCapsLock:
		d.caps = !d.caps
	case d.alt != 0:
		digit, ok := keypad(code)
		d.number, d.digits = 10*d.number+digit, d.digits+1
		d.broken = d.broken || !ok || d.digits > 8
	case code == keyEnter, code == keyKPEnter:
		return d.put('\r')
	default:
		c := character(code, d.shift != 0, d.caps, d.ctrl != 0)
		if c == 0 {
			d.broken = true
			d.noise++
			break
		}
		return d.put(c)
	}
	return reading.Code{}, false
}

// altKey begins and ends an ALT code.
func (d *decoder) altKey(code uint16, down bool) (reading.Code, bool) {
	bit := held(1)
	if code == keyRightAlt {
		bit = 2
	}
	was := d.alt
	d.alt.set(bit, down)
	if was == 0 || d.alt != 0 || d.digits == 0 {
		if was == 0 {
			d.number, d.digits = 0, 0
		}
		return reading.Code{}, false
	}
	n := d.number
	d.number, d.digits = 0, 0
	switch {
	case n == 0 || d.broken:
		d.broken = true
	case n < 0x80:
		return d.put(byte(n))
	case !d.cfg.unicode && n <= 0xff:
		return d.put(byte(n))
	case !d.cfg.unicode && n <= 0xffff:
		d.append(byte(n>>8), byte(n))
	case !d.cfg.unicode || n > utf8.MaxRune:
		d.broken = true
	default:
		d.rune(rune(n))
	}
	return reading.Code{}, false
}

// rune adds a Unicode character, of which UTF-16 may send two halves.
func (d *decoder) rune(r rune) {
	switch high := d.high; {
	case high != 0:
		d.high = 0
		if r = utf16.DecodeRune(high, r); r == utf8.RuneError {
			d.broken = true
			return
		}
	case r >= 0xd800 && r < 0xdc00:
		d.high = r
		return
	case r >= 0xdc00 && r < 0xe000:
		d.broken = true
		return
	}
	d.append(utf8.AppendRune(nil, r)...)
}

// put adds a character or, when it is one that ends a code, ends it.
func (d *decoder) put(c byte) (reading.Code, bool) {
	if d.cfg.enter && (c == '\r' || c == '\n') || d.cfg.tab && c == '\t' {
		return d.finish()
	}
	d.broken = d.broken || d.high != 0
	d.append(c)
	return reading.Code{}, false
}

func (d *decoder) append(b ...byte) {
	if d.broken = d.broken || len(d.buf)+len(b) > scanner.MaxData+3; d.broken {
		d.noise += len(d.buf) + len(b)
		d.wipe()
		return
	}
	d.buf = append(d.buf, b...)
}

// finish makes a code of the characters held and starts the next one.
func (d *decoder) finish() (reading.Code, bool) {
	broken := d.broken || d.high != 0
	raw, aim := d.buf, ""
	if d.cfg.aim {
		aim, raw = reading.CutAIM(raw)
	}
	c, ok := reading.Whole(aim, raw, d.cfg.encoding)
	if believed := d.tear.Believe(c.Data, aim != "", d.clock()); broken || !ok || !believed {
		d.noise += 1 + len(d.buf)
		c, ok = reading.Code{}, false
	} else {
		d.noise = 0
	}
	d.wipe()
	d.broken, d.high = false, 0
	return c, ok
}

// abandon drops a code that did not go on: half a code can be the number of
// another article.
func (d *decoder) abandon() {
	if d.broken {
		d.buf = append(d.buf, '?') // what it began with is gone
	}
	d.tear.Begin(d.buf, d.clock())
	d.noise += len(d.buf)
	d.wipe()
	d.broken, d.high, d.digits, d.number = false, 0, 0, 0
}

// clock is when the newest event was: the events' own times, as far from one
// another as they say, and as far from now as the first one was. What was in doubt
// before this decoder was by the agent's clock.
func (d *decoder) clock() time.Time { return d.zero.Add(d.last) }

func (d *decoder) wipe() {
	clear(d.buf)
	d.buf = d.buf[:0]
}
