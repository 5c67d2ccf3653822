package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tilld/internal/fault"
)

// WithheldType is the copy that stands for a run of events of which no copies
// were made, because the destination had not acked [Copier].MaxBytes of them.
// Its data is a [Withheld].
const WithheldType = "tilld.record.withheld.v1"

// Copier makes copies of events for another destination. A copy is made in the
// commit of its event and stored, so that its bytes never change, whatever
// becomes of the rules; it is a chain of its own with its own sequence, epoch
// and acks.
type Copier struct {
	// Wants reports whether events of a type are copied.
	Wants func(kind string) bool
	// Seal makes the bytes of a copy, like [Seal]. of is the zero value for what
	// the store itself adds; with the rule it is the event after which it holds,
	// sequence 0 before the first. A failure leaves a
	// stand-in of [DamagedType] in the place of the copy and the event untouched.
	Seal func(h Header, of Original, m Message) ([]byte, error)
	// Rule is added to the chain whenever it is another than the last one there,
	// so that the chain itself says what it holds from where on.
	Rule Message
	// Off makes no copies. A chain that is there already gets the Rule.
	Off bool
	// Personal says that copies may name a shopper: those of personal events lie
	// sealed then, and the keys of their days stay until they are acked.
	Personal bool
	// MaxBytes bounds the unacked copies, 0 = 256 MiB. Beyond it events are
	// counted instead of copied until there is room again.
	MaxBytes int64
}

// Original is the event that a copy was made of.
type Original struct {
	ID   string   // "<epoch>-<sequence>"
	Hash [32]byte // SHA-256 of its bytes
}

// Withheld is what is known of events that were not copied.
type Withheld struct {
	Count  int            `json:"count"`
	Types  map[string]int `json:"types"`
	First  Reference      `json:"first"`
	Last   Reference      `json:"last"`
	Reason string         `json:"reason"`
}

// Reference names an event.
type Reference struct {
	ID   string `json:"id"`
	Hash string `json:"hash"`
	Time string `json:"time"` // RFC 3339, UTC
}

// keys of meta.
const (
	ruleKey     = copiesHead + "rule"     // the last Rule in the chain
	withheldKey = copiesHead + "withheld" // Withheld that is not in the chain yet
)

const maxCopies = 256 << 20

// openCopies makes the chain of copies if there is to be one, and tells the rule.
func (s *Store) openCopies(ctx context.Context) error {
	k := s.o.Copies
	if k == nil || k.Off && s.state(copies).gen == 0 {
		return nil
	}
	rule, err := json.Marshal(map[string]any{"type": k.Rule.Type, "data": json.RawMessage(k.Rule.Data)})
	if err != nil {
		return fault.New(fault.Config, "queue", "open", err)
	}
	err = s.own(ctx, func(tx *Tx) error {
		if tx.c[copies].gen == 0 {
			tx.c[copies] = chain{}.renew()
		}
		full := fullKey(meta, []byte(ruleKey))
		e, err := tx.find(full)
		if err != nil || string(e.value) == string(rule) {
			return err
		}
		tx.put(full, rule)
		if err := tx.flushWithheld(true); err != nil {
			return err
		}
		c := tx.c[events]
		_, err = tx.appendOf(copies, Original{ID: fmt.Sprintf("%s-%d", c.epochText(), c.last), Hash: c.lastHash}, k.Rule, tx.at)
		return err
	})
	if err != nil {
		return err
	}
	return s.tellWithheld(ctx)
}

// copyEvent makes the copy of the event that was appended last.
func (tx *Tx) copyEvent(m Message) error {
	k := tx.s.o.Copies
	if k == nil || k.Off || tx.c[copies].gen == 0 || !k.Wants(m.Type) {
		return nil
	}
	c := tx.c[events]
	of := Original{ID: fmt.Sprintf("%s-%d", c.epochText(), c.last), Hash: c.lastHash}
	held, err := tx.withheld()
	if err != nil {
		return err
	}
	if held != nil && !tx.room(0, true) {
		return tx.withhold(held, of, m)
	}
	if err := tx.flushWithheld(false); err != nil {
		return err
	}
	body, err := tx.seal(copies, of, m, tx.at)
	if err != nil {
		tx.s.log.Error("a copy cannot be made", "type", m.Type, "event", of.ID, "err", err)
		data, jerr := json.Marshal(map[string]any{"reason": "cannot be copied", "type": m.Type})
		if jerr != nil {
			return jerr
		}
		if body, err = tx.seal(copies, of, Message{Type: DamagedType, Subject: m.Subject, Data: data}, tx.at); err != nil {
			return tx.withhold(nil, of, m) // not even that: the sale goes on, and the copies say what they lack
		}
	}
	if !tx.room(len(body), false) {
		return tx.withhold(nil, of, m)
	}
	tx.chain(copies, body, tx.at, m.Personal && k.Personal)
	return nil
}

// room reports whether size bytes more of copies may wait; again asks for a
// quarter of all room, so that one ack does not begin and end a run of withheld ones.
func (tx *Tx) room(size int, again bool) bool {
	limit := tx.s.o.Copies.MaxBytes
	if again {
		limit -= limit / 4 // more than the largest copy, at the least bound of 1 MiB
	}
	return tx.c[copies].backlog()+int64(size) <= limit
}

