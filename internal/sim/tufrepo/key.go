package tufrepo

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
)

// Doc is a JSON object.
type Doc map[string]any

// Key is an Ed25519 key pair of a role.
type Key struct{ private ed25519.PrivateKey }

// NewKey draws a key.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{private}, err
}

// Public is the key as root metadata lists it.
func (k Key) Public() Doc {
	return Doc{
		"keytype": "ed25519", "scheme": "ed25519",
		"keyval": Doc{"public": hex.EncodeToString(k.private.Public().(ed25519.PublicKey))},
	}
}

// ID names the key: the SHA-256 of its canonical form.
func (k Key) ID() string { return sha256Hex(canonical(k.Public())) }

// Sign returns the metadata file of signed with one signature by each key.
func Sign(signed Doc, keys ...Key) ([]byte, error) {
	payload := canonical(signed)
	signatures := make([]any, 0, len(keys))
	for _, k := range keys {
		signatures = append(signatures, Doc{"keyid": k.ID(), "sig": hex.EncodeToString(ed25519.Sign(k.private, payload))})
	}
	return json.Marshal(Doc{"signatures": signatures, "signed": signed})
}
