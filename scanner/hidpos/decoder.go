package hidpos

import (
	"bytes"
	"time"

	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

// decoder makes codes of input reports.
type decoder struct {
	at       layout
	encoding string
	// stream says that the port hands over bytes as they come, not a report at a
	// time: then every report is capturedSize long.
	stream bool
	part   []byte // of a report

	aim    string
	buf    []byte // of a code of which reports are still to come
	open   bool
	broken bool // something of it is missing: drop it whole
	noise  int  // bytes since the last code that made none
	tear   torn.Tear
}

// Feed implements [reading.Decoder].
func (d *decoder) Feed(at time.Time, b []byte) (out []reading.Code) {
	if !d.stream {
		if c, ok := d.report(at, b); ok {
			out = append(out, c)
		}
		return out
	}
	for len(b) > 0 {
		n := min(capturedSize-len(d.part), len(b))
		d.part = append(d.part, b[:n]...)
		b = b[n:]
		if len(d.part) < capturedSize {
			break
		}
		if c, ok := d.report(at, d.part); ok {
			out = append(out, c)
		}
		clear(d.part)
		d.part = d.part[:0]
	}
	return out
}

// Pending implements [reading.Decoder].
func (d *decoder) Pending() bool { return d.open || len(d.part) > 0 }

// Silence implements [reading.Decoder]: a code whose last report does not come
// is half a code.
func (d *decoder) Silence(at time.Time) {
	if d.open {
		d.tear.Begin(append(d.buf, d.part...), at)
	}
	d.noise += len(d.buf) + len(d.part)
	d.reset()
	clear(d.part)
	d.part = d.part[:0]
}

// Hold implements [reading.Decoder].
func (d *decoder) Hold(at time.Time) {
	if d.open && len(d.buf) == 0 {
		d.tear.Hold(missing, false, at)
		return
	}
	d.tear.Hold(d.buf, false, at)
}

// missing stands for a beginning that was not understood.
var missing = []byte{'?'}

// Noise implements [reading.Decoder].
func (d *decoder) Noise() int { return d.noise }

func (d *decoder) reset() {
	clear(d.buf)
	d.buf, d.aim, d.open, d.broken = d.buf[:0], "", false, false
}

// report takes one input report.
func (d *decoder) report(at time.Time, r []byte) (reading.Code, bool) {
	l := d.at
	if len(r) == 0 {
		return reading.Code{}, false
	}
	if l.id != 0 && r[0] != l.id {
		d.noise += len(r) // another report of the device's
		return reading.Code{}, false
	}
	if l.guessed && l.aim+4 <= len(r) && r[l.aim] != ']' && reading.IsAIM(r[l.aim+1:l.aim+4]) {
		l.aim, l.data = l.aim+1, l.data+1
	}
	n := 0
	if l.count < len(r) {
		n = int(r[l.count])
	}
	if l.count >= len(r) || n > l.room || l.data+n > len(r) {
		d.noise += len(r)
		d.broken = true // and what follows of this code with it
		n = 0
	}
	aim := ""
	if l.aim >= 0 && l.aim+3 <= len(r) && reading.IsAIM(r[l.aim:l.aim+3]) {
		aim = string(r[l.aim : l.aim+3])
	}
	more := l.more >= 0 && l.more < len(r) && r[l.more]&l.moreMask != 0
	switch {
	case !d.open:
		d.aim = aim
	case aim != "" && aim != d.aim:
		d.broken = true // the end of one code and the beginning of this are lost
	}
	d.broken = d.broken || len(d.buf)+n > scanner.MaxData+2
	if !d.broken {
		d.buf = append(d.buf, r[l.data:l.data+n]...)
	}
	if more {
		d.open = true
		return reading.Code{}, false
	}
	return d.finish(at)
}

func (d *decoder) finish(at time.Time) (reading.Code, bool) {
	defer d.reset()
	// A suffix that the scanner is set to is part of the data.
	c, ok := reading.Whole(d.aim, bytes.TrimRight(d.buf, "\r\n"), d.encoding)
	if believed := d.tear.Believe(c.Data, false, at); d.broken || !ok || !believed {
		d.noise += 1 + len(d.buf)
		return reading.Code{}, false
	}
	d.noise = 0
	return c, true
}
