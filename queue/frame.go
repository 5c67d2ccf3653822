package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A journal file is a row of frames: len(4) | crc32c(4, over len and record) |
// record. One frame is one group commit, so it is there whole or not at all.
//
//	record = "tJ" | kind(1) | lsn(8) | unix ms(8) | count(uvarint) | ops
//	op     = 0 (put) or 1 (delete) | len(1) bucket | len(uvarint) key | [len(uvarint) value]
//
// kind 1 is a commit; its lsn counts commits of the directory from 1. kind 2
// opens each file: lsn is that of the commit before, its ops put all of meta,
// so that counters survive even when everything older is gone.
const (
	frameHead  = 8
	recordHead = 19
	kindCommit = 1
	kindHeader = 2
	maxRecord  = 64 << 20
	magic0     = 't'
	magic1     = 'J'
	opPut      = 0
	opDelete   = 1
)

type op struct {
	key   string // full key
	value []byte
	del   bool
}

type record struct {
	kind byte
	lsn  uint64
	at   int64 // unix ms
	ops  []op
}

// appendFrame adds r as one frame to b.
func appendFrame(b []byte, r record) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, magic0, magic1, r.kind)
	b = binary.BigEndian.AppendUint64(b, r.lsn)
	b = binary.BigEndian.AppendUint64(b, uint64(r.at))
	b = binary.AppendUvarint(b, uint64(len(r.ops)))
	for _, o := range r.ops {
		bucket, key := splitKey(o.key)
		kind := byte(opPut)
		if o.del {
			kind = opDelete
		}
		b = append(b, kind, byte(len(bucket)))
		b = append(b, bucket...)
		b = binary.AppendUvarint(b, uint64(len(key)))
		b = append(b, key...)
		if !o.del {
			b = binary.AppendUvarint(b, uint64(len(o.value)))
			b = append(b, o.value...)
		}
	}
	f := b[start:]
	binary.BigEndian.PutUint32(f, uint32(len(f)-frameHead))
	binary.BigEndian.PutUint32(f[4:], frameSum(f))
	return b
}

func frameSum(f []byte) uint32 {
	return crc32.Update(crc32.Checksum(f[:4], castagnoli), castagnoli, f[frameHead:])
}

// cutFrame returns the record of the frame at the start of b and the frame's
// length; ok is false when there is no sound frame.
func cutFrame(b []byte) (rec []byte, n int, ok bool) {
	if len(b) < frameHead+recordHead {
		return nil, 0, false
	}
	size := binary.BigEndian.Uint32(b)
	if size < recordHead || size > maxRecord || int64(size) > int64(len(b)-frameHead) || b[8] != magic0 || b[9] != magic1 {
		return nil, 0, false
	}
	f := b[:frameHead+int(size)]
	if binary.BigEndian.Uint32(f[4:]) != frameSum(f) {
		return nil, 0, false
	}
	return f[frameHead:], len(f), true
}

// resync returns the offset of the first sound frame in b, -1 without one.
func resync(b []byte) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte{magic0, magic1})
		if i < 0 {
			return -1
		}
		if at += i; at >= frameHead {
			if _, _, ok := cutFrame(b[at-frameHead:]); ok {
				return at - frameHead
			}
		}
		at++
	}
}

var errRecord = errors.New("journal record does not parse")

// parseRecord opens a record. Keys are copied, values are part of b.
func parseRecord(b []byte) (record, error) {
	if len(b) < recordHead || b[0] != magic0 || b[1] != magic1 {
		return record{}, errRecord
	}
	r := record{kind: b[2], lsn: binary.BigEndian.Uint64(b[3:]), at: int64(binary.BigEndian.Uint64(b[11:]))}
	if r.kind != kindCommit && r.kind != kindHeader {
		return record{}, errRecord
	}
	p := parser{b: b[recordHead:]}
	count := p.number()
	if p.bad || count > uint64(len(p.b)) {
		return record{}, errRecord
	}
	r.ops = make([]op, 0, count)
	for range count {
		kind := p.take(1)
		name := p.take(uint64(p.byte()))
		key := p.take(p.number())
		if p.bad || len(name) == 0 || len(name) > maxBucket || len(key) > maxKey || bytes.IndexByte(name, 0) >= 0 {
			return record{}, errRecord
		}
		o := op{key: fullKey(Bucket(name), key)}
		switch kind[0] {
		case opPut:
			o.value = p.take(p.number())
			if o.value == nil {
				o.value = []byte{}
			}
		case opDelete:
			o.del = true
		default:
			return record{}, errRecord
		}
		if p.bad {
			return record{}, errRecord
		}
		r.ops = append(r.ops, o)
	}
	if len(p.b) != 0 {
		return record{}, errRecord
	}
	return r, nil
}

type parser struct {
	b   []byte
	bad bool
}

func (p *parser) take(n uint64) []byte {
	if p.bad || n > uint64(len(p.b)) {
		p.bad = true
		return nil
	}
	b := p.b[:n:n]
	p.b = p.b[n:]
	return b
}

func (p *parser) byte() byte {
	if b := p.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (p *parser) number() uint64 {
	n, size := binary.Uvarint(p.b)
	if p.bad || size <= 0 {
		p.bad = true
		return 0
	}
	p.b = p.b[size:]
	return n
}
