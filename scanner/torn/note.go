package torn

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// piece is what is known of a half without its characters.
type piece struct {
	n      uint8  // its length
	digits bool   // and nothing else
	may    uint32 // bit i: with its rest it may be a known number of i digits
}

const tooLong = math.MaxUint8

// piece leaves the characters of a half away. What its rest will be is not known:
// where the rest's digits would decide, it may be what it begins like.
func (m *Memory) piece(half []byte) piece {
	p := piece{n: uint8(min(len(half), tooLong)), digits: digits(half)}
	if !p.digits || len(half) > maxHalf {
		return p
	}
	if len(half) < 2 || len(half) == maxHalf && !checks(half) || withCheckDigit(string(half)) {
		p.may = math.MaxUint32
		return p
	}
	all := make([]byte, longest)
	defer clear(all)
	for i := range all[copy(all, half):] {
		all[len(half)+i] = '0'
	}
	for n := len(half) + 8; n <= longest; n++ { // more pieces may come before the last
		if serial(n) || !checked(n) && m.known(all[:n]) {
			p.may |= 1 << n
		}
	}
	return p
}

// and is the piece with more behind it.
func (p piece) and(more []byte) piece {
	if len(more) == 0 {
		return p
	}
	p.n = uint8(min(int(p.n)+len(more), tooLong))
	p.digits = p.digits && digits(more)
	if p.n == maxHalf {
		p.may = math.MaxUint32 // whether it has its check digit is not known
	}
	return p
}

// beside is [Memory.beside] for a number with n digits.
func (p piece) beside(n int) bool {
	all := int(p.n) + n
	return p.n <= maxHalf && p.digits && !checked(all) && p.may&(1<<all) == 0
}

// note is what the next life is left of unfinished codes.
type note struct {
	noise  bool
	count  uint8
	pieces [pieces]piece
}

func (n *note) add(p piece) {
	if n.count == pieces {
		n.pieces[pieces-1].n = tooLong
		return
	}
	n.pieces[n.count] = p
	n.count++
}

func (n note) list() []piece { return append([]piece(nil), n.pieces[:n.count]...) }

// A note on the disk: its name, a checksum of what follows, the address it is
// for, when it was written, and the pieces.
const (
	noteName = "tilltorn"
	noteHead = len(noteName) + 4 + 8 + 8 + 8 + 2
	noteSize = noteHead + pieces*6
)

func (n note) bytes(where uint64, at moment) []byte {
	b := make([]byte, 0, noteSize)
	b = append(b, noteName...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, where)
	b = binary.LittleEndian.AppendUint64(b, at.boot)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.since))
	b = append(b, bit(n.noise), n.count)
	for _, p := range n.pieces {
		b = append(b, p.n, bit(p.digits))
		b = binary.LittleEndian.AppendUint32(b, p.may)
	}
	binary.LittleEndian.PutUint32(b[len(noteName):], crc32.ChecksumIEEE(b[len(noteName)+4:]))
	return b
}

// parseNote reads a note; false when it is damaged, or for a device at another
// address.
func parseNote(b []byte, where uint64) (n note, at moment, ok bool) {
	if len(b) != noteSize || string(b[:len(noteName)]) != noteName {
		return n, at, false
	}
	b = b[len(noteName):]
	sum := binary.LittleEndian.Uint32(b)
	if b = b[4:]; crc32.ChecksumIEEE(b) != sum || binary.LittleEndian.Uint64(b) != where {
		return n, at, false
	}
	at = moment{boot: binary.LittleEndian.Uint64(b[8:]), since: time.Duration(binary.LittleEndian.Uint64(b[16:]))}
	n.noise, n.count = b[24] != 0, b[25]
	if b = b[26:]; n.count > pieces {
		return note{}, at, false
	}
	for i := range n.pieces {
		p := b[6*i:]
		n.pieces[i] = piece{n: p[0], digits: p[1] != 0, may: binary.LittleEndian.Uint32(p[2:])}
	}
	return n, at, true
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// moment is a time that no setting of the clock changes, where there is one.
type moment struct {
	boot  uint64        // which start of the machine it is counted from; 0: the clock's time
	since time.Duration // and how long after it
}

// age is how long ago a moment was. Before this start of the machine is for ever:
// scanners lose their power too.
func (m moment) age() time.Duration {
	n := now()
	if m.boot != n.boot {
		return math.MaxInt64
	}
	return max(0, n.since-m.since)
}
