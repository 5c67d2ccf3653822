package journal

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
	"slices"
	"time"
)

// Filter says which events an export has.
type Filter struct {
	From, To time.Time // by the time in the event, [From, To); zero = open
	Types    []string  // whole types; none = all
	FromDay  string    // as asked for, for the manifest
	ToDay    string
}

func (f Filter) takes(kind string, at time.Time) bool {
	return (f.From.IsZero() || !at.Before(f.From)) && (f.To.IsZero() || at.Before(f.To)) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, kind))
}

// Item is an event on its way into an export.
type Item struct {
	Sequence   uint64
	Hash, Prev Hash
	Original   Hash   // of a stand-in
	Body       []byte // nil when the content has been erased
}

func (it Item) next() Hash {
	if it.Original != (Hash{}) {
		return it.Original
	}
	return it.Hash
}

// Writer writes an export, in constant memory.
type Writer struct {
	out    *bufio.Writer
	digest hash.Hash
	f      Filter
	m      Manifest
	run    *Omitted // not written yet: a run at either end of the export is left out
	begun  bool
}

// NewWriter returns a writer of the events of source and epoch that f takes.
func NewWriter(w io.Writer, source, epoch, madeBy string, f Filter) *Writer {
	return &Writer{
		out: bufio.NewWriterSize(w, 64<<10), digest: sha256.New(), f: f,
		m: Manifest{Version: 1, Source: source, Epoch: epoch, From: f.FromDay, To: f.ToDay, Types: f.Types, MadeBy: madeBy},
	}
}

// Add takes the next event; sequences have to ascend by one.
func (w *Writer) Add(it Item) error {
	kind, at := "", time.Time{}
	if it.Body != nil {
		e, err := ParseEvent(it.Body)
		if err != nil {
			return err
		}
		kind, at = e.Type, e.Time
	}
	// What has been erased belongs to the export when its time does: its type
	// is in no clear text any more.
	if it.Body == nil || !w.f.takes(kind, at) {
		w.omit(it)
		return nil
	}
	if w.run != nil && w.begun {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.run = nil
	if !w.begun {
		w.begun = true
		w.m.First, w.m.Prev = it.Sequence, it.Prev
	}
	w.m.Events++
	w.m.Last, w.m.LastHash = it.Sequence, it.next()
	return w.line(it.Body)
}

func (w *Writer) omit(it Item) {
	if w.run == nil {
		w.run = &Omitted{First: it.Sequence, Prev: it.Prev}
	}
	w.run.Last, w.run.Hash = it.Sequence, it.next()
	if it.Body == nil {
		w.run.Erased++
	} else {
		w.run.Filtered++
	}
}

func (w *Writer) flush() error {
	b, err := json.Marshal(map[string]any{"omitted": w.run})
	if err != nil {
		return err
	}
	w.m.Omitted += w.run.Last - w.run.First + 1
	return w.line(b)
}

func (w *Writer) line(b []byte) error {
	w.digest.Write(b)
	w.digest.Write([]byte{'\n'})
	if _, err := w.out.Write(b); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

// Close writes the manifest, signed.
func (w *Writer) Close(key ed25519.PrivateKey, now time.Time) error {
	w.m.Digest, w.m.MadeAt = Hash(w.digest.Sum(nil)), now.UTC()
	m, err := json.Marshal(w.m)
	if err != nil {
		return err
	}
	pub, _ := key.Public().(ed25519.PublicKey) // always is one
	s := Signed{Manifest: m, Key: pub, Signature: ed25519.Sign(key, append([]byte(signedHead), m...))}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := w.line(b); err != nil {
		return err
	}
	return w.out.Flush()
}
