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
	return s.pendingHealed(events, after, max, maxBytes)
}

func (s *Store) pendingHealed(n strand, after uint64, max, maxBytes int) ([]Event, error) {
	for try := 0; ; try++ {
		list, gen, bad, err := s.pending(n, after, max, maxBytes)
		if len(list) > 0 {
			return list, nil // what lies before the damage goes first
		}
		if bad == 0 {
			return nil, err
		}
		if try > 0 || s.o.Seal == nil {
			return nil, err
		}
		if err := s.heal(n, gen, bad, err); err != nil {
			return nil, err
		}
	}
}

// pending reads until the first event that cannot be read; bad is its sequence.
func (s *Store) pending(n strand, after uint64, max, maxBytes int) (list []Event, gen uint32, bad uint64, err error) {
	err = s.View(func(tx *Tx) error {
		c := tx.c[n]
		gen = c.gen
		if after >= c.last {
			return nil
		}
		size, next := 0, after+1
		if next <= c.acked {
			// What was acked is let go from the front after a while: that it is
			// not there any more is no damage.
			first, err := tx.firstKept(n, tx.c[n].gen, tx.c[n].last)
			if err != nil {
				return err
			}
			if first > next && first <= c.acked+1 {
				next = first
			}
			if next > c.last {
				return nil
			}
		}
		err := tx.scan(n.bucket(), eventKey(gen, next), eventKey(gen, c.last+1), false, func(key string, e entry) (bool, error) {
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
			body, err := s.body(fullKey(n.bucket(), []byte(key)), st)
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
		if err == nil && next != 0 && next <= c.last {
			err = fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d is not there", next))
		}
		if err != nil && next != 0 {
			bad = next
		}
		return err
	})
	return list, gen, bad, err
}

// event reads one stored event of a strand's present epoch.
func (tx *Tx) event(n strand, seq uint64) (stored, entry, error) {
	e, err := tx.find(fullKey(n.bucket(), eventKey(tx.c[n].gen, seq)))
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
		e, _, err := tx.event(events, seq)
		if fault.KindOf(err) == fault.Absent && seq == tx.c[events].acked {
			h = tx.c[events].ackedHash
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
	return s.ack(ctx, events, epoch, through, sent, hash)
}

func (s *Store) ack(ctx context.Context, n strand, epoch string, through, sent uint64, hash [32]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var a acked
	err := s.View(func(tx *Tx) (err error) {
		a, err = tx.judge(n, epoch, through, sent, hash)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := &s.at[n]
	if at.c.gen != a.gen {
		return ErrEpoch
	}
	if through <= at.c.acked {
		return nil
	}
	if a.from == at.c.acked { // else a part of it was counted meanwhile, and comes right at the next start
		at.c.out += a.size
	}
	at.c.acked, at.c.ackedHash = through, hash
	if at.oldest = a.next; a.next == 0 && at.c.last > through {
		at.oldest = time.Now().UnixMilli()
	}
	if !at.ackSent {
		at.ackSent, at.ackAt = true, time.Now()
		select {
		case s.poke <- struct{}{}:
		default:
		}
	}
	return nil
}

// acked is what a good ack is about.
type acked struct {
	gen  uint32
	from uint64 // the watermark before
	next int64  // when the event after it was committed, unix ms; 0 = there is none, or it is damaged
	size uint64 // bytes of the copies that it covers
}

// judge says what an ack moves, or why it must not.
func (tx *Tx) judge(n strand, epoch string, through, sent uint64, hash [32]byte) (a acked, err error) {
	c := tx.c[n]
	a.gen, a.from = c.gen, c.acked
	switch {
	case epoch != c.epochText():
		return a, ErrEpoch
	case through > sent || through > c.last:
		return a, ErrAhead
	case through < c.acked:
		return a, ErrBehind
	case through == 0:
		if hash != [32]byte{} {
			return a, ErrHash
		}
		return a, nil
	case through == c.acked && hash == c.ackedHash:
		return a, nil
	}
	e, _, err := tx.event(n, through)
	if fault.KindOf(err) == fault.Absent && through == c.acked {
		return a, ErrHash
	}
	if err != nil {
		return a, err
	}
	// The cloud may hold the original of what became a stand-in here.
	if h := e.sum(); h != hash && !(e.standIn && e.original == hash) {
		return a, ErrHash
	}
	if through < c.last {
		// A damaged next event has no time; it gets repaired when it is sent.
		if _, next, err := tx.event(n, through+1); err == nil {
			a.next = next.at
		}
	}
	if n == copies {
		for seq := c.acked + 1; seq <= through; seq++ {
			if e, _, err := tx.event(n, seq); err == nil {
				a.size += uint64(len(e.packed))
			}
		}
	}
	return a, nil
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
