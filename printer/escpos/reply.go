package escpos

import "bytes"

// replyKind tells what a printer is answering.
type replyKind int

const (
	realTime  replyKind = iota // DLE EOT, one byte
	inOrder                    // GS r or a number of GS I, one byte
	asb                        // automatic status back, four bytes
	processed                  // GS ( H: the process id
	block                      // any other block that ends in NUL
)

// reply is one answer of a printer.
type reply struct {
	kind replyKind
	data []byte // realTime, inOrder: the byte; asb: four; processed: the four of the id; block: without NUL
}

// maxBlock bounds a block that never ends.
const maxBlock = 128

// decoder tells the answers in a printer's stream apart (Citizen CT-S2000
// command reference, appendix 3): by fixed bits of the first byte. Flow control
// bytes are dropped; what fits nothing is skipped byte by byte.
type decoder struct{ buf []byte }

// feed takes bytes as they arrive and returns the replies that are complete.
func (d *decoder) feed(data []byte) []reply {
	d.buf = append(d.buf, data...)
	var list []reply
	for len(d.buf) > 0 {
		r, n, whole := next(d.buf)
		if !whole {
			break
		}
		d.buf = d.buf[n:]
		if r.data != nil {
			list = append(list, r)
		}
	}
	d.buf = append([]byte(nil), d.buf...)
	return list
}

// next reads one reply: n bytes are done with, data is nil when they were noise.
// whole is false when more bytes are needed.
func next(b []byte) (r reply, n int, whole bool) {
	first := b[0]
	switch {
	case first == 0x11 || first == 0x13: // XON, XOFF
		return reply{}, 1, true
	case bytes.IndexByte([]byte{0x37, 0x5f, 0x3b, 0x3d, 0x35, 0x53}, first) >= 0:
		return nextBlock(b)
	case first&0x93 == 0x12:
		return reply{realTime, []byte{first}}, 1, true
	case first&0x93 == 0x10:
		return nextASB(b)
	case first&0x90 == 0:
		return reply{inOrder, []byte{first}}, 1, true
	}
	return reply{}, 1, true
}

func nextBlock(b []byte) (reply, int, bool) {
	end := bytes.IndexByte(b[:min(len(b), maxBlock)], 0)
	switch {
	case end < 0 && len(b) >= maxBlock:
		return reply{}, 1, true
	case end < 0:
		return reply{}, 0, false
	case b[0] == 0x37 && end == 6 && b[1] == 0x22:
		return reply{processed, bytes.Clone(b[2:6])}, end + 1, true
	}
	return reply{block, bytes.Clone(b[:end])}, end + 1, true
}

// nextASB takes three more bytes with the fixed bits of a status, flow control
// left out; else the first byte was noise.
func nextASB(b []byte) (reply, int, bool) {
	status := []byte{b[0]}
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == 0x11 || b[i] == 0x13:
			continue
		case b[i]&0x90 != 0:
			return reply{}, 1, true
		}
		status = append(status, b[i])
		if len(status) == 4 {
			return reply{asb, status}, i + 1, true
		}
	}
	return reply{}, 0, false
}
