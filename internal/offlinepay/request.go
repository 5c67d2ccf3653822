package offlinepay

import (
	"crypto/ed25519"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// Flags of a request.
type Flags uint8

const (
	Offline      Flags = 1 << 0 // made while the till had no link
	ClockTrusted Flags = 1 << 1 // the cloud has confirmed the till's clock; else the shopper is shown the time
	Test         Flags = 1 << 2 // no goods change hands
	TakesCode    Flags = 1 << 3 // a code will do instead of the proof, see [CodeKeys]
	OddCodeKey   Flags = 1 << 4 // with TakesCode: of the code key whose generation is odd
	allFlags           = Offline | ClockTrusted | Test | TakesCode | OddCodeKey
)

const (
	// TTLUnit is what a request's life is counted in.
	TTLUnit = 5 * time.Minute
	// MaxSale is the largest sale number that a request holds.
	MaxSale = 1<<24 - 1
)

// Request is the body of PR1. Every number is written big endian.
type Request struct {
	Flags    Flags  `json:"flags"`
	Till     uint32 `json:"till"`         // till number, given at enrolment
	KeyGen   uint8  `json:"key_gen"`      // generation of the till's key
	CloudKey uint8  `json:"cloud_key"`    // newest cloud key id that the till holds
	Nonce    uint64 `json:"nonce,string"` // random, never used twice
	Amount   uint32 `json:"amount"`       // minor units
	Currency uint16 `json:"currency"`     // ISO 4217 number
	At       uint32 `json:"iat"`          // Unix seconds, by the till's clock
	TTL      uint8  `json:"ttl"`          // in units of 5 min
	Sale     uint32 `json:"sale"`         // what the customer screen calls the sale, at most MaxSale
}

// Body encodes the 30 bytes that are signed.
func (r Request) Body() []byte {
	b := make([]byte, 0, RequestBytes)
	b = append(b, requestType, byte(r.Flags))
	b = binary.BigEndian.AppendUint32(b, r.Till)
	b = append(b, r.KeyGen, r.CloudKey)
	b = binary.BigEndian.AppendUint64(b, r.Nonce)
	b = binary.BigEndian.AppendUint32(b, r.Amount)
	b = binary.BigEndian.AppendUint16(b, r.Currency)
	b = binary.BigEndian.AppendUint32(b, r.At)
	return append(b, r.TTL, byte(r.Sale>>16), byte(r.Sale>>8), byte(r.Sale))
}

// Expires is when the request's life is over, in Unix seconds.
func (r Request) Expires() int64 { return int64(r.At) + int64(r.TTL)*int64(TTLUnit/time.Second) }

// Text is PR1 as it is shown: prefix (upper case, for example
// "HTTPS://P.EXAMPLE.CN/P/") and body and signature in Base32. sign signs with
// the till's key (Ed25519, RFC 8032).
func (r Request) Text(prefix string, sign func(message []byte) []byte) string {
	body := r.Body()
	return prefix + encoding.EncodeToString(append(body, sign(signed(requestDomain, body))...))
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// ParseRequest reads PR1 and checks it with the key that key returns for its
// till and generation; it is the receiving half, for a cloud written in Go and
// for tests. The prefix is compared without regard to case, because browsers
// write host names in lower case. Errors are [*Error].
func ParseRequest(text, prefix string, key func(till uint32, gen uint8) (ed25519.PublicKey, bool)) (Request, error) {
	if len(text) != len(prefix)+RequestChars {
		return Request{}, refuse(Malformed, "not of the exact length")
	}
	if !strings.EqualFold(text[:len(prefix)], prefix) {
		return Request{}, refuse(Malformed, "an address of somebody else")
	}
	token := text[len(prefix):]
	b, err := encoding.DecodeString(token)
	if err != nil || len(b) != RequestBytes || encoding.EncodeToString(b) != token {
		return Request{}, refuse(Malformed, "not Base32 in its only spelling")
	}
	if b[0] != requestType {
		return Request{}, refuse(Malformed, "not a payment request of version 1")
	}
	r := Request{
		Flags: Flags(b[1]), Till: binary.BigEndian.Uint32(b[2:]), KeyGen: b[6], CloudKey: b[7],
		Nonce: binary.BigEndian.Uint64(b[8:]), Amount: binary.BigEndian.Uint32(b[16:]), Currency: binary.BigEndian.Uint16(b[20:]),
		At: binary.BigEndian.Uint32(b[22:]), TTL: b[26], Sale: uint32(b[27])<<16 | uint32(b[28])<<8 | uint32(b[29]),
	}
	k, ok := key(r.Till, r.KeyGen)
	if !ok || len(k) != ed25519.PublicKeySize {
		return Request{}, refuse(UnknownKey, "no key of this till and generation")
	}
	if !ed25519.Verify(k, signed(requestDomain, b[:requestBody]), b[requestBody:]) {
		return Request{}, refuse(BadSignature, "not signed by the till it names")
	}
	if r.Flags&^allFlags != 0 || r.Flags&(TakesCode|OddCodeKey) == OddCodeKey || r.Amount == 0 || r.TTL == 0 {
		return Request{}, refuse(Malformed, "flags, amount or life out of range")
	}
	return r, nil
}
