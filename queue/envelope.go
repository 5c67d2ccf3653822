package queue

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// envelope is what the store looks at in an event that was sealed as a
// CloudEvents object: only to verify it, and to seal it again in another epoch.
type envelope struct {
	Type     string          `json:"type"`
	Subject  string          `json:"subject"`
	Epoch    string          `json:"epoch"`
	Sequence string          `json:"sequence"`
	Prev     string          `json:"prevhash"`
	OfID     string          `json:"originalid"`   // of a copy
	OfHash   string          `json:"originalhash"` // of a copy
	Data     json.RawMessage `json:"data"`
}

// checkEnvelope compares what an event says of its place with where it lies; ""
// = it agrees, says nothing, or is sealed.
func checkEnvelope(e stored, seq uint64) string {
	var env envelope
	if e.sealed {
		return "" // the seal is bound to its place
	}
	if json.Unmarshal(e.packed, &env) != nil || env.Sequence == "" {
		return ""
	}
	if n, err := strconv.ParseUint(env.Sequence, 10, 64); err != nil || n != seq {
		return fmt.Sprintf("says that it is event %q", env.Sequence)
	}
	if env.Prev != hex.EncodeToString(e.prev[:]) {
		return "names another prevhash than its record"
	}
	return ""
}

// message takes an event's bytes apart again.
func message(body []byte, personal bool) (m Message, of Original, err error) {
	var env envelope
	if err := json.Unmarshal(body, &env); err != nil {
		return m, of, fmt.Errorf("not a JSON object: %w", err)
	}
	if env.Type == "" || len(env.Data) == 0 {
		return m, of, fmt.Errorf("no type or data")
	}
	if env.OfID != "" {
		h, err := hex.DecodeString(env.OfHash)
		if err != nil || len(h) != len(of.Hash) {
			return m, of, fmt.Errorf("originalhash is not 64 hex digits")
		}
		of = Original{ID: env.OfID, Hash: [32]byte(h)}
	}
	return Message{Type: env.Type, Subject: env.Subject, Data: env.Data, Personal: personal}, of, nil
}
