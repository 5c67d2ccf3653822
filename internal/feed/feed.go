// Package feed is the till's live news: what /v1/events streams as server-sent
// events. Subscribers that were away for a moment get what they missed from a
// bounded buffer, or are told that it is gone.
package feed

import (
	"encoding/json"
	"errors"
	"sync"
)

// Names of events. Append only.
const (
	Scan      = "scan"
	Sale      = "sale"
	Scene     = "scene"
	Print     = "print"
	Device    = "device"
	Link      = "link"
	Condition = "condition"
)

// Item is one piece of news.
type Item struct {
	ID   uint64 // grows, also across restarts
	Name string
	Data []byte // one JSON object
}

// ErrGone means that the feed no longer holds what came after an ID.
var ErrGone = errors.New("feed: events after this id are no longer held")

// The feed keeps for subscribers that come back at most Held items and about
// HeldBytes of them.
const (
	Held      = 4096
	HeldBytes = 8 << 20
)

// Feed fans news out. Safe for concurrent use.
type Feed struct {
	mu      sync.Mutex
	last    uint64
	held    []Item // oldest first
	bytes   int    // of held
	changed chan struct{}
}

// New returns a feed whose IDs start above boot<<32, so that they grow across
// restarts when boot does.
func New(boot uint32) *Feed {
	return &Feed{last: uint64(boot) << 32, changed: make(chan struct{})}
}

// Publish adds news. data must marshal to a JSON object.
func (f *Feed) Publish(name string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		panic("feed: " + name + ": " + err.Error()) // our own types only
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	f.held = append(f.held, Item{ID: f.last, Name: name, Data: body})
	if f.bytes += len(body); len(f.held) > Held || f.bytes > HeldBytes {
		f.trim()
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// trim drops the oldest quarter by number, or what is beyond three quarters of
// the bytes; the newest item always stays.
func (f *Feed) trim() {
	n := 0
	for n < len(f.held)-1 && (len(f.held)-n > Held*3/4 || f.bytes > HeldBytes*3/4) {
		f.bytes -= len(f.held[n].Data)
		n++
	}
	f.held = append(f.held[:0:0], f.held[n:]...)
}

// Last returns the newest ID.
func (f *Feed) Last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// After returns the items after id, oldest first, and a channel that is closed
// when there are newer ones. It fails with [ErrGone] when items after id were
// dropped or belong to an earlier run, or id was never given out.
func (f *Feed) After(id uint64) ([]Item, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.last + 1
	if len(f.held) > 0 {
		oldest = f.held[0].ID
	}
	if id+1 < oldest || id > f.last {
		return nil, nil, ErrGone
	}
	n := len(f.held) - int(f.last-id)
	return append([]Item(nil), f.held[n:]...), f.changed, nil
}
