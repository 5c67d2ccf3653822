package cloud

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// The two tokens of offline payment, read and made from docs/offline-pay.md and
// not with the till's code, so that one finds the other's mistakes.

const (
	pr1Bytes, pr1Body = 94, 30
	pr1Chars          = 151
	pp1Bytes          = 101
	pp1Digits         = 244
)

// pr1 is a till's request to be paid.
type pr1 struct {
	Offline, Trusted, Test bool
	Code, OddKey           bool   // a code will do; made with the code key of an odd generation
	Body                   []byte // what the code is over
	Till                   uint32
	KeyGen, CloudKey       byte
	Nonce                  uint64
	Amount                 uint32
	Currency               uint16
	At                     time.Time
	Life                   time.Duration
	Sale                   uint32
}

// readPR1 reads the address that a phone scanned. key returns the public half
// of a till's key; ok is false for what no till of ours has signed.
func readPR1(url, prefix string, key func(till uint32, gen byte) (ed25519.PublicKey, bool)) (r pr1, ok bool) {
	if len(url) != len(prefix)+pr1Chars || !strings.EqualFold(url[:len(prefix)], prefix) {
		return r, false
	}
	text := url[len(prefix):]
	enc := base32.StdEncoding.WithPadding(base32.NoPadding)
	b, err := enc.DecodeString(text)
	if err != nil || len(b) != pr1Bytes || b[0] != 0x11 || enc.EncodeToString(b) != text {
		return r, false
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(b[at : at+4]) }
	r = pr1{
		Offline: b[1]&1 != 0, Trusted: b[1]&2 != 0, Test: b[1]&4 != 0, Code: b[1]&8 != 0, OddKey: b[1]&16 != 0, Body: b[:pr1Body], Till: u32(2), KeyGen: b[6], CloudKey: b[7],
		Nonce: uint64(u32(8))<<32 | uint64(u32(12)), Amount: u32(16), Currency: uint16(b[20])<<8 | uint16(b[21]),
		At: time.Unix(int64(u32(22)), 0), Life: time.Duration(b[26]) * 5 * time.Minute, Sale: u32(26) & 0xffffff,
	}
	public, ok := key(r.Till, r.KeyGen)
	if !ok || !ed25519.Verify(public, append([]byte("tilld/pay-request/v1\x00"), b[:pr1Body]...), b[pr1Body:]) {
		return pr1{}, false
	}
	if b[1]&^31 != 0 || r.OddKey && !r.Code {
		return pr1{}, false
	}
	return r, true
}

// makeCodes makes what the phone shows beside the proof, to be typed and as
// Code 128.
func makeCodes(key []byte, r pr1) (typed, barcode string) {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("tilld/pay-code/v1\x00"))
	m.Write(r.Body)
	sum := m.Sum(nil)
	return fmt.Sprintf("%08d", binary.BigEndian.Uint64(sum[:8])%100_000_000), fmt.Sprintf("93%016d", binary.BigEndian.Uint64(sum[8:16])%10_000_000_000_000_000)
}

// makePP1 makes the digits that the phone shows.
func makePP1(k Key, id byte, r pr1, method byte, discount uint32, at time.Time, reference uint64) string {
	b := []byte{0x12, method, id}
	b = binary.BigEndian.AppendUint32(b, r.Till)
	b = binary.BigEndian.AppendUint64(b, r.Nonce)
	b = binary.BigEndian.AppendUint32(b, r.Amount)
	b = binary.BigEndian.AppendUint32(b, discount)
	b = binary.BigEndian.AppendUint16(b, r.Currency)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	b = binary.BigEndian.AppendUint64(b, reference)
	b = append(b, ed25519.Sign(k.private, append([]byte("tilld/pay-proof/v1\x00"), b...))...)
	n := new(big.Int).SetBytes(b).String()
	return "92" + strings.Repeat("0", pp1Digits-len(n)) + n
}
