package offlinepay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// The pay code of a till without a working 2D reader: what the shopper's phone
// shows beside the proof, to be typed (8 digits) or read by a 1D scanner (Code
// 128, "93" and 16 digits). Both are cut from one HMAC-SHA256 over the request's
// body with a key that this till and the cloud share, and say "this request was
// paid in full by the shopper" and nothing else: when, how and with which
// reference it was paid, the till cannot know before the cloud tells it.
const (
	TypedDigits   = 8
	BarcodeDigits = 18 // prefix and 16
	BarcodePrefix = "93"
	// CodeTries is how many typed codes may be wrong for one request: success by
	// guessing is 5e-8.
	CodeTries = 5

	codeDomain  = "tilld/pay-code/v1\x00"
	codeKeySize = 32
	maxCodeFile = 64 << 10
)

// CodeForm is how a code came in.
type CodeForm string

const (
	Typed   CodeForm = "typed"
	Barcode CodeForm = "barcode"
)

// FormOf says which form of code a text has, "" for none.
func FormOf(text string) CodeForm {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return ""
		}
	}
	switch {
	case len(text) == TypedDigits:
		return Typed
	case len(text) == BarcodeDigits && text[:len(BarcodePrefix)] == BarcodePrefix:
		return Barcode
	}
	return ""
}

// CodeKeys are the till's code keys, by generation: one, or while they are
// changed two that follow one another.
type CodeKeys map[uint8][]byte

// Newest is the generation to make requests for.
func (k CodeKeys) Newest() (gen uint8, ok bool) { return newest(k) }

// flags announce in a request that a code of the newest key is taken for it; a
// single bit tells which of two keys that follow one another.
func (k CodeKeys) flags() Flags {
	gen, ok := k.Newest()
	switch {
	case !ok:
		return 0
	case gen&1 == 1:
		return TakesCode | OddCodeKey
	default:
		return TakesCode
	}
}

// Announce returns the request's flags with what says that a code is taken.
func (k CodeKeys) Announce(f Flags) Flags { return f&^(TakesCode|OddCodeKey) | k.flags() }

// key is the one that a request was made for.
func (k CodeKeys) key(f Flags) []byte {
	for gen, key := range k {
		if (gen&1 == 1) == (f&OddCodeKey != 0) && len(key) == codeKeySize {
			return key
		}
	}
	return nil
}

// Codes makes both forms of a request's code from its body; "" when the request
// does not announce that a code is taken, or its key is not there.
func (k CodeKeys) Codes(body []byte) (typed, barcode string) {
	if len(body) != requestBody || body[0] != requestType || Flags(body[1])&TakesCode == 0 {
		return "", ""
	}
	key := k.key(Flags(body[1]))
	if key == nil {
		return "", ""
	}
	m := hmac.New(sha256.New, key)
	m.Write(signed(codeDomain, body))
	sum := m.Sum(nil)
	typed = fmt.Sprintf("%08d", binary.BigEndian.Uint64(sum)%1e8)
	return typed, BarcodePrefix + fmt.Sprintf("%016d", binary.BigEndian.Uint64(sum[8:])%1e16)
}

// Matches reports whether code, of either form, is that of the request with
// this body. How long it takes does not depend on how many digits are right.
func (k CodeKeys) Matches(code string, body []byte) bool {
	typed, barcode := k.Codes(body)
	want := typed
	if FormOf(code) == Barcode {
		want = barcode
	}
	return want != "" && hmac.Equal([]byte(code), []byte(want))
}

// ParseCodeKeys reads the file that a till gets at enrolment: a JWK set (RFC
// 7517) of one key, or two that follow one another, each kty "oct", k 32 bytes
// and kid "0" to "255".
func ParseCodeKeys(data []byte) (CodeKeys, error) {
	var set struct {
		Keys []struct {
			Kty string `json:"kty"`
			K   string `json:"k"`
			Kid string `json:"kid"`
		} `json:"keys"`
	}
	if len(data) > maxCodeFile {
		return nil, errors.New("too large")
	}
	if json.Unmarshal(data, &set) != nil { // its words may show what was read
		return nil, errors.New("no JWK set")
	}
	keys := CodeKeys{}
	for i, k := range set.Keys {
		gen, err := strconv.ParseUint(k.Kid, 10, 8)
		if err != nil || strconv.FormatUint(gen, 10) != k.Kid || k.Kty != "oct" {
			return nil, fmt.Errorf(`key %d: needs kty "oct" and a kid from "0" to "255"`, i)
		}
		secret, err := base64.RawURLEncoding.Strict().DecodeString(k.K)
		if err != nil || len(secret) != codeKeySize {
			return nil, fmt.Errorf("key %d: k is not 32 bytes in base64url", i)
		}
		if keys[uint8(gen)] != nil {
			return nil, fmt.Errorf("key %d: kid twice", i)
		}
		keys[uint8(gen)] = secret
	}
	gen, _ := keys.Newest()
	if len(keys) == 0 || len(keys) > 2 || len(keys) == 2 && keys[gen-1] == nil {
		return nil, errors.New("needs one key, or two whose kids follow one another")
	}
	return keys, nil
}
