package star

import "tilld/printer"

// Bits of a status frame, by its bytes from 0.
const (
	offlineBit = 0x08 // byte 2
	coverBit   = 0x20 // byte 2
	mechanics  = 0x2c // byte 3: cutter, head, receive buffer
	hotOrVolts = 0x0a // byte 4
	paperEnd   = 0x08 // byte 5
)

// maxFrame is the longest status frame.
const maxFrame = 33

// take splits the first status frame off what a printer sent: n bytes are done
// with, frame is nil when they were noise; n is 0 when more bytes are needed.
func take(b []byte) (frame []byte, n int) {
	if b[0]&0x91 != 0x01 {
		return nil, 1
	}
	if len(b) < 2 {
		return nil, 0
	}
	size := int(b[0]>>2&0x18|b[0]>>1&0x07) + int(b[1]>>6&2)
	switch {
	case size < 6 || size > maxFrame:
		return nil, 1
	case len(b) < size:
		return nil, 0
	}
	return b[:size], size
}

// judge tells what the printer waits for; "" when it can print.
func judge(f []byte) printer.Want {
	switch {
	case f[2]&coverBit != 0:
		return printer.WantCover
	case f[5]&paperEnd != 0:
		return printer.WantPaper
	case f[3]&mechanics != 0:
		return printer.WantCutter
	case f[4]&hotOrVolts != 0:
		return printer.WantRepair
	case f[2]&offlineBit != 0:
		return printer.WantOnline
	}
	return ""
}
