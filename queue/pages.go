package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// Reading a bbolt file by its layout, with plain reads. bbolt maps the file,
// and a damaged or short one can end the process with a signal that nothing
// catches; this cannot. Layout: bbolt's internal/common (page, meta, inode).
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	pageHead    = 16
	metaSize    = 64
	branchFlag  = 0x01
	leafFlag    = 0x02
	metaFlag    = 0x04
	freeFlag    = 0x10
	bucketFlag  = 0x01
	noFreelist  = ^uint64(0)
	maxDepth    = 64
)

type boltMeta struct {
	page           int64
	root, freelist uint64
	high           uint64 // pages from here on were never used
	txid           uint64
}

// pages is an open bbolt file.
type pages struct {
	r    io.ReaderAt
	size int64
	boltMeta
	cut  bool     // the file is shorter than its meta page says
	torn bool     // one of the two meta pages is not sound
	seen []uint64 // bit set of the pages met
	bad  func(where string, err error)
	last []byte // key before, in this bucket

	window []byte // some pages, read at once
	start  int64  // offset of window
}

const windowSize = 256 << 10

// at returns n bytes of the file at off; they are valid until the next call.
func (p *pages) at(off, n int64) ([]byte, error) {
	if off < p.start || off+n > p.start+int64(len(p.window)) {
		size := min(max(n, windowSize), p.size-off)
		if size < n {
			return nil, io.ErrUnexpectedEOF
		}
		if int64(cap(p.window)) < size {
			p.window = make([]byte, size)
		}
		p.window, p.start = p.window[:size], off
		if _, err := p.r.ReadAt(p.window, off); err != nil {
			p.window = p.window[:0]
			return nil, err
		}
	}
	return p.window[off-p.start : off-p.start+n : off-p.start+n], nil
}

// openPages finds the newest sound meta page.
func openPages(f *os.File) (*pages, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := &pages{r: f, size: info.Size()}
	m0, err0 := p.meta(0)
	var m1 boltMeta
	err1 := errors.New("not found")
	if err0 == nil {
		m1, err1 = p.meta(m0.page)
	} else {
		for size := int64(1024); err1 != nil && size <= 64<<10; size *= 2 {
			if m, err := p.meta(size); err == nil && m.page == size {
				m1, err1 = m, nil
			}
		}
	}
	switch {
	case err0 != nil && err1 != nil:
		return nil, fmt.Errorf("no sound meta page: %w", err0)
	case err0 != nil, err1 == nil && m1.txid > m0.txid:
		p.boltMeta = m1
	default:
		p.boltMeta = m0
	}
	p.torn = err0 != nil || err1 != nil
	// The head of a page is outside of the checksum, and bbolt insists on it.
	for i := range uint64(2) {
		var h [pageHead]byte
		if _, err := p.r.ReadAt(h[:], int64(i)*p.boltMeta.page); err != nil {
			return nil, err
		}
		if e := binary.NativeEndian; e.Uint64(h[:]) != i || e.Uint16(h[8:]) != metaFlag {
			return nil, fmt.Errorf("meta page %d does not say that it is one", i)
		}
	}
	if p.high > uint64(p.size/p.boltMeta.page) {
		// The last pages may lie in a part of the file that a cut took away.
		p.cut = true
		p.high = uint64(p.size / p.boltMeta.page)
		if p.high < 3 {
			return nil, errors.New("file is cut off")
		}
	}
	p.seen = make([]uint64, p.high/64+1)
	return p, nil
}

func (p *pages) meta(off int64) (m boltMeta, err error) {
	var b [pageHead + metaSize]byte
	if _, err := p.r.ReadAt(b[:], off); err != nil {
		return m, err
	}
	e := binary.NativeEndian
	if e.Uint16(b[8:]) != metaFlag {
		return m, errors.New("not a meta page")
	}
	c := b[pageHead:]
	h := fnv.New64a()
	h.Write(c[:56])
	m = boltMeta{page: int64(e.Uint32(c[8:])), root: e.Uint64(c[16:]), freelist: e.Uint64(c[32:]), high: e.Uint64(c[40:]), txid: e.Uint64(c[48:])}
	switch {
	case e.Uint32(c) != boltMagic || e.Uint32(c[4:]) != boltVersion:
		return m, errors.New("not a bbolt file of version 2")
	case e.Uint64(c[56:]) != h.Sum64():
		return m, errors.New("checksum of the meta page does not match")
	case m.page < 1024 || m.page > 64<<10 || m.page&(m.page-1) != 0:
		return m, fmt.Errorf("page size %d", m.page)
	}
	return m, nil
}

// walk visits every record of every bucket in order, and calls bad for each
// place that cannot be read, going on behind it. Slices are valid during the
// call only.
func (p *pages) walk(visit func(b Bucket, key, value []byte), bad func(where string, err error)) {
	p.bad = bad
	p.mark(0, 2)
	if p.freelist != noFreelist {
		if page, err := p.read(p.freelist, freeFlag); err != nil {
			bad("free list", err)
		} else if n := uint64(binary.NativeEndian.Uint16(page[10:])); n != 0xFFFF && n*8 > uint64(len(page)-pageHead) {
			bad("free list", errors.New("longer than its page"))
		}
	}
	p.tree(p.root, "root", nil, nil, 0, func(flags uint32, key, value []byte) {
		name := string(key)
		if flags != bucketFlag || len(value) < 16 {
			bad("root", fmt.Errorf("entry %s is not a bucket", printable(name)))
			return
		}
		b := Bucket(name)
		leaf := func(flags uint32, k, v []byte) {
			if flags != 0 {
				bad(name, fmt.Errorf("key %s is a bucket", printable(string(k))))
				return
			}
			visit(b, k, v)
		}
		root := binary.NativeEndian.Uint64(value)
		before := p.last
		p.last = nil
		if root == 0 {
			p.page(bytes.Clone(value[16:]), name, nil, nil, 0, leaf)
		} else {
			p.tree(root, name, nil, nil, 0, leaf)
		}
		p.last = before
	})
}

