package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const maxFindings = 200 // as many are told one by one

// fileState is what a file holds, as far as a start needs to know before it
// maps it.
type fileState struct {
	found    []Finding
	more     int      // findings beyond maxFindings
	damaged  []string // full keys of records that fail their checksum, of as many
	mark     mark
	hasMark  bool
	chain    chain
	hasChain bool
	copies   chain // gen 0 = there are none
	records  int
	events   int
	copied   int // copies
	bytes    int64
	sealed   map[uint32]uint64 // days whose keys unacked events need -> the first such event
}

// needs notes that an unacked event is sealed with the key of a day.
func (st *fileState) needs(day uint32, seq uint64) {
	if st.sealed == nil {
		st.sealed = map[uint32]uint64{}
	}
	st.sealed[day] = seq
}

func (st *fileState) note(f Finding) {
	if len(st.found) < maxFindings {
		st.found = append(st.found, f)
	} else {
		st.more++
	}
}

// checkFile verifies a file of the store: its pages, the checksum of each
// record, the sequence and the chain of hashes, the acked watermark. tail holds
// the changes of the journal that the file does not have yet. Without deep,
// the chain is compared with its ends only: a start is in a hurry, and each
// event has its checksum. keep, if not
// nil, gets every sound record.
func checkFile(path string, tail tree, deep bool, keep func(full string, e entry)) (*fileState, error) {
	st := &fileState{}
	f, err := os.Open(path)
	if err != nil {
		return st, err
	}
	defer f.Close()
	name := filepath.Base(path)
	p, err := openPages(f)
	if errors.As(err, new(*fs.PathError)) {
		return st, err
	}
	if err != nil {
		st.note(Finding{File: name, Reason: err.Error()})
		return st, nil
	}
	st.bytes = p.size
	c := [strands]chainCheck{{n: events, st: st, file: name, deep: deep}, {n: copies, st: st, file: name, deep: deep}}
	if p.cut {
		st.note(Finding{File: name, Reason: "file is cut off"})
	}
	pending := tail.seek("", false)
	take := func(full string, e entry) {
		if e.value == nil {
			return
		}
		st.records++
		b, key := splitKey(full)
		if n, is := strandOf(b); is {
			c[n].event(key, e)
		} else {
			st.record(name, b, key, e)
		}
		if keep != nil {
			keep(full, e)
		}
	}
	p.walk(func(b Bucket, key, value []byte) {
		full := fullKey(b, key)
		n := pending.peek()
		for ; n != nil && n.key < full; n = pending.peek() {
			take(n.key, n.e)
			pending.next()
		}
		e, err := unpackValue(full, value)
		if err != nil {
			st.note(Finding{File: name, Bucket: b, Key: printable(string(key)), Sequence: seqOf(b, key), Reason: err.Error()})
			if len(st.damaged) < maxFindings {
				st.damaged = append(st.damaged, full)
			}
		}
		if n != nil && n.key == full {
			pending.next()
			take(n.key, n.e)
			return
		}
		if err == nil {
			take(full, e)
		}
	}, func(where string, err error) {
		b := Bucket(where)
		if where == "root" || where == "free list" {
			b = ""
		}
		st.note(Finding{File: name, Bucket: b, Reason: err.Error()})
	})
	for ; pending.peek() != nil; pending.next() {
		take(pending.peek().key, pending.peek().e)
	}
	for n := range c {
		c[n].end()
	}
	return st, nil
}

func seqOf(b Bucket, key []byte) uint64 {
	if _, is := strandOf(b); is {
		_, seq, _ := splitEventKey(key)
		return seq
	}
	return 0
}

// chainCheck follows the events of a strand in their order.
type chainCheck struct {
	n    strand
	st   *fileState
	file string
	deep bool

	gen        uint32
	first, seq uint64
	hash       [32]byte
	hashed     bool // hash was computed
	original   [32]byte
	standIn    bool
}

func (c *chainCheck) note(seq uint64, format string, args ...any) {
	c.st.note(Finding{File: c.file, Bucket: c.n.bucket(), Sequence: seq, Reason: fmt.Sprintf(format, args...)})
}

