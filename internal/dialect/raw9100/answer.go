package raw9100

import (
	"tilld/internal/dialect"
	"tilld/internal/till"
	"tilld/printer"
)

// Bits of the answers; source: ESC/POS application programming guide, DLE EOT,
// GS r, GS a, GS I.
const (
	fixedBits = 0x12 // set in every answer to DLE EOT

	offlineBit = 0x08 // n = 1
	pinHigh    = 0x04 // n = 1: drawer kick-out connector pin 3 is high (drawer shut, or none)

	coverBit    = 0x04 // n = 2
	noPaperStop = 0x20 // n = 2: printing stops for want of paper
	errorBit    = 0x40 // n = 2

	cutterBit = 0x08 // n = 3
	brokenBit = 0x20 // n = 3: unrecoverable

	nearEndBits  = 0x0c // n = 4
	paperEndBits = 0x60 // n = 4
)

// Answer is what a printer in that state says to a status question: DLE EOT n,
// GS r n, GS I n or GS a n; nil for what has no answer.
func Answer(q []byte, p till.PrinterState) []byte {
	if len(q) < 3 {
		return nil
	}
	trouble := dialect.TroubleOf(p)
	noPaper := trouble == dialect.Paper
	nearEnd := noPaper || p.Is(printer.NearEnd)
	switch n := q[2]; {
	case q[0] == 0x10 && q[1] == 0x04:
		return realtime(n, p, trouble, nearEnd)
	case q[0] == 0x1d && q[1] == 'r' && (n == 1 || n == '1'):
		return []byte{choose(noPaper, 0x0c, 0) | choose(nearEnd, 0x03, 0)}
	case q[0] == 0x1d && q[1] == 'r' && (n == 2 || n == '2'):
		return []byte{choose(p.Is(printer.DrawerOpen), 0, 1)}
	case q[0] == 0x1d && q[1] == 'a' && n != 0:
		return []byte{
			0x10 | choose(trouble != dialect.Printed, 0x08, 0) | choose(p.Is(printer.DrawerOpen), 0, 0x04) | choose(trouble == dialect.Cover, 0x20, 0),
			choose(trouble == dialect.Cutter, 0x08, 0) | choose(trouble == dialect.Repair, 0x20, 0),
			choose(nearEnd, 0x03, 0) | choose(noPaper, 0x0c, 0),
			0,
		}
	case q[0] == 0x1d && q[1] == 'I':
		return identity(n)
	}
	return nil
}

func realtime(n byte, p till.PrinterState, trouble dialect.Cause, nearEnd bool) []byte {
	b := byte(fixedBits)
	switch n {
	case 1:
		b |= choose(trouble != dialect.Printed, offlineBit, 0) | choose(p.Is(printer.DrawerOpen), 0, pinHigh)
	case 2:
		b |= choose(trouble == dialect.Cover, coverBit, 0) | choose(trouble == dialect.Paper, noPaperStop, 0) |
			choose(trouble == dialect.Cutter || trouble == dialect.Repair, errorBit, 0)
	case 3:
		b |= choose(trouble == dialect.Cutter, cutterBit, 0) | choose(trouble == dialect.Repair, brokenBit, 0)
	case 4:
		b |= choose(nearEnd, nearEndBits, 0) | choose(trouble == dialect.Paper, paperEndBits, 0)
	default:
		return nil
	}
	return []byte{b}
}

// identity answers GS I: numbers as one byte, names in a block.
func identity(n byte) []byte {
	switch n {
	case 1, '1':
		return []byte{0x20}
	case 2, '2':
		return []byte{0x03} // two-byte characters, cutter
	case 3, '3':
		return []byte{0x01}
	case 65:
		return []byte("_1.0\x00")
	case 66:
		return []byte("_tilld\x00")
	case 67:
		return []byte("_ESC/POS\x00")
	case 68:
		return []byte("_0\x00")
	case 69:
		return []byte("_CHINA GB18030\x00")
	}
	return nil
}

func choose(is bool, yes, no byte) byte {
	if is {
		return yes
	}
	return no
}
