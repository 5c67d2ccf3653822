package queue

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// chain is where the sequence stands. It changes and is stored together with
// the events it describes.
type chain struct {
	gen       uint32 // counts the epochs of this directory, from 1
	epoch     [16]byte
	last      uint64
	lastHash  [32]byte
	acked     uint64
	ackedHash [32]byte
	boot      uint32
	session   uint64
	dead      uint64 // records set aside, ever
	in, out   uint64 // of copies: bytes of bodies ever appended, and ever acked
}

const chainSize = 1 + 4 + 16 + 8 + 32 + 8 + 32 + 4 + 8 + 8

// copiesSize is the record of a chain of copies, version 2.
const copiesSize = chainSize + 16

func (c chain) pack() []byte {
	b := make([]byte, 0, copiesSize)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, c.gen)
	b = append(b, c.epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, c.last)
	b = append(b, c.lastHash[:]...)
	b = binary.BigEndian.AppendUint64(b, c.acked)
	b = append(b, c.ackedHash[:]...)
	b = binary.BigEndian.AppendUint32(b, c.boot)
	b = binary.BigEndian.AppendUint64(b, c.session)
	b = binary.BigEndian.AppendUint64(b, c.dead)
	if c.in == 0 {
		return b
	}
	b[0] = 2
	b = binary.BigEndian.AppendUint64(b, c.in)
	return binary.BigEndian.AppendUint64(b, c.out)
}

func unpackChain(b []byte) (c chain, err error) {
	if (len(b) != chainSize || b[0] != 1) && (len(b) != copiesSize || b[0] != 2) {
		return c, errors.New("not a chain record of version 1 or 2")
	}
	c.gen, c.epoch = binary.BigEndian.Uint32(b[1:]), [16]byte(b[5:])
	c.last, c.lastHash = binary.BigEndian.Uint64(b[21:]), [32]byte(b[29:])
	c.acked, c.ackedHash = binary.BigEndian.Uint64(b[61:]), [32]byte(b[69:])
	c.boot, c.session = binary.BigEndian.Uint32(b[101:]), binary.BigEndian.Uint64(b[105:])
	c.dead = binary.BigEndian.Uint64(b[113:])
	if b[0] == 2 {
		c.in, c.out = binary.BigEndian.Uint64(b[chainSize:]), binary.BigEndian.Uint64(b[chainSize+8:])
	}
	if c.gen == 0 || c.acked > c.last {
		return c, errors.New("chain record contradicts itself")
	}
	return c, nil
}

func (c chain) epochText() string { return hex.EncodeToString(c.epoch[:]) }

// renew starts the next epoch of the directory: sequences begin at 1 again.
func (c chain) renew() chain {
	next := chain{gen: c.gen + 1, boot: c.boot, session: c.session, dead: c.dead}
	rand.Read(next.epoch[:]) // never fails, see crypto/rand
	return next
}

// mark says through which commit a file has everything, and where in the
// journal the next one begins.
type mark struct {
	lsn   uint64
	file  string
	off   int64
	clean bool // written by Close: the journal held nothing more
}

func (m mark) pack() []byte {
	b := binary.BigEndian.AppendUint64([]byte{1, 0}, m.lsn)
	if m.clean {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(m.off))
	return append(b, m.file...)
}

func unpackMark(b []byte) (m mark, err error) {
	if len(b) < 18 || b[0] != 1 {
		return m, errors.New("not a mark of version 1")
	}
	return mark{clean: b[1] == 1, lsn: binary.BigEndian.Uint64(b[2:]), off: int64(binary.BigEndian.Uint64(b[10:])), file: string(b[18:])}, nil
}
