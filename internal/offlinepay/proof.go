package offlinepay

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/big"
	"strings"
)

// Method is how the shopper paid: the low four bits of a proof's second byte.
type Method uint8

const (
	OtherMethod Method = 0
	WeChat      Method = 1
	Alipay      Method = 2
	UnionPay    Method = 3
	ECNY        Method = 4
	StoredValue Method = 5
	Card        Method = 6
)

// testProof marks the proof of a request with the flag Test; bits 4 to 6 are 0.
const (
	testProof   = 0x80
	methodMask  = 0x0f
	spareInByte = 0x70
)

// Proof is the body of PP1. Every number is written big endian.
type Proof struct {
	Method    Method `json:"method"`
	Test      bool   `json:"test"`             // no money moved
	CloudKey  uint8  `json:"cloud_key"`        // id of the cloud's key that signed
	Till      uint32 `json:"till"`             // from the request
	Nonce     uint64 `json:"nonce,string"`     // from the request
	Amount    uint32 `json:"amount"`           // of the request, minor units
	Discount  uint32 `json:"discount"`         // part of Amount that the cloud vouches for instead of the shopper
	Currency  uint16 `json:"currency"`         // ISO 4217 number
	PaidAt    uint32 `json:"paid_at"`          // Unix seconds
	Reference uint64 `json:"reference,string"` // the payment side's own
}

// Body encodes the 37 bytes that are signed.
func (p Proof) Body() []byte {
	b := make([]byte, 0, ProofBytes)
	how := byte(p.Method) & methodMask
	if p.Test {
		how |= testProof
	}
	b = append(b, proofType, how, p.CloudKey)
	b = binary.BigEndian.AppendUint32(b, p.Till)
	b = binary.BigEndian.AppendUint64(b, p.Nonce)
	b = binary.BigEndian.AppendUint32(b, p.Amount)
	b = binary.BigEndian.AppendUint32(b, p.Discount)
	b = binary.BigEndian.AppendUint16(b, p.Currency)
	b = binary.BigEndian.AppendUint32(b, p.PaidAt)
	return binary.BigEndian.AppendUint64(b, p.Reference)
}

// Text is PP1 as it is shown: "92" and body and signature as one number in 244
// digits. sign signs with the cloud's key CloudKey; it is the sending half, for
// a cloud written in Go and for tests.
func (p Proof) Text(sign func(message []byte) []byte) string {
	body := p.Body()
	return digits(append(body, sign(signed(proofDomain, body))...))
}

func digits(token []byte) string {
	n := new(big.Int).SetBytes(token).String()
	return ProofPrefix + strings.Repeat("0", ProofDigits-len(ProofPrefix)-len(n)) + n
}

// Keys are the cloud's public keys for proofs, by id.
type Keys map[uint8]ed25519.PublicKey

// Newest is the id to name in a request.
func (k Keys) Newest() (id uint8, ok bool) { return newest(k) }

// newest is the newest of ids that count up and begin again at 0: the one that
// is ahead of all others by less than half the circle (RFC 1982); of a set that
// no circle orders the largest.
func newest[V any](k map[uint8]V) (id uint8, ok bool) {
	var largest uint8
	for a := range k {
		largest = max(largest, a)
		ahead := true
		for b := range k {
			ahead = ahead && a-b < 128
		}
		if ahead {
			return a, true
		}
	}
	return largest, len(k) > 0
}

// IsProof reports whether a payload has a proof's form: 246 digits that begin
// with 92. Nothing else a till scans looks like it.
func IsProof(text string) bool {
	if len(text) != ProofDigits || text[:len(ProofPrefix)] != ProofPrefix {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// Check reads PP1 and verifies, in this order: the exact length and alphabet,
// before anything is computed; that its key is held; its signature; that it is
// for till. Whether its nonce is that of an open request, and the amount and
// currency the request's, is for who keeps the requests. Errors are [*Error].
func Check(text string, keys Keys, till uint32) (Proof, error) {
	if !IsProof(text) {
		return Proof{}, refuse(Malformed, "not 246 digits that begin with 92")
	}
	n, ok := new(big.Int).SetString(text[len(ProofPrefix):], 10)
	if !ok || n.BitLen() > 8*ProofBytes {
		return Proof{}, refuse(Malformed, "the number does not fit in 101 bytes")
	}
	b := n.FillBytes(make([]byte, ProofBytes))
	if b[0] != proofType {
		return Proof{}, refuse(Malformed, "not a payment proof of version 1")
	}
	key, ok := keys[b[2]]
	if !ok || len(key) != ed25519.PublicKeySize {
		return Proof{}, refuse(UnknownKey, "this till does not hold the key that it names")
	}
	if !ed25519.Verify(key, signed(proofDomain, b[:proofBody]), b[proofBody:]) {
		return Proof{}, refuse(BadSignature, "not signed by the cloud")
	}
	p := Proof{
		Method: Method(b[1] & methodMask), Test: b[1]&testProof != 0, CloudKey: b[2],
		Till: binary.BigEndian.Uint32(b[3:]), Nonce: binary.BigEndian.Uint64(b[7:]),
		Amount: binary.BigEndian.Uint32(b[15:]), Discount: binary.BigEndian.Uint32(b[19:]),
		Currency: binary.BigEndian.Uint16(b[23:]), PaidAt: binary.BigEndian.Uint32(b[25:]), Reference: binary.BigEndian.Uint64(b[29:]),
	}
	switch {
	case b[1]&spareInByte != 0 || p.Discount > p.Amount || p.Amount == 0:
		return Proof{}, refuse(Malformed, "method, amount or discount out of range")
	case p.Till != till:
		return Proof{}, refuse(OtherTill, "for another till")
	}
	return p, nil
}
