package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tilld/internal/fault"
)

// Pending returns copies of the events that follow sequence after, in order: at
// most max of them and maxBytes of bodies together, but at least one if there
// is any. An event whose bytes went bad is repaired first.
func (s *Store) Pending(after uint64, max, maxBytes int) ([]Event, error) {
	for try := 0; ; try++ {
		list, gen, bad, err := s.pending(after, max, maxBytes)
		if len(list) > 0 {
			return list, nil // what lies before the damage goes first
		}
		if bad == 0 {
			return nil, err
		}
		if try > 0 || s.o.Seal == nil {
			return nil, err
		}
		if err := s.heal(gen, bad, err); err != nil {
			return nil, err
		}
	}
}

// pending reads until the first event that cannot be read; bad is its sequence.
func (s *Store) pending(after uint64, max, maxBytes int) (list []Event, gen uint32, bad uint64, err error) {
	err = s.View(func(tx *Tx) error {
		gen = tx.c.gen
		if after >= tx.c.last {
			return nil
		}
		size, next := 0, after+1
		err := tx.scan(outbox, eventKey(gen, next), eventKey(gen, tx.c.last+1), false, func(key string, e entry) (bool, error) {
			_, seq, ok := splitEventKey([]byte(key))
			if !ok || seq != next {
				bad = next
				return false, fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d is not there", next))
			}
			st, err := unpackStored(e.value)
			if err != nil {
				bad = next
				return false, fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d: %w", next, err))
			}
			body, err := s.body(eventKey(gen, seq), st)
			if err != nil {
				bad = next
				return false, fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d: %w", next, err))
			}
			if size += len(body); len(list) > 0 && (len(list) >= max || size > maxBytes) {
				next = 0
				return false, nil
			}
			list = append(list, Event{Sequence: seq, At: fromMS(e.at), Body: append([]byte{}, body...)})
			next++
			return true, nil
		})
		if err == nil && next != 0 && next <= tx.c.last {
			err = fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d is not there", next))
		}
		if err != nil && next != 0 {
			bad = next
		}
		return err
	})
	return list, gen, bad, err
}

// event reads one stored event of the present epoch.
func (tx *Tx) event(seq uint64) (stored, entry, error) {
	e, err := tx.find(fullKey(outbox, eventKey(tx.c.gen, seq)))
	if err != nil {
		return stored{}, e, err
	}
	if e.value == nil {
		return stored{}, e, &fault.Error{Kind: fault.Absent, Component: "queue", Op: "read", Err: fmt.Errorf("event %d is not there", seq)}
	}
	st, err := unpackStored(e.value)
	if err != nil {
		return st, e, fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d: %w", seq, err))
	}
	return st, e, nil
}

// Hash is the SHA-256 of the stored bytes of event seq; zero for 0.
// fault.Absent: there is no such event (any more).
func (s *Store) Hash(seq uint64) (h [32]byte, err error) {
	if seq == 0 {
		return h, nil
	}
	err = s.View(func(tx *Tx) error {
		e, _, err := tx.event(seq)
		if fault.KindOf(err) == fault.Absent && seq == tx.c.acked {
			h = tx.c.ackedHash
			return nil
		}
		h = e.sum()
		return err
	})
	return h, err
}

// Ack notes that the cloud has everything of epoch through a sequence, whose
// bytes have hash; sent is the highest sequence ever sent. Nothing is changed
// when it returns ErrEpoch, ErrAhead, ErrHash or ErrBehind. The watermark is on
// disk with the next commit or a second later: losing it only sends again.
func (s *Store) Ack(ctx context.Context, epoch string, through, sent uint64, hash [32]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var oldest int64
	var gen uint32
	err := s.View(func(tx *Tx) error {
		gen = tx.c.gen
		switch {
		case epoch != tx.c.epochText():
			return ErrEpoch
		case through > sent || through > tx.c.last:
			return ErrAhead
		case through < tx.c.acked:
			return ErrBehind
		case through == 0:
			if hash != [32]byte{} {
				return ErrHash
			}
			return nil
		case through == tx.c.acked && hash == tx.c.ackedHash:
			return nil
		}
		e, _, err := tx.event(through)
		if fault.KindOf(err) == fault.Absent && through == tx.c.acked {
			return ErrHash
		}
		if err != nil {
			return err
		}
		// The cloud may hold the original of what became a stand-in here.
		if h := e.sum(); h != hash && !(e.standIn && e.original == hash) {
			return ErrHash
		}
		if through < tx.c.last {
			// A damaged next event has no time; it gets repaired when it is sent.
			if _, next, err := tx.event(through + 1); err == nil {
				oldest = next.at
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.gen != gen {
		return ErrEpoch
	}
	if through <= s.c.acked {
		return nil
	}
	s.c.acked, s.c.ackedHash = through, hash
	if s.oldest = oldest; oldest == 0 && s.c.last > through {
		s.oldest = time.Now().UnixMilli()
	}
	if !s.ackSent {
		s.ackSent, s.ackAt = true, time.Now()
		select {
		case s.poke <- struct{}{}:
		default:
		}
	}
	return nil
}

// Dead lists what was set aside because it could not be read or sent, oldest
// first. Nothing of it is ever deleted by itself.
func (s *Store) Dead() (list []DeadRecord, err error) {
	err = s.View(func(tx *Tx) error {
		return tx.scan(dead, nil, nil, false, func(key string, e entry) (bool, error) {
			d, err := unpackDead(e.value)
			if err != nil {
				return false, fault.New(fault.Corrupt, "queue", "read dead letter", errors.Join(err, fmt.Errorf("number %s", printable(key))))
			}
			list = append(list, d)
			return true, nil
		})
	})
	return list, err
}
