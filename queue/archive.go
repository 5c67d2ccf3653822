package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tilld/internal/fault"
)

// Archived is an event as the directory still knows it.
type Archived struct {
	Sequence uint64
	At       time.Time
	Hash     [32]byte // of its exact bytes
	Prev     [32]byte // of the event before
	Original [32]byte // of a stand-in: the hash of the bytes it stands for, when known
	Body     []byte   // exact bytes; nil when they were personal and have been erased
}

// errEnough ends a replay.
var errEnough = errors.New("enough")

// Archive calls f for the events of an epoch ("" is the present one) after the
// sequence after, in order: those that the outbox no longer has come from the
// journal. It holds up nobody and needs the memory of one journal file. An event
// that is nowhere is not passed, so that f sees a gap. f must not keep Body. An
// epoch that [Store.Epochs] does not list is [ErrNoEpoch].
func (s *Store) Archive(ctx context.Context, epoch string, after uint64, f func(Archived) error) error {
	gen, first := uint32(0), uint64(0)
	if err := s.View(func(tx *Tx) error {
		e, err := tx.epoch(epoch)
		if err != nil {
			return err
		}
		gen = e.gen
		first, err = tx.firstKept(events, gen, e.Last)
		return err
	}); err != nil {
		return err
	}
	next := after + 1
	give := func(full string, seq uint64, e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		st, err := unpackStored(e.value)
		if err != nil {
			return fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d: %w", seq, err))
		}
		body, err := s.body(full, st)
		if err != nil && !errors.Is(err, ErrErased) {
			return fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("event %d: %w", seq, err))
		}
		next = seq + 1
		return f(Archived{Sequence: seq, At: fromMS(e.at), Hash: st.sum(), Prev: st.prev, Original: st.original, Body: body})
	}
	if next < first {
		_, err := replay(s.path(journalDir), mark{}, 0, nil, func(r record) error {
			for _, o := range r.ops {
				b, key := splitKey(o.key)
				g, seq, ok := splitEventKey([]byte(key))
				if b != outbox || !ok || g != gen || o.del || seq < next || seq >= first {
					continue
				}
				for ; next < seq; next++ { // its commit was lost; a repair may have put it later
					full := fullKey(outbox, eventKey(gen, next))
					if e, found := s.lookup(full); found {
						if err := give(full, next, e); err != nil {
							return err
						}
						next--
					}
				}
				if err := give(o.key, seq, entry{value: o.value, at: r.at}); err != nil {
					return err
				}
				if next >= first {
					return errEnough
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		next = max(next, first)
	}
	return s.archiveKept(gen, &next, give)
}

// firstKept is the sequence of the oldest event of a generation that a strand's
// outbox has, or of the one after its last.
func (tx *Tx) firstKept(n strand, gen uint32, last uint64) (first uint64, err error) {
	first = last + 1
	err = tx.scan(n.bucket(), eventKey(gen, 0), eventKey(gen+1, 0), false, func(key string, _ entry) (bool, error) {
		if _, seq, ok := splitEventKey([]byte(key)); ok {
			first = seq
		}
		return false, nil
	})
	return first, err
}

// archiveKept gives what the outbox has, some at a time, so that no page of the
// file is held for long.
func (s *Store) archiveKept(gen uint32, next *uint64, give func(full string, seq uint64, e entry) error) error {
	type one struct {
		full string
		seq  uint64
		e    entry
	}
	for try := 0; ; {
		var list []one
		bad := uint64(0)
		err := s.View(func(tx *Tx) error {
			size, want := 0, *next
			err := tx.scan(outbox, eventKey(gen, want), eventKey(gen+1, 0), false, func(key string, e entry) (bool, error) {
				_, seq, ok := splitEventKey([]byte(key))
				if !ok || seq > want {
					want = max(want, seq)
				}
				e.value = slices.Clone(e.value)
				list = append(list, one{fullKey(outbox, []byte(key)), seq, e})
				size += len(e.value)
				want++
				return len(list) < 500 && size < 4<<20, nil
			})
			if err != nil {
				bad = want
			}
			return err
		})
		for _, o := range list {
			if err := give(o.full, o.seq, o.e); err != nil {
				return err
			}
			try = 0
		}
		switch {
		case err != nil && fault.KindOf(err) == fault.Corrupt && gen != s.state(events).gen:
			*next, try = bad+1, 0 // nobody repairs what is over; the gap shows it
		case err != nil && (try > 0 || fault.KindOf(err) != fault.Corrupt):
			return err
		case err != nil:
			if err := s.heal(events, gen, bad, err); err != nil {
				return err
			}
			try++
		case len(list) == 0:
			return nil
		}
	}
}
