package queue

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"tilld/internal/fault"
)

// resendChunk is how many events one commit carries into a new epoch.
const resendChunk = 200

// NewEpoch starts a new epoch: this data directory turned out to be an old copy
// (restored, cloned, or without the journal's end), so that its next numbers
// may have been used before. The sequence begins at 1 again.
//
// What the cloud had not acked is not lost: it is sealed again under the new
// epoch, in order and before anything new. Each run of such events is preceded
// by one of [CheckpointType] that names the old epoch, and of each event the
// old sequence and hash, by which a receiver that has it already can tell.
func (s *Store) NewEpoch(ctx context.Context, reason string) error {
	return s.newEpoch(ctx, events, reason)
}

func (s *Store) newEpoch(ctx context.Context, n strand, reason string) error {
	return s.ask(ctx, &request{alone: func() error {
		err := s.commitOwn(func(tx *Tx) error { return tx.renew(n, reason) })
		if err != nil {
			return err
		}
		return s.resendAll(n)
	}})
}

// finishEpoch completes what a power cut interrupted.
func (s *Store) finishEpoch(ctx context.Context) error {
	return s.ask(ctx, &request{alone: func() error { return errors.Join(s.resendAll(events), s.resendAll(copies)) }})
}

// commitOwn commits one closure from within the writer goroutine.
func (s *Store) commitOwn(f func(*Tx) error) error {
	r := &request{f: f, own: true, done: make(chan error, 1)}
	s.commitSome([]*request{r})
	return <-r.done
}

// resend is the place in an old epoch from which events are yet to be carried
// over.
type resend struct {
	Gen    uint32 `json:"gen"`
	Next   uint64 `json:"next"`
	Last   uint64 `json:"last"`
	Reason string `json:"reason"`
	Epoch  string `json:"epoch"`
}

func (tx *Tx) renew(n strand, reason string) error {
	old := tx.c[n]
	past, err := json.Marshal(map[string]any{
		"epoch": old.epochText(), "last_seq": old.last, "last_hash": hex.EncodeToString(old.lastHash[:]),
		"acked_seq": old.acked, "ended": fromMS(tx.at).UTC().Format(time.RFC3339), "reason": reason,
	})
	if err != nil {
		return err
	}
	cursor := resend{Gen: old.gen, Next: old.acked + 1, Last: old.last, Reason: reason, Epoch: old.epochText()}
	if e, err := tx.find(fullKey(meta, []byte(n.key(resendKey)))); err != nil {
		return err
	} else if e.value != nil {
		return errors.New("queue: a change of epoch is not complete yet")
	}
	b, err := json.Marshal(cursor)
	if err != nil {
		return err
	}
	tx.put(fullKey(meta, append([]byte(n.key(epochKey)), binary.BigEndian.AppendUint32(nil, old.gen)...)), past)
	tx.put(fullKey(meta, []byte(n.key(resendKey))), b)
	tx.c[n] = old.renew()
	return nil
}

// resendAll carries events over until none is left. It runs in the writer.
func (s *Store) resendAll(n strand) error {
	for {
		more := false
		err := s.commitOwn(func(tx *Tx) (err error) {
			more, err = tx.resendSome(n)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// carried says which event of the old epoch one of the new is.
type carried struct {
	Sequence uint64 `json:"sequence"`
	Was      uint64 `json:"was"`
	Hash     string `json:"hash,omitempty"`
}

func (tx *Tx) resendSome(n strand) (more bool, err error) {
	full := fullKey(meta, []byte(n.key(resendKey)))
	e, err := tx.find(full)
	if err != nil || e.value == nil {
		return false, err
	}
	var c resend
	if err := json.Unmarshal(e.value, &c); err != nil {
		return false, fault.New(fault.Corrupt, "queue", "new epoch", err)
	}
	type old struct {
		m  Message
		of Original
		at int64
	}
	var list []old
	told := []carried{}
	for ; c.Next <= c.Last && len(list) < resendChunk; c.Next++ {
		o := old{at: tx.at}
		k := carried{Sequence: tx.c[n].last + 2 + uint64(len(list)), Was: c.Next}
		e, err := tx.find(fullKey(n.bucket(), eventKey(c.Gen, c.Next)))
		var ev stored
		if err == nil && e.value != nil {
			ev, err = unpackStored(e.value)
		} else if err == nil {
			err = errors.New("event is not there")
		}
		if err == nil {
			h := ev.sum()
			k.Hash, o.at = hex.EncodeToString(h[:]), e.at
			var body []byte
			if body, err = tx.s.body(fullKey(n.bucket(), eventKey(c.Gen, c.Next)), ev); err == nil {
				o.m, o.of, err = message(body, ev.sealed)
			}
		}
		if err != nil {
			id := tx.bury(DeadRecord{Reason: err.Error(), Bucket: n.bucket(), Key: eventKey(c.Gen, c.Next), Epoch: c.Epoch, Sequence: c.Next, Data: e.value})
			data, err := json.Marshal(map[string]any{"reason": "cannot be carried into the new epoch", "was": c.Next, "was_epoch": c.Epoch, "dead": id})
			if err != nil {
				return false, err
			}
			o.m = Message{Type: DamagedType, Data: data}
		}
		list, told = append(list, o), append(told, k)
	}
	data, err := json.Marshal(map[string]any{"reason": c.Reason, "previous_epoch": c.Epoch, "previous_last": c.Last, "resent": told})
	if err != nil {
		return false, err
	}
	if _, err := tx.appendAt(n, Message{Type: CheckpointType, Data: data}, tx.at); err != nil {
		return false, err
	}
	for _, o := range list {
		if _, err := tx.appendOf(n, o.of, o.m, o.at); err != nil {
			return false, err
		}
	}
	if c.Next > c.Last {
		tx.layers[0] = tx.layers[0].put(full, entry{at: tx.at})
		tx.ops = append(tx.ops, op{key: full, del: true})
		return false, nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	tx.put(full, b)
	return true, nil
}
