// Package offlinepay is payment while the till has no link: the request PR1
// that the till shows as a QR code, and the proof PP1 that the shopper's phone
// shows in return. It is pure: no I/O, no clock, no randomness of its own.
//
// The till's random nonce is the challenge, the cloud's Ed25519 signature over
// it the answer: a proof pays the one request it was made for, at the one till
// that made it, once. A till without a working 2D reader takes a short code
// instead ([CodeKeys]). docs/offline-pay.md describes all for the other side, with
// test vectors.
package offlinepay

import "crypto/ed25519"

// Sizes of the two tokens in bytes and characters.
const (
	requestBody  = 30
	RequestBytes = requestBody + ed25519.SignatureSize // 94
	RequestChars = 151                                 // of Base32 behind the address
	proofBody    = 37
	ProofBytes   = proofBody + ed25519.SignatureSize // 101
	ProofDigits  = 246                               // "92" and 244 digits
	ProofPrefix  = "92"
)

// Types and versions: the first byte of a body.
const (
	requestType = 0x11
	proofType   = 0x12
)

// What is signed begins with the name of what it is, so that a signature made
// for one thing never fits another.
const (
	requestDomain = "tilld/pay-request/v1\x00"
	proofDomain   = "tilld/pay-proof/v1\x00"
)

// Reason is why a token is refused.
type Reason string

const (
	Malformed    Reason = "malformed"     // not of the exact length, alphabet, type or range
	UnknownKey   Reason = "unknown_key"   // signed with a key that is not held, or not any more
	BadSignature Reason = "bad_signature" // not made by who holds the key
	OtherTill    Reason = "other_till"    // a good proof, for another till
)

// Error is a token that is refused.
type Error struct {
	Reason Reason
	Detail string // for the log; never shows the token
}

func (e *Error) Error() string { return "offlinepay: " + string(e.Reason) + ": " + e.Detail }

func refuse(r Reason, detail string) error { return &Error{r, detail} }

// signed is what a signature of domain is over.
func signed(domain string, body []byte) []byte {
	return append([]byte(domain), body...)
}
