package queue

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// job is a set of changes on its way into the file.
type job struct {
	t tree
	m mark
}

// freeze hands what is in memory to the applier when it is worth it, at the end
// in any case.
func (s *Store) freeze(final bool) {
	for {
		s.mu.Lock()
		if !s.busy || !final {
			break
		}
		s.mu.Unlock()
		<-s.applied
	}
	defer s.mu.Unlock()
	if s.busy || s.mem.n == 0 && !final {
		return
	}
	if !final && !s.faults.eager && s.mem.bytes < applyBytes && time.Since(s.dirtyAt) < applyAfter {
		return
	}
	s.frozen, s.mem, s.busy = s.mem, tree{}, true
	j := job{t: s.frozen, m: s.jmark}
	j.m.clean = final
	s.applies <- j // has room: the applier was idle
}

// makeRoom holds the writer up while memory is full of changes that the file
// has yet to take: more than the reserve could take on a full disk and still
// have room to finish the open sale.
func (s *Store) makeRoom() {
	limit := min(memLimit, max(applyBytes, int(s.o.ReserveBytes/8)))
	for {
		s.freeze(false)
		s.mu.Lock()
		wait := s.mem.bytes > limit && s.busy && !s.pressure.Load()
		s.mu.Unlock()
		if !wait {
			return
		}
		<-s.applied
	}
}

// apply is the applier goroutine.
func (s *Store) apply() {
	defer s.applying.Done()
	whole := true
	for j := range s.applies {
		// Once one set of changes was given up, none may follow: the file's mark
		// would claim what it does not have. The journal has everything.
		whole = whole && s.applyJob(j)
		s.mu.Lock()
		s.frozen, s.busy = tree{}, false
		s.mu.Unlock()
		s.signal()
	}
}

func (s *Store) signal() {
	select {
	case s.applied <- struct{}{}:
	default:
	}
}

// applyJob brings j into the file, however long that takes. It gives up, and
// returns false, when the store is closed meanwhile.
func (s *Store) applyJob(j job) bool {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := s.applyOnce(j)
		if err == nil {
			if s.pressure.CompareAndSwap(true, false) {
				s.recovered()
			}
			s.measure()
			return true
		}
		s.pressure.Store(true)
		s.failed("till.db", err)
		s.signal() // a writer that waits for room must not wait for the disk
		if isFull(err) {
			s.giveReserve()
		}
		if err := s.reopen(err); err != nil {
			s.log.Error("the file cannot be opened again", "err", err)
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-s.stop:
			pause.Stop()
			return false
		}
	}
}

// applyOnce writes j in one transaction of bbolt: two syncs.
func (s *Store) applyOnce(j job) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if s.faults.apply != nil {
		if err := s.faults.apply(); err != nil {
			return err
		}
	}
	s.handle.RLock()
	defer s.handle.RUnlock()
	if s.db == nil {
		return errors.New("till.db is not open")
	}
	return applyTree(s.db, j.t, j.m)
}

func applyTree(db *bolt.DB, t tree, m mark) error {
	return db.Update(func(tx *bolt.Tx) error {
		var bucket *bolt.Bucket
		var name Bucket
		put := func(full string, e entry) error {
			b, key := splitKey(full)
			if bucket == nil || b != name {
				var err error
				if bucket, err = tx.CreateBucketIfNotExists([]byte(b)); err != nil {
					return err
				}
				name = b
				if appendOnly(b) {
					bucket.FillPercent = 1
				}
			}
			if e.value == nil {
				return bucket.Delete([]byte(key))
			}
			return bucket.Put([]byte(key), packValue(full, e))
		}
		for w := t.seek("", false); w.peek() != nil; w.next() {
			if n := w.peek(); n != nil {
				if err := put(n.key, n.e); err != nil {
					return err
				}
			}
		}
		return put(fullKey(meta, []byte(lsnKey)), entry{value: m.pack(), at: time.Now().UnixMilli()})
	})
}

// measure takes the size of what lives in the file.
func (s *Store) measure() {
	s.handle.RLock()
	defer s.handle.RUnlock()
	if s.db == nil {
		return
	}
	used, _, err := liveBytes(s.db)
	if err != nil {
		return // the next commit measures again
	}
	s.used.Store(used)
	limit := s.o.MaxBytes
	if used >= limit {
		s.raise(kindFull, "used", megabytes(used), "limit", megabytes(limit))
	} else {
		s.clear(kindFull)
	}
}

// liveBytes is how much of a file is in use, and how much is not.
func liveBytes(db *bolt.DB) (used, free int64, err error) {
	err = db.View(func(tx *bolt.Tx) error {
		st := db.Stats()
		free = int64(st.FreePageN+st.PendingPageN) * int64(db.Info().PageSize)
		used = tx.Size() - free
		return nil
	})
	return used, free, err
}

func megabytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// openBolt maps a file that was checked before.
func openBolt(path string, limit int64) (*bolt.DB, error) {
	o := &bolt.Options{
		Timeout:        3 * time.Second,
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
	}
	if bits := 32 << (^uint(0) >> 63); bits == 64 && runtime.GOOS != "windows" {
		// Room in the address space for the file at its largest: it is never
		// mapped anew, which would wait for every reader.
		o.InitialMmapSize = int(limit)
	}
	db, err := bolt.Open(path, 0o600, o)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is locked by another process", path)
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = 4 << 20
	return db, nil
}

// openFile opens the store's own file.
func (s *Store) openFile() (*bolt.DB, error) {
	db, err := openBolt(s.path(dbName), s.o.MaxBytes)
	if err != nil {
		return nil, err
	}
	db.NoSync = s.faults.noSync
	if s.faults.alloc > 0 {
		db.AllocSize = s.faults.alloc
	}
	return db, nil
}
