package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

// noteDamage remembers a record that failed its checksum, for Run to repair.
func (s *Store) noteDamage(full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage[full] = struct{}{}
}

// healAll puts a stand-in for every event that a rebuild could not bring back,
// so that the sequence has no hole.
func (s *Store) healAll(ctx context.Context) error {
	if s.recovery.Load() == nil {
		return nil
	}
	for n := range strands {
		c := s.state(n)
		for after := c.acked; after < c.last; {
			if err := ctx.Err(); err != nil {
				return err
			}
			list, gen, bad, err := s.pending(n, after, 512, 4<<20)
			after += uint64(len(list))
			if bad == 0 && err != nil {
				return err
			}
			if bad != 0 {
				if err := s.heal(n, gen, bad, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// heal repairs one event: with the same bytes if the journal or a snapshot has
// them, else by a stand-in under its number.
func (s *Store) heal(n strand, gen uint32, seq uint64, cause error) error {
	full := fullKey(n.bucket(), eventKey(gen, seq))
	e, found := s.lookup(full)
	return s.own(context.Background(), func(tx *Tx) error {
		c := &tx.c[n]
		if c.gen != gen || seq > c.last {
			return nil // of another epoch by now
		}
		var follower, before [32]byte
		known := true
		if seq == c.last {
			follower = c.lastHash
		} else if next, _, err := tx.event(n, seq+1); err == nil {
			follower = next.prev
		} else {
			known = false
		}
		if found {
			ev, err := unpackStored(e.value)
			if err == nil {
				_, err = s.body(full, ev)
			}
			if err == nil && (!known || ev.sum() == follower || ev.standIn && ev.original == follower) {
				tx.put(full, e.value)
				tx.s.log.Warn("event repaired from the journal", "seq", seq, "err", cause)
				return nil
			}
		}
		switch {
		case seq == 1:
		case seq-1 == c.acked:
			before = c.ackedHash
		default:
			prev, _, err := tx.event(n, seq-1)
			if fault.KindOf(err) == fault.Absent && seq <= c.acked {
				return tx.letGo(n, gen, seq, cause) // the oldest that is kept
			}
			if err != nil {
				return err // events are repaired in order, so it is sound
			}
			if before = prev.sum(); prev.standIn && prev.original != [32]byte{} {
				before = prev.original
			}
		}
		ev, err := s.standIn(n, c.epochText(), seq, before, follower, fromMS(tx.at), cause.Error())
		if err != nil {
			return err
		}
		ev.boot = tx.c[events].boot
		tx.bury(DeadRecord{Reason: cause.Error(), Bucket: n.bucket(), Key: eventKey(gen, seq), Epoch: c.epochText(), Sequence: seq, Data: tx.raw(full)})
		if seq == c.last && follower == [32]byte{} {
			c.lastHash = ev.sum()
		}
		tx.put(full, ev.pack())
		s.log.Error("event replaced by a stand-in", "seq", seq, "err", cause)
		s.raise(kindDead, "count", fmt.Sprint(tx.c[events].dead))
		return nil
	})
}

// raw is what the file has under a full key, whatever its checksum says.
func (tx *Tx) raw(full string) []byte {
	b, key := splitKey(full)
	if bucket := tx.file.Bucket([]byte(b)); bucket != nil {
		return bytes.Clone(bucket.Get([]byte(key)))
	}
	return nil
}

// lookup finds the last value of a key outside of the file: in the journal,
// else in the newest snapshot that has it.
func (s *Store) lookup(full string) (e entry, found bool) {
	_, err := replay(s.path(journalDir), mark{}, 0, nil, func(r record) error {
		for _, o := range r.ops {
			if o.key == full {
				e, found = entry{value: o.value, at: r.at}, !o.del
			}
		}
		return nil
	})
	if err != nil {
		s.log.Warn("looking into the journal failed", "err", err)
	}
	if found {
		e.value = slices.Clone(e.value)
		return e, true
	}
	snaps, err := snapshots(s.path(snapshotDir))
	if err != nil {
		s.log.Warn("looking into the snapshots failed", "err", err)
	}
	for _, name := range snaps {
		if _, err := checkFile(s.path(snapshotDir, name), tree{}, false, func(key string, v entry) {
			if key == full {
				e, found = entry{value: slices.Clone(v.value), at: v.at}, true
			}
		}); err != nil {
			s.log.Warn("looking into a snapshot failed", "file", name, "err", err)
		}
		if found {
			return e, true
		}
	}
	return entry{}, false
}

// healNoted repairs the records that readers found damaged.
func (s *Store) healNoted(ctx context.Context) error {
	s.mu.Lock()
	var keys []string
	for k := range s.damage {
		keys = append(keys, k)
	}
	clear(s.damage)
	s.mu.Unlock()
	slices.Sort(keys)
	var errs []error
	for _, full := range keys {
		if s.View(func(tx *Tx) error { _, err := tx.find(full); return err }) == nil {
			continue // repaired since, or damaged in the copy for a snapshot only
		}
		b, key := splitKey(full)
		if n, is := strandOf(b); is {
			if gen, seq, ok := splitEventKey([]byte(key)); ok {
				if gen == s.state(n).gen {
					errs = append(errs, s.heal(n, gen, seq, errChecksum))
				} else {
					errs = append(errs, s.healOver(ctx, n, gen, seq))
				}
				continue
			}
		}
		errs = append(errs, s.healRecord(ctx, full))
	}
	return errors.Join(errs...)
}

// healRecord repairs a record that is no event. One that is nowhere else goes
// to the dead letters, so that it does not stop who reads past it.
func (s *Store) healRecord(ctx context.Context, full string) error {
	e, found := s.lookup(full)
	b, key := splitKey(full)
	return s.own(ctx, func(tx *Tx) error {
		if _, err := tx.find(full); err == nil {
			return nil // written since
		}
		if found {
			tx.put(full, e.value)
			s.log.Warn("record repaired from the journal", "bucket", b, "key", printable(key))
			return nil
		}
		tx.giveUp(b, full, errChecksum)
		return nil
	})
}

// healOver repairs an event of an epoch that is over, whose numbers nobody sends
// any more.
func (s *Store) healOver(ctx context.Context, n strand, gen uint32, seq uint64) error {
	full := fullKey(n.bucket(), eventKey(gen, seq))
	e, found := s.lookup(full)
	return s.own(ctx, func(tx *Tx) error {
		if _, err := tx.find(full); err == nil {
			return nil
		}
		if rest, err := tx.find(fullKey(meta, []byte(n.key(resendKey)))); err != nil || rest.value != nil {
			return err // it is being carried into the next epoch, which tells of it
		}
		if found {
			tx.put(full, e.value)
			return nil
		}
		return tx.letGo(n, gen, seq, errChecksum)
	})
}

// letGo gives up an event that is kept for nothing but to be looked at, and with
// it those before it, so that no hole is left. The journal may have them still.
func (tx *Tx) letGo(n strand, gen uint32, seq uint64, cause error) error {
	var before []string
	err := tx.scan(n.bucket(), eventKey(gen, 0), eventKey(gen, seq), false, func(key string, _ entry) (bool, error) {
		before = append(before, fullKey(n.bucket(), []byte(key)))
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, full := range before {
		tx.remove(full)
	}
	tx.giveUp(n.bucket(), fullKey(n.bucket(), eventKey(gen, seq)), cause)
	return nil
}

// giveUp puts a record that nothing can repair among the dead letters.
func (tx *Tx) giveUp(b Bucket, full string, cause error) {
	_, key := splitKey(full)
	tx.bury(DeadRecord{Reason: cause.Error(), Bucket: b, Key: []byte(key), Data: tx.raw(full)})
	tx.remove(full)
	tx.s.raise(kindLost, "lost", string(b)+"/"+printable(key))
}

// compactIfSparse rewrites a file that is mostly free pages: bbolt never makes
// one smaller.
func compactIfSparse(path string, limit int64, log interface{ Warn(string, ...any) }) {
	const worth, part = 64 << 20, 0.6
	if info, err := os.Stat(path); err != nil || info.Size() < worth {
		return
	}
	db, err := openBolt(path, limit)
	if err != nil {
		return // the start says why
	}
	used, free, err := liveBytes(db)
	if err != nil || used+free < worth || float64(free) < part*float64(used+free) {
		db.Close()
		return
	}
	tmp := path + ".copy"
	err = func() error {
		to, err := openBolt(tmp, 0)
		if err != nil {
			return err
		}
		return errors.Join(bolt.Compact(to, db, 4<<20), to.Close())
	}()
	if err = errors.Join(err, db.Close()); err == nil {
		var st *fileState
		if st, err = checkFile(tmp, tree{}, false, nil); err == nil && len(st.found) > 0 {
			err = errors.New(describe(st.found))
		}
	}
	if err == nil {
		err = install(tmp, path)
	}
	if err != nil {
		log.Warn("the file could not be made smaller", "err", err)
	}
}
