package star

import (
	"errors"

	"tilld/printer"
)

// Bits of a status frame, by its bytes from 0 (appendix 2 of the command
// specifications).
const (
	switchBit  = 0x04 // byte 2: the drawer's switch is closed
	offlineBit = 0x08 // byte 2
	coverBit   = 0x20 // byte 2
	cutterBit  = 0x08 // byte 3
	brokenBits = 0x24 // byte 3: mechanism, unrecoverable error
	hotBit     = 0x40 // byte 3: the head cools down
	headUpBit  = 0x02 // byte 4
	jamBit     = 0x04 // byte 4: at the presenter
	markBit    = 0x08 // byte 4: no black mark found
	lostBit    = 0x40 // byte 4: the receive buffer ran over
	nearEnds   = 0x06 // byte 5: either side
	paperEnd   = 0x08 // byte 5
)

// minFrame and maxFrame are the lengths of a status frame that can be.
const (
	minFrame = 6
	maxFrame = 33
)

// reply is one thing that a printer said: a status frame, or the answer to a
// print-end query.
type reply struct {
	status []byte // frame without flow control
	query  byte   // of ESC GS ETX: 0 tells, 1 waits for the print end
	id     string // its two letters
}

const echoLen = 8 // ESC GS ETX s n1 n2 counter NUL

// take splits the first reply off what a printer sent: n bytes are done with, ok
// is false when they were noise; n is 0 when more bytes are needed.
func take(b []byte) (r reply, n int, ok bool) {
	switch {
	case b[0] == esc:
		return takeEcho(b)
	case b[0]&0x91 != 0x01:
		return reply{}, 1, false
	}
	frame, size := []byte{b[0]}, minFrame
	for i, c := range b[1:] {
		switch {
		case c == 0x11 || c == 0x13: // XON, XOFF may come at any time
			continue
		case c&0x91 != 0: // no byte of a status: the first was none either
			return reply{}, 1, false
		}
		if frame = append(frame, c); len(frame) == 2 {
			if size = int(frame[0]>>2&0x18|frame[0]>>1&0x07) + int(c>>6&2); size < minFrame || size > maxFrame {
				return reply{}, 1, false
			}
		}
		if len(frame) == size {
			return reply{status: frame}, i + 2, true
		}
	}
	if len(b) > 2*maxFrame { // more flow control than anything
		return reply{}, 1, false
	}
	return reply{}, 0, false
}

func takeEcho(b []byte) (reply, int, bool) {
	for i, want := range []byte{esc, gs, 0x03} {
		if i < len(b) && b[i] != want {
			return reply{}, 1, false
		}
	}
	switch {
	case len(b) >= 4 && b[3] > 1:
		return reply{}, 1, false
	case len(b) < echoLen:
		return reply{}, 0, false
	case b[7] != 0:
		return reply{}, 1, false
	}
	return reply{query: b[3], id: string(b[4:6])}, echoLen, true
}

// health is what a status says.
type health struct {
	want   printer.Want // what it waits for; "" when it can print
	low    bool         // the roll is almost empty
	closed bool         // the drawer's switch
	lost   bool         // bytes were lost for lack of room
	count  int          // ETB counter, -1 when the frame has none
}

// judge reads a frame of at least minFrame bytes.
func judge(f []byte) health {
	h := health{closed: f[2]&switchBit != 0, low: f[5]&nearEnds != 0, lost: f[4]&lostBit != 0, count: -1}
	if len(f) > 7 {
		h.count = int(f[7]>>1&0x07 | f[7]>>2&0x18)
	}
	switch {
	case f[2]&coverBit != 0, f[4]&headUpBit != 0:
		h.want = printer.WantCover
	case f[5]&paperEnd != 0:
		h.want = printer.WantPaper
	case f[3]&cutterBit != 0, f[4]&jamBit != 0:
		h.want = printer.WantCutter
	case f[3]&brokenBits != 0, f[4]&markBit != 0:
		h.want = printer.WantRepair
	case f[3]&hotBit != 0:
		h.want = printer.WantCool
	case f[2]&offlineBit != 0:
		h.want = printer.WantOnline
	}
	return h
}

// attention is what a person is to be told of the state.
func (d *Printer) attention() error {
	var list []error
	say := func(is bool, w printer.Want) {
		if is {
			list = append(list, printer.Attention(d.info.Name, "print", w))
		}
	}
	h := d.state
	say(h.want != "", h.want)
	say(h.low && h.want != printer.WantPaper, printer.NearEnd)
	say(d.cfg.Sensor == "open" && h.closed || d.cfg.Sensor == "closed" && !h.closed && d.seen > 0, printer.DrawerOpen)
	return errors.Join(list...)
}
