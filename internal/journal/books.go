package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is one movement of money in one of the two views.
type entry struct {
	movement
	epoch string
	seq   uint64
	hash  Hash
	ofID  string // of a copy
	of    Hash
	at    time.Time
}

// key is what makes two entries the same movement.
func (e entry) key() string { return e.kind + " " + e.name() }

func (e entry) name() string {
	if e.kind == "sale.refunded" {
		return e.RefundID
	}
	return e.ID
}

// book is one view of one till.
type book struct {
	source  string
	files   []string
	entries map[string]entry
	order   []string          // keys, in the order of their events
	ends    map[string]uint64 // epoch -> last sequence
	begins  map[string]uint64 // epoch -> first sequence
	away    map[string][]span // epoch -> sequences whose content is not there
	damaged map[string]bool   // ids of events that a damaged copy stands for, or that are damaged
	rules   []rule            // of a mall
	held    []Withheld        // of a mall
	wrong   []string          // doubled, and what the chain check found
	again   int               // carried into a new epoch and met a second time
	newest  map[string]uint64 // of a mall: brand's epoch -> newest event that the copies name
}

type span struct{ first, last uint64 }

// rule is what a mall's copies are made of behind one event.
type rule struct {
	of     string // id of the event
	at     time.Time
	Events []string `json:"events"`
	Redact []string `json:"redact"`
	Source string   `json:"source"`
}

// Withheld is the data of tilld.record.withheld.v1.
type Withheld struct {
	Count int `json:"count"`
	First struct {
		ID string `json:"id"`
	} `json:"first"`
	Last struct {
		ID string `json:"id"`
	} `json:"last"`
}

// Books reads the views of any number of tills out of files: exports, or lines
// of a receiver's ledger. Files of one till and epoch have to come in order.
type Books struct {
	byTill map[string]*book
	order  []string
}

// Read takes a file. Each file is checked as [Check.Verify] does; a manifest
// that is there has to be right.
func (b *Books) Read(file string, open func() (io.ReadCloser, error)) error {
	if b.byTill == nil {
		b.byTill = map[string]*book{}
	}
	f, err := open()
	if err != nil {
		return err
	}
	rep, err := Check{NoManifest: true}.Verify(file, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if rep.Source == "" {
		if len(rep.Problems) > 0 {
			return errors.New(rep.Problems[0].String())
		}
		return nil // an empty export
	}
	k := b.book(rep.Source)
	k.files = append(k.files, file)
	for _, p := range rep.Problems {
		k.wrong = append(k.wrong, p.String())
	}
	if f, err = open(); err != nil {
		return err
	}
	defer f.Close()
	in, err := newReader(f)
	if err != nil {
		return err
	}
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errTorn) && !errors.Is(err, errColumns) {
			return fmt.Errorf("%s: %w", file, err)
		}
		l, err := parseLine(line)
		switch {
		case err != nil: // told above
		case l.event != nil:
			k.event(l.event)
		case l.omitted != nil:
			k.away[rep.Epoch] = append(k.away[rep.Epoch], span{l.omitted.First, l.omitted.Last})
			k.reach(rep.Epoch, l.omitted.First, l.omitted.Last)
		}
	}
}

func (b *Books) book(source string) *book {
	k, ok := b.byTill[source]
	if !ok {
		k = &book{
			source: source, entries: map[string]entry{}, ends: map[string]uint64{}, begins: map[string]uint64{}, away: map[string][]span{},
			damaged: map[string]bool{}, newest: map[string]uint64{},
		}
		b.byTill[source] = k
		b.order = append(b.order, source)
	}
	return k
}

func (k *book) reach(epoch string, first, last uint64) {
	if _, ok := k.begins[epoch]; !ok {
		k.begins[epoch] = first
	}
	if end, ok := k.ends[epoch]; ok && first > end+1 {
		k.away[epoch] = append(k.away[epoch], span{end + 1, first - 1})
		k.wrong = append(k.wrong, fmt.Sprintf("%s of epoch %.8s are in no file", sequences(end+1, first-1), epoch))
	}
	k.ends[epoch] = max(k.ends[epoch], last)
}

func (k *book) event(e *Event) {
	if e.Sequence <= k.ends[e.Epoch] && k.begins[e.Epoch] != 0 {
		return // files overlap
	}
	k.reach(e.Epoch, e.Sequence, e.Sequence)
	if epoch, seq, ok := splitID(e.OfID); ok {
		k.newest[epoch] = max(seq, k.newest[epoch])
	}
	switch e.Type {
	case "tilld.mall.view.v1":
		r := rule{of: e.OfID, at: e.Time}
		if json.Unmarshal(e.Data, &r) != nil {
			k.wrong = append(k.wrong, "the rule in event "+number(e.Sequence)+" cannot be read")
			return
		}
		k.rules = append(k.rules, r)
		return
	case "tilld.record.withheld.v1":
		var w Withheld
		if json.Unmarshal(e.Data, &w) != nil {
			k.wrong = append(k.wrong, "event "+number(e.Sequence)+" cannot be read")
			return
		}
		k.held = append(k.held, w)
		return
	case "tilld.record.damaged.v1":
		k.damaged[firstOf(e.OfID, id(e.Epoch, e.Sequence))] = true
		return
	}
	m, ok := figures(e)
	if !ok {
		return
	}
	n := entry{movement: m, epoch: e.Epoch, seq: e.Sequence, hash: e.Hash, ofID: e.OfID, of: e.OfHash, at: e.Time}
	if old, twice := k.entries[n.key()]; twice {
		if old.epoch != n.epoch && old.amount() == n.amount() && old.Number == n.Number && old.Day == n.Day {
			k.again++
			return
		}
		k.wrong = append(k.wrong, fmt.Sprintf("%s %s is in event %d and again in event %d", n.kind, n.name(), old.seq, n.seq))
		return
	}
	k.entries[n.key()] = n
	k.order = append(k.order, n.key())
}

func id(epoch string, seq uint64) string { return epoch + "-" + strconv.FormatUint(seq, 10) }

// splitID takes an event's id apart.
func splitID(id string) (epoch string, seq uint64, ok bool) {
	epoch, n, found := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(n, 10, 64)
	return epoch, seq, found && err == nil && len(epoch) == 32
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// has reports whether the content of an event is in the book's files.
func (k *book) has(epoch string, seq uint64) bool {
	return seq >= k.begins[epoch] && seq <= k.ends[epoch] &&
		!slices.ContainsFunc(k.away[epoch], func(s span) bool { return s.first <= seq && seq <= s.last })
}
