package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Manifest says what an export holds.
type Manifest struct {
	Version  int       `json:"version"` // 1
	Source   string    `json:"source"`  // of the events
	Epoch    string    `json:"epoch"`
	First    uint64    `json:"first_sequence"` // 0 = the export is empty
	Last     uint64    `json:"last_sequence"`
	Prev     Hash      `json:"first_prevhash"`
	LastHash Hash      `json:"last_hash"`
	Events   uint64    `json:"events"`  // with content
	Omitted  uint64    `json:"omitted"` // without
	Digest   Hash      `json:"digest"`  // SHA-256 of all lines before, each with its line feed
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Types    []string  `json:"types,omitempty"`
	MadeAt   time.Time `json:"made_at"`
	MadeBy   string    `json:"made_by"`
}

// Signed is the last line of an export. The signature is Ed25519 over
// signedHead and the manifest's exact bytes.
type Signed struct {
	Manifest  json.RawMessage `json:"manifest"`
	Signature []byte          `json:"signature"`
	Key       []byte          `json:"key"` // public, 32 bytes
}

const signedHead = "tilld journal manifest 1\n"

// open checks the signature by the key that is there and reads the manifest.
func (s *Signed) open() (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(s.Manifest))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	if len(s.Key) != ed25519.PublicKeySize || !ed25519.Verify(s.Key, append([]byte(signedHead), s.Manifest...), s.Signature) {
		return m, errors.New("the manifest's signature is wrong")
	}
	if m.Version != 1 {
		return m, fmt.Errorf("manifest of version %d, 1 is known", m.Version)
	}
	return m, nil
}

// Fingerprint is a public key for people: the SHA-256 of its 32 bytes, in hex.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return fmt.Sprintf("%x", sum)
}
