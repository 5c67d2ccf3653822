package cloud

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oklog/ulid/v2"
)

// Key signs what the cloud sends.
type Key struct {
	ID      string // kid
	private ed25519.PrivateKey
	proof   bool // for payment proofs, not for messages
}

// NewProofKey draws a key pair for payment proofs. Its kid is one byte.
func NewProofKey(id byte) (Key, error) {
	k, err := NewKey(strconv.Itoa(int(id)))
	k.proof = true
	return k, err
}

// LoadProofKey is [LoadKey] for a key that signs payment proofs.
func LoadProofKey(path string, id byte) (Key, error) {
	k, err := LoadKey(path, strconv.Itoa(int(id)))
	k.proof = true
	return k, err
}

// NewKey draws a key pair.
func NewKey(id string) (Key, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Key{}, fmt.Errorf("cloud: key: %w", err)
	}
	return Key{ID: id, private: private}, nil
}

// LoadKey reads a private key from a file, or draws one and writes it there for
// its owner's eyes only.
func LoadKey(path, id string) (Key, error) {
	type private struct {
		Kid string `json:"kid"`
		D   []byte `json:"seed"`
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		k, err := NewKey(id)
		if err != nil {
			return Key{}, err
		}
		data, err := json.Marshal(private{id, k.private.Seed()})
		if err != nil {
			return Key{}, err
		}
		return k, os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return Key{}, fmt.Errorf("cloud: key: %w", err)
	}
	var p private
	if err := json.Unmarshal(data, &p); err != nil {
		return Key{}, fmt.Errorf("cloud: key: %w", err)
	}
	if len(p.D) != ed25519.SeedSize || p.Kid == "" {
		return Key{}, fmt.Errorf("cloud: key: %s is no key", path)
	}
	return Key{ID: p.Kid, private: ed25519.NewKeyFromSeed(p.D)}, nil
}

// TrustFile is the JWK set (RFC 7517, RFC 8037) that tills get: the public
// halves of keys, each for what it signs.
func TrustFile(keys ...Key) ([]byte, error) {
	type jwk struct {
		Kty string   `json:"kty"`
		Crv string   `json:"crv"`
		X   string   `json:"x"`
		Kid string   `json:"kid"`
		Use []string `json:"tilld:use"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	for _, k := range keys {
		public, ok := k.private.Public().(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("cloud: key %q is empty", k.ID)
		}
		use := "message"
		if k.proof {
			use = "proof"
		}
		set.Keys = append(set.Keys, jwk{"OKP", "Ed25519", base64.RawURLEncoding.EncodeToString(public), k.ID, []string{use}})
	}
	return json.MarshalIndent(set, "", "  ")
}

// Message is what is to be signed for one till or a group of them.
type Message struct {
	ID       string        // jti; "" draws one
	Audience string        // "acme/sh-001/03", "acme/sh-001/*" or "acme/*"
	Type     string        // "ack", or the type of the request or command
	Ref      string        // id of the request this answers
	Life     time.Duration // until exp; 0 is ten minutes, at most 24 h
	Data     any           // a JSON object
}

// Sign makes the compact JWT of m, issued at.
func (k Key) Sign(m Message, at time.Time) (string, error) {
	if m.ID == "" {
		m.ID = ulid.Make().String()
	}
	if m.Life == 0 {
		m.Life = 10 * time.Minute
	}
	claims := jwt.MapClaims{
		"iss": "cloud", "aud": m.Audience, "jti": m.ID, "type": m.Type, "data": m.Data,
		// Milliseconds: tills measure their clock's offset by iat.
		"iat": seconds(at), "exp": seconds(at.Add(m.Life)),
	}
	if m.Ref != "" {
		claims["ref"] = m.Ref
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["kid"] = k.ID
	return token.SignedString(k.private)
}

func seconds(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64))
}

// Public is the public half.
func (k Key) Public() ed25519.PublicKey {
	public, _ := k.private.Public().(ed25519.PublicKey)
	return public
}
