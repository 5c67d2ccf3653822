package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// Tx is one transaction: a consistent state of the store and, inside
// [Store.Update], the changes made so far. It is for one goroutine and is valid
// only inside the function it was given to. That function must not call the
// methods of the Store, nor wait for another goroutine that does.
type Tx struct {
	s      *Store
	file   *bolt.Tx
	layers [2]tree // what the file does not have yet, newest first; [0] takes the changes
	c      [strands]chain
	at     int64 // of this commit, unix ms
	write  bool
	own    bool // the store's own: may touch its buckets and ignores the size limit
	full   bool // nothing may be added
	ended  bool
	ops    []op
}

var (
	errEnded    = errors.New("queue: transaction is over")
	errReadOnly = errors.New("queue: change in a View")
)

// key checks a name and makes it whole.
func (tx *Tx) key(b Bucket, key []byte, change bool) (string, error) {
	switch {
	case tx.ended:
		return "", errEnded
	case change && !tx.write:
		return "", errReadOnly
	case len(b) == 0 || len(b) > maxBucket || strings.IndexByte(string(b), 0) >= 0:
		return "", fmt.Errorf("queue: bucket name %q", b)
	case change && len(key) == 0 || len(key) > maxKey:
		return "", fmt.Errorf("queue: key of %d bytes, 1 to %d are possible", len(key), maxKey)
	case change && !tx.own && (b == outbox || b == second || b == meta || b == dead):
		return "", fmt.Errorf("queue: bucket %s belongs to the store", b)
	}
	return fullKey(b, key), nil
}

// Get returns a copy of the value of key, nil when there is none. fault.Corrupt:
// the record fails its checksum; the store repairs it from the journal. Under a
// key that is too long nothing can be stored, so there is none: ids come from
// outside.
func (tx *Tx) Get(b Bucket, key []byte) ([]byte, error) {
	if len(key) > maxKey && !tx.ended {
		return nil, nil
	}
	full, err := tx.key(b, key, false)
	if err != nil {
		return nil, err
	}
	e, err := tx.find(full)
	if err != nil || e.value == nil {
		return nil, err
	}
	return append([]byte{}, e.value...), nil
}

// find returns the record of a full key; value nil when there is none.
func (tx *Tx) find(full string) (entry, error) {
	for _, t := range tx.layers {
		if e, ok := t.get(full); ok {
			return e, nil
		}
	}
	b, key := splitKey(full)
	bucket := tx.file.Bucket([]byte(b))
	if bucket == nil {
		return entry{}, nil
	}
	v := bucket.Get([]byte(key))
	if v == nil {
		return entry{}, nil
	}
	e, err := unpackValue(full, v)
	if err != nil {
		return entry{}, tx.bad(full, err)
	}
	return e, nil
}

// bad notes a damaged record for repair and makes its fault.
func (tx *Tx) bad(full string, cause error) error {
	tx.s.noteDamage(full)
	return damaged(full, cause)
}

// Put stores a copy of value under a copy of key. fault.Full: not even the
// reserve has room.
func (tx *Tx) Put(b Bucket, key, value []byte) error {
	full, err := tx.key(b, key, true)
	if err != nil {
		return err
	}
	if tx.full && !tx.own {
		return tx.s.fullFault()
	}
	if len(value) > maxRecord/4 {
		return fmt.Errorf("queue: value of %d bytes, at most %d are possible", len(value), maxRecord/4)
	}
	tx.put(full, append(make([]byte, 0, len(value)), value...))
	return nil
}

func (tx *Tx) put(full string, value []byte) {
	tx.layers[0] = tx.layers[0].put(full, entry{value: value, at: tx.at})
	tx.ops = append(tx.ops, op{key: full, value: value})
}

// Delete removes key; it need not be there.
func (tx *Tx) Delete(b Bucket, key []byte) error {
	full, err := tx.key(b, key, true)
	if err != nil {
		return err
	}
	tx.layers[0] = tx.layers[0].put(full, entry{at: tx.at})
	tx.ops = append(tx.ops, op{key: full, del: true})
	return nil
}

