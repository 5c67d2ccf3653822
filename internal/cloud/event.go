package cloud

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

// Limits of one batch on the topic event.
const (
	maxBatchEvents = 128
	maxBatchBytes  = 100 << 10
)

// Event is one event of a till: the exact bytes and what they say.
type Event struct {
	Source   string
	Type     string
	Subject  string
	Time     time.Time
	Epoch    string
	Sequence uint64
	BootID   string
	Data     json.RawMessage
	Body     []byte   // the line as it came
	Hash     [32]byte // SHA-256 of Body
	Prev     [32]byte // what it says of the event before
	// Original is, for record.damaged, the hash of the bytes it stands in for;
	// zero when the till does not know it either.
	Original [32]byte
}

// next is the prevhash that the following event has to carry.
func (e *Event) next() [32]byte {
	if e.Original != ([32]byte{}) {
		return e.Original
	}
	return e.Hash
}

const damaged = "tilld.record.damaged.v1"

// parseBatch splits a message body into its events. They are consecutive
// events of one epoch.
func parseBatch(source string, body []byte) ([]Event, error) {
	if len(body) > maxBatchBytes {
		return nil, fmt.Errorf("batch of %d bytes, at most %d", len(body), maxBatchBytes)
	}
	lines := bytes.Split(body, []byte{'\n'})
	if len(lines) > maxBatchEvents {
		return nil, fmt.Errorf("batch of %d events, at most %d", len(lines), maxBatchEvents)
	}
	events := make([]Event, 0, len(lines))
	for i, line := range lines {
		e, err := ParseEvent(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if e.Source != source {
			return nil, fmt.Errorf("line %d: source %q came in on the topic of %q", i+1, e.Source, source)
		}
		if i > 0 && (e.Epoch != events[0].Epoch || e.Sequence != events[i-1].Sequence+1) {
			return nil, fmt.Errorf("line %d: sequence %d after %d", i+1, e.Sequence, events[i-1].Sequence)
		}
		events = append(events, e)
	}
	return events, nil
}

// ParseEvent reads one CloudEvent in structured mode.
func ParseEvent(line []byte) (Event, error) {
	var w struct {
		SpecVersion string          `json:"specversion"`
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Type        string          `json:"type"`
		Subject     string          `json:"subject"`
		Time        time.Time       `json:"time"`
		ContentType string          `json:"datacontenttype"`
		Epoch       string          `json:"epoch"`
		Sequence    string          `json:"sequence"`
		PrevHash    string          `json:"prevhash"`
		BootID      string          `json:"bootid"`
		Offset      string          `json:"clockoffsetms"`
		Data        json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return Event{}, err
	}
	e := Event{Source: w.Source, Type: w.Type, Subject: w.Subject, Time: w.Time, Epoch: w.Epoch, BootID: w.BootID, Data: w.Data, Body: bytes.Clone(line), Hash: sha256.Sum256(line)}
	var err error
	if e.Sequence, err = sequence(w.Sequence); err != nil {
		return Event{}, err
	}
	if e.Prev, err = hash(w.PrevHash); err != nil {
		return Event{}, fmt.Errorf("prevhash: %w", err)
	}
	switch {
	case w.SpecVersion != "1.0" || w.ContentType != "application/json":
		return Event{}, errors.New("not a CloudEvent 1.0 with JSON data")
	case len(w.Epoch) != 32 || !isHex(w.Epoch):
		return Event{}, fmt.Errorf("epoch %.40q is not 32 hex digits", w.Epoch)
	case w.ID != fmt.Sprintf("%s-%d", w.Epoch, e.Sequence):
		return Event{}, fmt.Errorf("id %.60q is not epoch and sequence", w.ID)
	case w.Source == "" || w.Type == "" || w.BootID == "" || w.Time.IsZero():
		return Event{}, errors.New("source, type, bootid and time are needed")
	case len(w.Data) == 0 || w.Data[0] != '{':
		return Event{}, errors.New("data is not an object")
	}
	if _, err := strconv.ParseInt(w.Offset, 10, 64); err != nil {
		return Event{}, fmt.Errorf("clockoffsetms: %w", err)
	}
	if e.Type == damaged {
		var d struct {
			OriginalHash string `json:"original_hash"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return Event{}, err
		}
		if d.OriginalHash != "" {
			if e.Original, err = hash(d.OriginalHash); err != nil {
				return Event{}, fmt.Errorf("original_hash: %w", err)
			}
		}
	}
	return e, nil
}

// sequence reads the number in its 20 digits.
func sequence(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || len(s) != 20 || n == 0 {
		return 0, fmt.Errorf("sequence %.30q is not a positive number in 20 digits", s)
	}
	return n, nil
}

func hash(s string) (h [32]byte, err error) {
	if len(s) != 64 || !isHex(s) {
		return h, fmt.Errorf("%.70q is not 64 hex digits", s)
	}
	_, err = hex.Decode(h[:], []byte(s))
	return h, err
}

func isHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
