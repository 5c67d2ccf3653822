package ssi

import (
	"bytes"
	"hash/maphash"
	"time"

	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

// decoder makes codes of packets and answers each.
type decoder struct {
	cfg   Config
	reply func(frame []byte)

	buf  []byte // of an unfinished packet
	bad  bool   // it cannot be one: drop everything up to the next silence
	seed maphash.Seed
	last uint64 // hash of the last packet that was acknowledged; 0: none

	kind   byte // of the unfinished code
	code   []byte
	open   bool // more packets of it are to come
	broken bool
	quiet  int // silences since its last packet
	noise  int // bytes since the last code that made none
	tear   torn.Tear
}

func newDecoder(c Config, reply func([]byte)) *decoder {
	return &decoder{cfg: c, reply: reply, seed: maphash.MakeSeed()}
}

// Feed implements [reading.Decoder].
func (d *decoder) Feed(at time.Time, b []byte) (out []reading.Code) {
	for _, c := range b {
		if d.bad || len(d.buf) == 0 && c == 0 { // a NUL wakes the other side up
			d.noise++
			continue
		}
		d.buf = append(d.buf, c)
		n := int(d.buf[0])
		switch {
		case n < 4:
			d.spoil()
		case len(d.buf) < n+2:
		case checksum(d.buf[:n]) != uint16(d.buf[n])<<8|uint16(d.buf[n+1]):
			d.spoil()
		default:
			if code, ok := d.packet(at, d.buf[:n]); ok {
				out = append(out, code)
			}
			d.drop()
		}
	}
	return out
}

// Pending implements [reading.Decoder].
func (d *decoder) Pending() bool { return len(d.buf) > 0 || d.bad || d.open }

// Silence implements [reading.Decoder]. A packet that is not whole is asked for
// again: the scanner waits for an answer before it goes on.
func (d *decoder) Silence(at time.Time) {
	if len(d.buf) > 0 || d.bad {
		d.noise += len(d.buf)
		d.drop()
		d.bad, d.last = false, 0 // what is sent again has not been seen whole
		d.reply(packet(opNak, nakResend))
		return
	}
	if d.quiet++; d.quiet >= maxQuiet {
		d.forget(at)
	}
}

// maxQuiet is how long the next packet of a code may take, in silences: two
// seconds as delivered.
const maxQuiet = 10

// Hold implements [reading.Decoder]. A packet that is not whole is no part of a
// code yet: the scanner sends it again.
func (d *decoder) Hold(at time.Time) {
	if d.open && len(d.code) == 0 {
		d.tear.Hold(missing, false, at)
		return
	}
	d.tear.Hold(d.code, false, at)
}

// missing stands for a first packet that was empty: what follows is not known.
var missing = []byte{'?'}

// Noise implements [reading.Decoder].
func (d *decoder) Noise() int { return d.noise }

// spoil drops everything up to the next silence. What looks like a packet in the
// middle of damage may be the contents of a code.
func (d *decoder) spoil() {
	d.noise += len(d.buf)
	d.drop()
	d.bad = true
}

func (d *decoder) drop() {
	clear(d.buf)
	d.buf = d.buf[:0]
}

func (d *decoder) forget(at time.Time) {
	if d.open {
		if len(d.code) == 0 {
			d.code = append(d.code, missing...)
		}
		d.tear.Begin(d.code, at)
	}
	d.noise += len(d.code)
	clear(d.code)
	d.code, d.open, d.broken, d.quiet = d.code[:0], false, false, 0
}

// packet acts on a whole packet, given without its checksum.
func (d *decoder) packet(at time.Time, p []byte) (reading.Code, bool) {
	op, source, status := p[1], p[2], p[3]
	if source != fromScanner || op == opAck || op == opNak {
		d.noise += len(p) // our own echo, or an answer to a beep
		return reading.Code{}, false
	}
	p[3] &^= retransmitted
	hash := maphash.Bytes(d.seed, p) | 1
	again := status&retransmitted != 0 && hash == d.last
	d.last = hash
	d.reply(packet(opAck))
	if again || op != opDecodeData { // our answer was lost, or something that we did not ask for
		return reading.Code{}, false
	}
	return d.decoded(at, p[4:], status&continues != 0)
}

// decoded takes the data of one packet with decode data.
func (d *decoder) decoded(at time.Time, data []byte, more bool) (reading.Code, bool) {
	switch {
	case len(data) == 0:
		d.broken = true
	case !d.open:
		d.kind, data = data[0], data[1:]
	case d.cfg.Continuation == "type", d.cfg.Continuation == "auto" && data[0] == d.kind && d.kind < ' ':
		d.broken = d.broken || data[0] != d.kind
		data = data[1:]
	}
	d.broken = d.broken || len(d.code)+len(data) > scanner.MaxData+5
	if !d.broken {
		d.code = append(d.code, data...)
	}
	if d.quiet = 0; more {
		d.open = true
		return reading.Code{}, false
	}
	raw := bytes.TrimRight(d.code, "\r\n") // a suffix that the scanner is set to
	aim, framed := "", false
	if d.cfg.AIM {
		aim, raw = reading.CutAIM(raw)
		framed = aim != ""
	} else {
		aim = aimOf(d.kind, raw)
	}
	c, ok := reading.Whole(aim, raw, d.cfg.Encoding)
	believed := d.tear.Believe(c.Data, framed, at)
	if ok = ok && !d.broken && believed; ok {
		d.noise = 0
	} else {
		c, d.noise = reading.Code{}, d.noise+1
	}
	clear(d.code)
	d.code, d.open, d.broken = d.code[:0], false, false
	return c, ok
}