// Next counts a bucket's counter up and returns it: 1, 2, 3 … It is stored with
// the transaction and no number is given twice.
func (tx *Tx) Next(b Bucket) (uint64, error) {
	if _, err := tx.key(b, []byte{0}, true); err != nil {
		return 0, err
	}
	full := fullKey(meta, []byte(nextKey+string(b)))
	e, err := tx.find(full)
	if err != nil {
		return 0, err
	}
	var n uint64
	if len(e.value) == 8 {
		n = binary.BigEndian.Uint64(e.value)
	}
	tx.put(full, Key64(n+1))
	return n + 1, nil
}

// Range calls f with copies of the records in [from, to), ascending; nil is
// open. f returns false to stop. It sees the bucket as it was at the call.
func (tx *Tx) Range(b Bucket, from, to []byte, f func(k, v []byte) (bool, error)) error {
	return tx.scan(b, from, to, false, copying(f))
}

// RangeBack is Range, descending.
func (tx *Tx) RangeBack(b Bucket, from, to []byte, f func(k, v []byte) (bool, error)) error {
	return tx.scan(b, from, to, true, copying(f))
}

func copying(f func(k, v []byte) (bool, error)) func(key string, e entry) (bool, error) {
	return func(key string, e entry) (bool, error) {
		return f([]byte(key), append([]byte{}, e.value...))
	}
}

// scan merges the two trees and the file. f gets keys without their bucket and
// values that it must not keep.
func (tx *Tx) scan(b Bucket, from, to []byte, back bool, f func(key string, e entry) (bool, error)) error {
	low, err := tx.key(b, from, false)
	if err != nil {
		return err
	}
	high := string(b) + "\x01"
	if to != nil {
		high = fullKey(b, to)
	}
	if low >= high {
		return nil
	}
	m := merger{low: low, high: high, back: back, skip: len(b) + 1}
	start := low
	if back {
		start = high
	}
	for i, t := range tx.layers {
		m.trees[i] = t.seek(start, back)
	}
	if bucket := tx.file.Bucket([]byte(b)); bucket != nil {
		m.cursor = bucket.Cursor()
		m.first(from, to)
	}
	for {
		key, e, raw, ok := m.next()
		if !ok {
			return nil
		}
		if raw != nil {
			if e, err = unpackValue(key, raw); err != nil {
				return tx.bad(key, err)
			}
		}
		if e.value == nil {
			continue
		}
		more, err := f(key[m.skip:], e)
		if err != nil || !more {
			return err
		}
	}
}

// merger walks trees and file side by side; where they have the same key, the
// newest wins.
type merger struct {
	trees     [2]*walker
	cursor    *bolt.Cursor
	k, v      []byte // of the file
	low, high string
	back      bool
	skip      int
}

func (m *merger) first(from, to []byte) {
	if !m.back {
		if from == nil {
			m.k, m.v = m.cursor.First()
		} else {
			m.k, m.v = m.cursor.Seek(from)
		}
		return
	}
	if to != nil {
		if k, _ := m.cursor.Seek(to); k != nil {
			m.k, m.v = m.cursor.Prev()
			return
		}
	}
	m.k, m.v = m.cursor.Last()
	if to != nil && bytes.Compare(m.k, to) >= 0 {
		m.k, m.v = nil, nil
	}
}

func (m *merger) inside(full string) bool { return full >= m.low && full < m.high }

func (m *merger) before(a, b string) bool {
	if m.back {
		return a > b
	}
	return a < b
}

// next returns the next key with its entry, or with the file's raw value.
func (m *merger) next() (key string, e entry, raw []byte, ok bool) {
	var fileKey string
	for _, w := range m.trees {
		if n := w.peek(); n != nil && m.inside(n.key) && (!ok || m.before(n.key, key)) {
			key, e, ok = n.key, n.e, true
		}
	}
	if m.k != nil {
		if fileKey = m.low[:m.skip] + string(m.k); !m.inside(fileKey) {
			m.k = nil
		} else if !ok || m.before(fileKey, key) {
			key, e, raw, ok = fileKey, entry{}, m.v, true
		}
	}
	if !ok {
		return "", entry{}, nil, false
	}
	for _, w := range m.trees {
		if n := w.peek(); n != nil && n.key == key {
			w.next()
		}
	}
	if m.k != nil && fileKey == key {
		if m.back {
			m.k, m.v = m.cursor.Prev()
		} else {
			m.k, m.v = m.cursor.Next()
		}
	}
	return key, e, raw, true
}