// chain is what meta says of the strand.
func (c *chainCheck) chain() (chain, bool) {
	if c.n == copies {
		return c.st.copies, c.st.copies.gen != 0
	}
	return c.st.chain, c.st.hasChain
}

// record looks at a record that is no event.
func (st *fileState) record(file string, b Bucket, key string, e entry) {
	err := error(nil)
	switch {
	case b == meta && key == lsnKey:
		st.mark, err = unpackMark(e.value)
		st.hasMark = err == nil
	case b == meta && key == chainKey:
		st.chain, err = unpackChain(e.value)
		st.hasChain = err == nil
	case b == meta && key == copies.key(chainKey):
		st.copies, err = unpackChain(e.value)
	case b == dead:
		_, err = unpackDead(e.value)
		key = printable(key)
	}
	if err != nil {
		st.note(Finding{File: file, Bucket: b, Key: key, Reason: err.Error()})
	}
}

func (c *chainCheck) event(key string, e entry) {
	gen, seq, ok := splitEventKey([]byte(key))
	if !ok {
		c.note(0, "key %s is none of an event", printable(key))
		return
	}
	ev, err := unpackStored(e.value)
	if err != nil {
		c.note(seq, "%v", err)
		c.seq = 0 // nothing to compare the next one with
		return
	}
	if c.n == copies {
		c.st.copied++
	} else {
		c.st.events++
	}
	if gen != c.gen {
		c.gen, c.first, c.seq = gen, seq, 0
	}
	if c.seq != 0 {
		switch {
		case seq != c.seq+1:
			c.note(c.seq+1, "events %d to %d are missing", c.seq+1, seq-1)
		case c.hashed && ev.prev != c.hash && !(c.standIn && ev.prev == c.original):
			c.note(seq, "its prevhash is not the hash of event %d", c.seq)
		}
	} else if seq == 1 && ev.prev != [32]byte{} {
		c.note(seq, "the first event has a prevhash")
	}
	// meta sorts before the events, so the chain is known.
	ch, known := c.chain()
	if ev.sealed && len(ev.packed) >= sealedHead && (gen != ch.gen || seq > ch.acked) {
		if day := binary.BigEndian.Uint32(ev.packed[1:]); c.st.sealed[day] == 0 {
			c.st.needs(day, seq)
		}
	}
	c.hashed = c.deep || gen == ch.gen && (seq == ch.acked || seq == ch.last)
	c.seq, c.standIn, c.original = seq, ev.standIn, ev.original
	if c.hashed {
		c.hash = ev.sum()
	}
	if c.deep {
		if why := checkEnvelope(ev, seq); why != "" {
			c.note(seq, "%s", why)
		}
	}
	if known && gen == ch.gen && seq == ch.acked {
		if h := ch.ackedHash; c.hash != h && !(c.standIn && c.original == h) {
			c.note(seq, "acked with another hash than its own")
		}
	}
}

// end compares what was met with the chain record.
func (c *chainCheck) end() {
	ch, known := c.chain()
	if !known {
		if c.n == events || c.gen != 0 {
			c.st.note(Finding{File: c.file, Bucket: meta, Key: c.n.key(chainKey), Reason: "is not there"})
		}
		return
	}
	if c.n == events && !c.st.hasMark {
		c.st.note(Finding{File: c.file, Bucket: meta, Key: lsnKey, Reason: "is not there"})
	}
	if c.gen != ch.gen {
		c.first, c.seq = 0, 0
	}
	switch {
	case c.seq == 0 && ch.last > ch.acked:
		c.note(ch.acked+1, "events %d to %d are missing", ch.acked+1, ch.last)
	case c.seq == 0:
	case c.first > ch.acked+1:
		c.note(ch.acked+1, "events %d to %d are missing", ch.acked+1, c.first-1)
	case c.seq < ch.last:
		c.note(c.seq+1, "events %d to %d are missing", c.seq+1, ch.last)
	case c.seq > ch.last:
		c.note(c.seq, "is beyond the last sequence %d", ch.last)
	case c.hashed && c.hash != ch.lastHash && !(c.standIn && c.original == ch.lastHash):
		c.note(c.seq, "its hash is not the one the next event will name")
	}
}
