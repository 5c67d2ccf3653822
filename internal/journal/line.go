// Package journal is what a sales journal looks like outside of the till: the
// file that `tillctl journal export` writes, the proof in it, and the check that
// anybody can make without the till.
//
// An export is a file of lines. Most are events, each with its exact bytes; a
// run of events that were not asked for, or whose personal content has been
// erased, is one line [Omitted] that keeps the chain together; the last line is
// a [Signed] manifest. Each event names the SHA-256 of the one before it, the
// manifest that of the last one and of the whole, and the till's key signs the
// manifest: nothing can be added, taken away, changed or put elsewhere.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// MaxLine bounds a line in bytes: an event has at most 100 KiB.
const MaxLine = 256 << 10

// Hash is a SHA-256, in JSON 64 hex digits.
type Hash [32]byte

// MarshalText writes 64 hex digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads them.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 64 {
		return fmt.Errorf("%.70q is not 64 hex digits", b)
	}
	_, err := hex.Decode(h[:], b)
	return err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Event is one event of a till, or a copy of one, with what its line says.
type Event struct {
	Line         []byte // its exact bytes, valid until the next one is read
	Hash         Hash   // of Line
	Source, Type string
	Subject      string
	Time         time.Time
	Epoch        string
	Sequence     uint64
	Prev         Hash
	// Original is, for record.damaged, the hash of the bytes it stands in for.
	Original Hash
	// OfID and OfHash are, for a mall's copy, the event it was made of.
	OfID   string
	OfHash Hash
	Data   json.RawMessage
}

// next is what the following event has to carry as prevhash.
func (e *Event) next() Hash {
	if e.Original != (Hash{}) {
		return e.Original
	}
	return e.Hash
}

// Omitted stands for a run of events whose content is not in the file.
type Omitted struct {
	First    uint64 `json:"first"` // sequences, both included
	Last     uint64 `json:"last"`
	Prev     Hash   `json:"prevhash"` // prevhash of the first
	Hash     Hash   `json:"hash"`     // of the last, as the one after it has to name it
	Filtered uint64 `json:"filtered,omitempty"`
	Erased   uint64 `json:"erased,omitempty"` // personal content past its time: no bytes are kept
}

// line is any line of an export.
type line struct {
	event    *Event
	omitted  *Omitted
	manifest *Signed
}

// ParseEvent reads one event. The names of its attributes are matched exactly,
// so that nobody can hide a second "Sequence" in it.
func ParseEvent(b []byte) (*Event, error) {
	e := &Event{Line: b, Hash: sha256.Sum256(b)}
	if bytes.ContainsAny(b, "\n\r") {
		return nil, errors.New("a line break inside the event")
	}
	m, err := members(b)
	if err != nil {
		return nil, err
	}
	text := func(name string) (s string) {
		if v, ok := m[name]; ok && err == nil {
			if uerr := json.Unmarshal(v, &s); uerr != nil {
				err = fmt.Errorf("%s: %w", name, uerr)
			}
		}
		return s
	}
	hash := func(name string) (h Hash) {
		if s := text(name); s != "" && err == nil {
			if herr := h.UnmarshalText([]byte(s)); herr != nil {
				err = fmt.Errorf("%s: %w", name, herr)
			}
		}
		return h
	}
	e.Source, e.Type, e.Subject, e.Epoch = text("source"), text("type"), text("subject"), text("epoch")
	sequence, at, id := text("sequence"), text("time"), text("id")
	e.Prev, e.OfID, e.OfHash, e.Data = hash("prevhash"), text("originalid"), hash("originalhash"), m["data"]
	if err != nil {
		return nil, err
	}
	if e.Sequence, err = strconv.ParseUint(sequence, 10, 64); err != nil || len(sequence) != 20 || e.Sequence == 0 {
		return nil, fmt.Errorf("sequence %.30q is not a positive number in 20 digits", sequence)
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return nil, fmt.Errorf("time: %w", err)
	}
	switch {
	case e.Source == "" || e.Type == "" || m["prevhash"] == nil:
		return nil, errors.New("source, type and prevhash are needed")
	case len(e.Epoch) != 32:
		return nil, fmt.Errorf("epoch %.40q is not 32 hex digits", e.Epoch)
	case id != fmt.Sprintf("%s-%d", e.Epoch, e.Sequence):
		return nil, fmt.Errorf("id %.60q is not epoch and sequence", id)
	case len(e.Data) == 0 || e.Data[0] != '{':
		return nil, errors.New("data is not an object")
	}
	if e.Type == "tilld.record.damaged.v1" {
		d, err := members(e.Data)
		if err != nil {
			return nil, err
		}
		var s string
		if v := d["original_hash"]; v != nil {
			if err := json.Unmarshal(v, &s); err != nil {
				return nil, err
			}
			if err := e.Original.UnmarshalText([]byte(s)); err != nil {
				return nil, fmt.Errorf("original_hash: %w", err)
			}
		}
	}
	return e, nil
}

// members are those of one JSON object. A name given twice is an error.
func members(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if _, twice := m[name]; !ok || twice {
			return nil, fmt.Errorf("%.40q is there twice", name)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		m[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		return nil, errors.New("more after the object")
	}
	return m, nil
}

var (
	omittedHead  = []byte(`{"omitted":`)
	manifestHead = []byte(`{"manifest":`)
)

// parseLine reads any line of an export.
func parseLine(b []byte) (line, error) {
	strict := func(dst any) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(dst); err != nil {
			return err
		}
		if len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
			return errors.New("more after the object")
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(b, omittedHead):
		var o struct{ Omitted *Omitted }
		if err := strict(&o); err != nil || o.Omitted == nil {
			return line{}, fmt.Errorf("omitted: %w", errors.Join(err))
		}
		if o.Omitted.First == 0 || o.Omitted.Last < o.Omitted.First {
			return line{}, errors.New("omitted: sequences make no sense")
		}
		return line{omitted: o.Omitted}, nil
	case bytes.HasPrefix(b, manifestHead):
		var s Signed
		if err := strict(&s); err != nil {
			return line{}, fmt.Errorf("manifest: %w", err)
		}
		return line{manifest: &s}, nil
	}
	e, err := ParseEvent(b)
	return line{event: e}, err
}
