package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Intervals of what Run does.
const (
	snapshotEvery = time.Hour
	trimEvery     = time.Minute
	roomEvery     = 10 * time.Second
	day           = 24 * time.Hour
	trimChunk     = 256 // deletions that ride along with one commit
)

// keep is how long the store keeps records that nobody deletes: both bounds
// have to be passed.
type keep struct {
	age   time.Duration
	count int
}

var keeps = map[Bucket]keep{
	Inbox: {7 * day, 10_000}, // a command id is acted on once: contract §4
	Idem:  {7 * day, 1_000},  // docs/adr/0034
}

// Run takes the hourly snapshots, deletes what is no longer kept (acked events,
// replies in Inbox, answers in Idem, keys of days that are over), watches the disk's room and repairs
// records that readers found damaged. It blocks until ctx ends, or until only a
// new process can open the file again: fault.Corrupt.
func (s *Store) Run(ctx context.Context) error {
	hour, minute, room := time.NewTicker(snapshotEvery), time.NewTicker(trimEvery), time.NewTicker(roomEvery)
	defer hour.Stop()
	defer minute.Stop()
	defer room.Stop()
	if s.recovery.Load() != nil {
		s.takeSnapshot() // the next damage must not need what was just repaired
	}
	first := true // a machine that never runs for an hour erases all the same
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.hopeless:
			return err
		case <-hour.C:
			s.takeSnapshot()
			err = errors.Join(s.expire(ctx), s.forget())
		case <-minute.C:
			err = errors.Join(s.trim(ctx), s.nextKey(), s.tellWithheld(ctx))
			if first {
				first, err = false, errors.Join(err, s.forget())
			}
		case <-room.C:
			s.checkRoom()
			err = errors.Join(s.lookAgain(), s.healNoted(ctx))
		}
		if err != nil && !errors.Is(err, ErrClosed) && ctx.Err() == nil {
			s.log.Warn("keeping the store in order failed", "err", err)
		}
	}
}

// lookAgain has the file checked when reading it went wrong. As long as that
// fails there is no file, so it is tried at each call.
func (s *Store) lookAgain() error {
	if !s.suspect.CompareAndSwap(true, false) {
		return nil
	}
	err := s.reopen(errors.New("reading it failed"))
	if err != nil {
		s.suspect.Store(true)
		return s.failed("till.db", err)
	}
	return nil
}

func (s *Store) takeSnapshot() {
	err := s.snapshot()
	if err == nil {
		s.clear(kindSnapshot)
		return
	}
	s.log.Warn("snapshot failed", "err", err)
	s.raise(kindSnapshot, "error", err.Error())
}

// trim deletes events that are acked, and those of epochs that have ended, once
// they are older than they are kept.
func (s *Store) trim(ctx context.Context) error {
	var errs []error
	for n := range strands {
		errs = append(errs, s.trimStrand(ctx, n))
	}
	return errors.Join(errs...)
}

func (s *Store) trimStrand(ctx context.Context, n strand) error {
	for {
		done, last := false, ""
		err := s.own(ctx, func(tx *Tx) error {
			limit := tx.at - s.o.KeepAcked.Milliseconds()
			var keys []string
			err := tx.scan(n.bucket(), []byte(s.trimmed[n]), nil, false, func(key string, e entry) (bool, error) {
				gen, seq, ok := splitEventKey([]byte(key))
				// A time far ahead comes from a clock that was wrong.
				young := e.at > limit && e.at < tx.at+day.Milliseconds()
				if !ok || gen == tx.c[n].gen && seq > tx.c[n].acked || young || len(keys) == trimChunk {
					return false, nil
				}
				keys = append(keys, key)
				return true, nil
			})
			for _, k := range keys {
				tx.remove(fullKey(n.bucket(), []byte(k)))
				last = k
			}
			done = len(keys) < trimChunk
			return err
		})
		if err != nil {
			return err
		}
		if last != "" {
			// Events go from the front only: what lies before need not be
			// passed again while the file still has it.
			s.trimmed[n] = last
		}
		if done {
			return nil
		}
	}
}

// remove is Delete of a full key.
func (tx *Tx) remove(full string) {
	tx.layers[0] = tx.layers[0].put(full, entry{at: tx.at})
	tx.ops = append(tx.ops, op{key: full, del: true})
}

// expire deletes the oldest records of the buckets that have a keep.
func (s *Store) expire(ctx context.Context) error {
	for b, k := range keeps {
		type aged struct {
			key string
			at  int64
		}
		var old []aged
		count := 0
		limit := time.Now().Add(-k.age).UnixMilli()
		err := s.View(func(tx *Tx) error {
			return tx.scan(b, nil, nil, false, func(key string, e entry) (bool, error) {
				count++
				if e.at < limit {
					old = append(old, aged{key, e.at})
				}
				return true, nil
			})
		})
		if err != nil {
			return err
		}
		slices.SortFunc(old, func(x, y aged) int { return cmp.Compare(x.at, y.at) })
		old = old[:min(len(old), max(count-k.count, 0))]
		for chunk := range slices.Chunk(old, trimChunk) {
			err := s.own(ctx, func(tx *Tx) error {
				for _, a := range chunk {
					full := fullKey(b, []byte(a.key))
					e, err := tx.find(full)
					if err != nil {
						return err
					}
					if e.value != nil && e.at == a.at {
						tx.remove(full)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRoom takes the reserve again once there is room, and stops new sales
// before the disk is full.
func (s *Store) checkRoom() {
	s.holdReserve()
	s.measure()
}

// holdReserve allocates the reserve if it is not there and would leave as much
// again, and notes whether the disk is nearly full.
func (s *Store) holdReserve() {
	free, err := freeBytes(s.dir)
	if err != nil {
		s.log.Warn("the disk's room is unknown", "err", err)
		return
	}
	if !s.reserve.has() && (s.reserve.found() || free > 2*s.o.ReserveBytes) {
		if err := s.reserve.hold(); err != nil {
			s.log.Warn("no room for the reserve", "err", err)
		}
	}
	s.nearlyFull(!s.reserve.has() || free < s.o.ReserveBytes/4)
}

// giveReserve frees the reserve on a full disk and reports whether there is room
// now: journal and file may run into the full disk at the same moment, and only
// one of them finds the reserve.
func (s *Store) giveReserve() bool {
	ok := s.reserve.release()
	s.nearlyFull(true)
	if ok {
		return true
	}
	free, err := freeBytes(s.dir)
	return err == nil && free > s.o.ReserveBytes/8
}

func (s *Store) nearlyFull(low bool) {
	if s.low.Swap(low) == low {
		return
	}
	s.log.Info("room on the disk changed", "low", low)
	if low {
		s.raise(kindDisk)
	} else {
		s.clear(kindDisk)
	}
}

// Close stops taking changes, finishes those that were asked for, brings all
// into the file and releases the directory. It may be called more than once.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		s.writing.Wait()
		close(s.applies)
		s.applying.Wait()
		s.journal.drop()
		s.handle.Lock()
		defer s.handle.Unlock()
		if s.db != nil {
			err = s.closeFile()
		}
		err = errors.Join(err, s.lock.Close())
	})
	return err
}