func (tx *Tx) withheld() (*Withheld, error) {
	e, err := tx.find(fullKey(meta, []byte(withheldKey)))
	if err != nil || e.value == nil {
		return nil, err
	}
	var w Withheld
	if err := json.Unmarshal(e.value, &w); err != nil {
		return nil, fault.New(fault.Corrupt, "queue", "withheld copies", err)
	}
	return &w, nil
}

// withhold counts an event instead of copying it.
func (tx *Tx) withhold(w *Withheld, of Original, m Message) error {
	ref := Reference{ID: of.ID, Hash: fmt.Sprintf("%x", of.Hash), Time: fromMS(tx.at).UTC().Format(time.RFC3339)}
	if w == nil {
		w = &Withheld{First: ref, Types: map[string]int{}, Reason: "the destination has not taken what was made for it before"}
	}
	w.Count++
	w.Types[m.Type]++
	w.Last = ref
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	tx.put(fullKey(meta, []byte(withheldKey)), b)
	return nil
}

// flushWithheld says in the chain what was withheld, if there is anything and,
// unless always, room.
func (tx *Tx) flushWithheld(always bool) error {
	w, err := tx.withheld()
	if err != nil || w == nil || !always && !tx.room(0, true) {
		return err
	}
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if _, err := tx.appendAt(copies, Message{Type: WithheldType, Data: data}, tx.at); err != nil {
		return err
	}
	tx.remove(fullKey(meta, []byte(withheldKey)))
	return nil
}

// tellWithheld brings chain and condition up to date with what is withheld.
func (s *Store) tellWithheld(ctx context.Context) error {
	if s.o.Copies == nil || s.state(copies).gen == 0 {
		return nil
	}
	var w *Withheld
	look := func(tx *Tx) (err error) {
		w, err = tx.withheld()
		return err
	}
	err := s.View(look)
	if err == nil && w != nil {
		err = s.own(ctx, func(tx *Tx) error { return errors.Join(tx.flushWithheld(false), look(tx)) })
	}
	if err != nil {
		return err
	}
	if w != nil {
		s.raise(kindWithheld, "count", fmt.Sprint(w.Count), "since", w.First.Time)
	} else {
		s.clear(kindWithheld)
	}
	return nil
}

// Copies is the outbox of copies, with the methods that a link needs of one.
type Copies struct{ s *Store }

// Copies returns the outbox of copies; nil when there is none.
func (s *Store) Copies() *Copies {
	if s.o.Copies == nil || s.state(copies).gen == 0 {
		return nil
	}
	return &Copies{s}
}

// Epoch is the present epoch of the copies, 32 hex digits.
func (c *Copies) Epoch() string { return c.s.state(copies).epochText() }

// LastSeq is the sequence of the newest copy.
func (c *Copies) LastSeq() uint64 { return c.s.state(copies).last }

// AckedSeq is the sequence through which the destination has everything.
func (c *Copies) AckedSeq() uint64 { return c.s.state(copies).acked }

// Grown is like [Store.Grown].
func (c *Copies) Grown() <-chan struct{} { return c.s.grows(copies) }

// Pending is like [Store.Pending].
func (c *Copies) Pending(after uint64, max, maxBytes int) ([]Event, error) {
	return c.s.pendingHealed(copies, after, max, maxBytes)
}

// Ack is like [Store.Ack]. It has no say over the till's own events.
func (c *Copies) Ack(ctx context.Context, epoch string, through, sent uint64, hash [32]byte) error {
	return c.s.ack(ctx, copies, epoch, through, sent, hash)
}

// NextSession is like [Store.NextSession]; the numbers are the copies' own.
func (c *Copies) NextSession(ctx context.Context) (uint64, error) {
	return c.s.nextSession(ctx, copies)
}

// NewEpoch is like [Store.NewEpoch]; the till's own events stay in theirs.
func (c *Copies) NewEpoch(ctx context.Context, reason string) error {
	return c.s.newEpoch(ctx, copies, reason)
}

// Stats is the outbox of copies at a glance: Bytes are those of unacked copies,
// Limit is what they may grow to.
func (c *Copies) Stats() Stats {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.at[copies]
	st := Stats{
		Epoch: p.c.epochText(), Depth: int(p.c.last - p.c.acked), LastSeq: p.c.last, AckedSeq: p.c.acked,
		Bytes: p.c.backlog(), Limit: s.o.Copies.MaxBytes,
	}
	if p.oldest != 0 {
		st.Oldest = fromMS(p.oldest)
	}
	st.Accepting = st.Bytes < st.Limit
	return st
}

// Hash is the SHA-256 of a copy's stored bytes; zero for 0.
func (c *Copies) Hash(seq uint64) (h [32]byte, err error) {
	if seq == 0 {
		return h, nil
	}
	err = c.s.View(func(tx *Tx) error {
		e, _, err := tx.event(copies, seq)
		h = e.sum()
		return err
	})
	return h, err
}
