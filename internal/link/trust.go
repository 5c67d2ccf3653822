package link

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tilld/internal/fault"
	"tilld/internal/plainfile"
	"tilld/internal/strict"
)

// maxTrustFile is the largest trust file in bytes.
const maxTrustFile = 256 << 10

// Trust is the cloud's public keys, by key id.
type Trust struct{ message, proof map[string]ed25519.PublicKey }

// Message returns the key that signs the cloud's messages under kid.
func (t Trust) Message(kid string) (ed25519.PublicKey, bool) { k, ok := t.message[kid]; return k, ok }

// Proof returns the key that signs offline payment proofs under kid, "0" to "255".
func (t Trust) Proof(kid string) (ed25519.PublicKey, bool) { k, ok := t.proof[kid]; return k, ok }

// Proofs returns the keys that sign offline payment proofs, by id.
func (t Trust) Proofs() map[uint8]ed25519.PublicKey {
	keys := make(map[uint8]ed25519.PublicKey, len(t.proof))
	for kid, k := range t.proof {
		id, err := strconv.ParseUint(kid, 10, 8)
		if err == nil { // always: see proofKid
			keys[uint8(id)] = k
		}
	}
	return keys
}

// Len is the number of keys for messages and for proofs.
func (t Trust) Len() (messages, proofs int) { return len(t.message), len(t.proof) }

// LoadTrust reads cloud.trust_file. It fails with [fault.Config].
func LoadTrust(path string) (Trust, error) {
	bad := func(err error) (Trust, error) {
		return Trust{}, &fault.Error{
			Kind: fault.Config, Component: "cloud.trust_file", Op: "read", Err: err,
			Hint: "put the cloud's public keys there as a JWK set",
		}
	}
	f, err := plainfile.Open(path)
	if err != nil {
		return bad(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return bad(err)
	}
	if info.Size() > maxTrustFile {
		return bad(fmt.Errorf("%s: more than %d bytes", path, maxTrustFile))
	}
	data := make([]byte, info.Size())
	if _, err := f.ReadAt(data, 0); err != nil && len(data) > 0 {
		return bad(err)
	}
	t, err := ParseTrust(data)
	if err != nil {
		return bad(err)
	}
	return t, nil
}

// ParseTrust reads a JWK set (RFC 7517, RFC 8037): keys with kty OKP, crv
// Ed25519, x and kid; the member "tilld:use" says what a key may sign: "message"
// (the default), "proof" or both. Keys of other kinds are passed over, as RFC
// 7517 §5 asks; a private key, a kid used twice, or a set without any key of
// ours is an error.
func ParseTrust(data []byte) (Trust, error) {
	t := Trust{message: map[string]ed25519.PublicKey{}, proof: map[string]ed25519.PublicKey{}}
	if err := strict.Check(data); err != nil {
		return t, err
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &set); err != nil {
		return t, err
	}
	seen := map[string]bool{}
	for i, k := range set.Keys {
		if k.D != nil {
			return t, fmt.Errorf("key %d (kid %.40q) is a PRIVATE key: remove it and replace the pair", i, k.Kid)
		}
		if k.Kty != "OKP" || k.Crv != "Ed25519" || k.Alg != "" && k.Alg != "EdDSA" && k.Alg != "Ed25519" || k.Use != "" && k.Use != "sig" {
			continue
		}
		if err := k.add(t, seen); err != nil {
			return t, fmt.Errorf("key %d (kid %.40q): %w", i, k.Kid, err)
		}
	}
	if len(seen) == 0 {
		return t, errors.New("no Ed25519 key in the set")
	}
	return t, nil
}

type jwk struct {
	Kty string          `json:"kty"`
	Crv string          `json:"crv"`
	X   string          `json:"x"`
	Kid string          `json:"kid"`
	Alg string          `json:"alg"`
	Use string          `json:"use"`
	D   json.RawMessage `json:"d"`
	For []string        `json:"tilld:use"`
}

func (k jwk) add(t Trust, seen map[string]bool) error {
	if k.Kid == "" || len(k.Kid) > 64 {
		return errors.New("kid has to have 1 to 64 characters")
	}
	if seen[k.Kid] {
		return errors.New("kid twice")
	}
	seen[k.Kid] = true
	x, err := base64.RawURLEncoding.Strict().DecodeString(k.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return errors.New("x is not 32 bytes in base64url")
	}
	if k.For == nil {
		k.For = []string{"message"}
	}
	for _, use := range slices.Compact(slices.Sorted(slices.Values(k.For))) {
		switch use {
		case "message":
			t.message[k.Kid] = x
		case "proof":
			if !proofKid(k.Kid) {
				return errors.New(`a proof key has a kid from "0" to "255"`)
			}
			t.proof[k.Kid] = x
		default:
			return fmt.Errorf("tilld:use %.40q is neither message nor proof", use)
		}
	}
	return nil
}

func proofKid(s string) bool {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return len(s) >= 1 && len(s) <= 3 && n <= 255 && (len(s) == 1 || s[0] != '0')
}
