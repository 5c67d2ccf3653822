package cloud

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Ledger is what the cloud holds of its tills: every event once, in order, with
// its exact bytes. One row per source and epoch, the watermark, is all that is
// needed to tell new from old; here it lives in memory, in a chain's backend in
// its database with the same steps inside one transaction. Safe for concurrent
// use.
type Ledger struct {
	mu    sync.Mutex
	tills map[chainKey]*chain
	// last epoch seen of each source, and how many there were
	epochs map[string][]string
	alarms []Alarm
	dir    string // "" keeps nothing on disk
}

type chainKey struct{ source, epoch string }

// chain is one epoch of one till.
type chain struct {
	events     []Event
	next       [32]byte // prevhash that the next event has to carry
	quarantine bool
}

// Alarm is something a person must look into.
type Alarm struct {
	Source   string `json:"source"`
	Epoch    string `json:"epoch"`
	Sequence uint64 `json:"sequence"`
	Reason   string `json:"reason"`
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{tills: map[chainKey]*chain{}, epochs: map[string][]string{}}
}

// Verdict is what a batch led to.
type Verdict struct {
	Epoch   string
	Through uint64   // watermark: everything up to here is safe
	Hash    [32]byte // of event Through's bytes; zeros when Through is 0
	New     []Event  // accepted by this batch
	Gap     bool     // the batch began beyond the watermark and was not taken
	// Fork says that the till contradicts what it sent before: it was cloned or
	// restored. Nothing of it is taken any more, and it gets no ack.
	Fork bool
}

// Ingest takes one message of the topic event. An error means that the message
// is no batch of events; nothing is to be answered then.
func (l *Ledger) Ingest(source string, body []byte) (Verdict, error) {
	events, err := parseBatch(source, body)
	if err != nil {
		return Verdict{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	epoch := events[0].Epoch
	c := l.chain(source, epoch)
	if c.quarantine {
		return Verdict{Epoch: epoch, Fork: true}, nil
	}
	v := Verdict{Epoch: epoch}
	if events[0].Sequence > uint64(len(c.events))+1 {
		v.Gap = true
		return c.mark(v), nil
	}
	next := c.next
	for i := range events {
		e := &events[i]
		if i > 0 && e.Prev != events[i-1].next() {
			return l.fork(c, e, "prevhash is not the hash of the event before it in the same batch"), nil
		}
		if e.Sequence <= uint64(len(c.events)) {
			if old := &c.events[e.Sequence-1]; !same(old, e) {
				return l.fork(c, e, "the same sequence with other bytes"), nil
			}
			continue
		}
		if e.Prev != next {
			return l.fork(c, e, "prevhash is not the hash of the event before"), nil
		}
		next = e.next()
		v.New = append(v.New, *e)
	}
	if err := l.keep(v.New); err != nil { // not on disk: no ack, the till repeats
		return Verdict{}, fmt.Errorf("cloud: ledger: %w", err)
	}
	c.events, c.next = append(c.events, v.New...), next
	return c.mark(v), nil
}

// same reports whether b may stand where a stands: the same bytes, or one of
// them is the declared replacement of the other.
func same(a, b *Event) bool {
	return a.Hash == b.Hash || b.Original == a.Hash || a.Original == b.Hash && a.Type == damaged
}

// chain needs mu.
func (l *Ledger) chain(source, epoch string) *chain {
	key := chainKey{source, epoch}
	c, ok := l.tills[key]
	if !ok {
		c = &chain{}
		l.tills[key] = c
		l.epochs[source] = append(l.epochs[source], epoch)
	}
	return c
}

func (c *chain) mark(v Verdict) Verdict {
	if n := len(c.events); n > 0 {
		v.Through, v.Hash = c.events[n-1].Sequence, c.events[n-1].Hash
	}
	return v
}

// fork needs mu.
func (l *Ledger) fork(c *chain, e *Event, reason string) Verdict {
	c.quarantine = true
	l.alarms = append(l.alarms, Alarm{Source: e.Source, Epoch: e.Epoch, Sequence: e.Sequence, Reason: reason})
	return Verdict{Epoch: e.Epoch, Fork: true}
}

// Mark returns the watermark of an epoch, for an ack without a batch.
func (l *Ledger) Mark(source, epoch string) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.tills[chainKey{source, epoch}]
	if !ok {
		return Verdict{Epoch: epoch}
	}
	if c.quarantine {
		return Verdict{Epoch: epoch, Fork: true}
	}
	return c.mark(Verdict{Epoch: epoch})
}

func (l *Ledger) alarm(a Alarm) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarms = append(l.alarms, a)
}

// Alarms returns what a person must look into.
func (l *Ledger) Alarms() []Alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.alarms)
}

// Sources returns the tills that sent events.
func (l *Ledger) Sources() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.epochs))
}

// Events returns a till's events of all its epochs, oldest first, after the
// first skip ones.
func (l *Ledger) Events(source string, skip int) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []Event
	for _, epoch := range l.epochs[source] {
		events := l.tills[chainKey{source, epoch}].events
		if skip >= len(events) {
			skip -= len(events)
			continue
		}
		list = append(list, events[skip:]...)
		skip = 0
	}
	return list
}

// Verify hashes everything again and follows the chain, as an auditor would.
func (l *Ledger) Verify() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, c := range l.tills {
		var prev [32]byte
		for i, kept := range c.events {
			e, err := ParseEvent(kept.Body)
			if err != nil {
				return fmt.Errorf("%s epoch %s event %d: %w", key.source, key.epoch, i+1, err)
			}
			if e.Sequence != uint64(i+1) || e.Epoch != key.epoch || e.Source != key.source {
				return fmt.Errorf("%s epoch %s: event %d stands at %d", key.source, key.epoch, e.Sequence, i+1)
			}
			if e.Prev != prev {
				return fmt.Errorf("%s epoch %s event %d: prevhash is not the hash of the event before", key.source, key.epoch, i+1)
			}
			if !bytes.Equal(e.Hash[:], kept.Hash[:]) {
				return fmt.Errorf("%s epoch %s event %d: bytes changed", key.source, key.epoch, i+1)
			}
			prev = e.next()
		}
	}
	return nil
}