// mark notes pages as met; false = one of them was met before.
func (p *pages) mark(id, n uint64) bool {
	fresh := true
	for i := id; i < id+n; i++ {
		bit := uint64(1) << (i % 64)
		if p.seen[i/64]&bit != 0 {
			fresh = false
		}
		p.seen[i/64] |= bit
	}
	return fresh
}

// read returns a whole page with its overflow. A leaf page is valid until the
// next call.
func (p *pages) read(id uint64, flags uint16) ([]byte, error) {
	if id < 2 || id >= p.high {
		return nil, fmt.Errorf("page %d does not exist", id)
	}
	off := int64(id) * p.boltMeta.page
	b, err := p.at(off, p.boltMeta.page)
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	e := binary.NativeEndian
	if got := e.Uint64(b); got != id {
		return nil, fmt.Errorf("page %d says that it is %d", id, got)
	}
	if got := e.Uint16(b[8:]); got != flags && !(flags == branchFlag|leafFlag && (got == branchFlag || got == leafFlag)) {
		return nil, fmt.Errorf("page %d is of kind %#x", id, got)
	}
	more := uint64(e.Uint32(b[12:]))
	if more >= p.high || id+more >= p.high {
		return nil, fmt.Errorf("page %d reaches beyond the file", id)
	}
	if !p.mark(id, more+1) {
		return nil, fmt.Errorf("page %d is used twice", id)
	}
	if more > 0 {
		if b, err = p.at(off, int64(more+1)*p.boltMeta.page); err != nil {
			return nil, fmt.Errorf("page %d: %w", id, err)
		}
	}
	return b, nil
}

type leafFunc func(flags uint32, key, value []byte)

func (p *pages) tree(id uint64, where string, low, high []byte, depth int, f leafFunc) {
	if depth > maxDepth {
		p.bad(where, errors.New("tree is too deep"))
		return
	}
	b, err := p.read(id, branchFlag|leafFlag)
	if err != nil {
		p.bad(where, err)
		return
	}
	if where == "root" || binary.NativeEndian.Uint16(b[8:]) == branchFlag {
		b = bytes.Clone(b) // others are read while it is gone through
	}
	p.page(b, where, low, high, depth, f)
}

// page goes through the elements of one page; its keys must ascend and lie in
// [low, high).
func (p *pages) page(b []byte, where string, low, high []byte, depth int, f leafFunc) {
	if len(b) < pageHead {
		p.bad(where, errors.New("page is too short"))
		return
	}
	e := binary.NativeEndian
	id, flags, count := e.Uint64(b), e.Uint16(b[8:]), int(e.Uint16(b[10:]))
	wrong := func(i int, what string) { p.bad(where, fmt.Errorf("page %d, element %d: %s", id, i, what)) }
	if pageHead+count*16 > len(b) {
		wrong(count, "more elements than the page holds")
		return
	}
	if flags != leafFlag && flags != branchFlag {
		p.bad(where, fmt.Errorf("page %d is of kind %#x", id, flags))
		return
	}
	if flags == branchFlag && count == 0 {
		wrong(0, "branch without children")
		return
	}
	span := func(i int) (uint32, []byte, []byte, uint64, bool) {
		at := pageHead + 16*i
		el := b[at:]
		var kind uint32
		var pos, ks, vs, child uint64
		if flags == leafFlag {
			kind, pos, ks, vs = e.Uint32(el), uint64(e.Uint32(el[4:])), uint64(e.Uint32(el[8:])), uint64(e.Uint32(el[12:]))
		} else {
			pos, ks, child = uint64(e.Uint32(el)), uint64(e.Uint32(el[4:])), e.Uint64(el[8:])
		}
		from := uint64(at) + pos
		if pos < 16 || from+ks+vs > uint64(len(b)) {
			return 0, nil, nil, 0, false
		}
		return kind, b[from : from+ks : from+ks], b[from+ks : from+ks+vs : from+ks+vs], child, true
	}
	for i := range count {
		kind, key, value, child, ok := span(i)
		if !ok {
			wrong(i, "reaches beyond its page")
			continue
		}
		if low != nil && bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
			wrong(i, "key outside of its branch")
		}
		if flags == leafFlag {
			if p.last != nil && bytes.Compare(key, p.last) <= 0 {
				wrong(i, "keys do not ascend")
			}
			p.last = append(p.last[:0:0], key...)
			f(kind, key, value)
			continue
		}
		upper := high
		if i+1 < count {
			if _, next, _, _, ok := span(i + 1); ok {
				upper = next
				if bytes.Compare(next, key) <= 0 {
					wrong(i, "branch keys do not ascend")
				}
			}
		}
		p.tree(child, where, key, upper, depth+1, f)
	}
}
