package queue

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"
	"time"

	"tilld/internal/fault"
)

// Buckets of the store itself.
const (
	outbox Bucket = "outbox"        // generation, sequence -> sealed event
	second Bucket = "outbox-copies" // the same of copies; sorts after meta, whose chains a check needs first
	meta   Bucket = "meta"          // chains, counters, epochs
	dead   Bucket = "dead"          // BE64 number -> what was set aside
)

var buckets = []Bucket{State, Sales, Index, Scans, Prints, Inbox, Idem, Prices, TUF, outbox, second, meta, dead}

// appendOnly are the buckets whose keys grow: their pages are filled to the brim.
func appendOnly(b Bucket) bool { return b == outbox || b == second || b == Scans || b == dead }

// Keys of meta.
const (
	chainKey  = "chain"  // chain; of copies: copiesHead + chainKey, and so on
	lsnKey    = "lsn"    // mark: through which commit the file has everything; in the file only
	resendKey = "resend" // a change of epoch that is not complete
	nextKey   = "next/"  // + bucket -> counter
	epochKey  = "epoch/" // + BE32 generation -> chain at its end, reason
	deadKey   = "next/dead"
)

// maxBucket and maxKey bound names in bytes; bbolt takes keys up to 32,768.
const (
	maxBucket = 32
	maxKey    = 4 << 10
)

// fullKey is bucket and key as one string that sorts like both.
func fullKey(b Bucket, key []byte) string { return string(b) + "\x00" + string(key) }

func splitKey(full string) (Bucket, string) {
	b, key, _ := strings.Cut(full, "\x00")
	return Bucket(b), key
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// In the file a value is crc32c(4) | committed unix ms(8) | value, the checksum
// going over bucket, 0, key and everything behind it.
const valueHead = 12

func packValue(full string, e entry) []byte {
	b := make([]byte, valueHead, valueHead+len(e.value))
	binary.BigEndian.PutUint64(b[4:], uint64(e.at))
	b = append(b, e.value...)
	binary.BigEndian.PutUint32(b, valueSum(full, b[4:]))
	return b
}

func valueSum(full string, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(full), castagnoli), castagnoli, rest)
}

var errChecksum = errors.New("checksum does not match")

// unpackValue verifies and opens what packValue made. The value is part of b.
func unpackValue(full string, b []byte) (entry, error) {
	if len(b) < valueHead {
		return entry{}, errors.New("record is too short")
	}
	if binary.BigEndian.Uint32(b) != valueSum(full, b[4:]) {
		return entry{}, errChecksum
	}
	return entry{value: b[valueHead:], at: int64(binary.BigEndian.Uint64(b[4:]))}, nil
}

// damaged is the fault of a record that fails its checksum.
func damaged(full string, cause error) error {
	b, key := splitKey(full)
	return &fault.Error{Kind: fault.Corrupt, Component: "queue", Op: "read " + string(b) + "/" + printable(key), Err: cause}
}

// printable is a key for people: as it is when it is plain text, else in hex.
func printable(key string) string {
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return hex.EncodeToString([]byte(key))
		}
	}
	return key
}

// eventKey places an event: generation of the epoch, then sequence.
func eventKey(gen uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, gen), seq)
}

func splitEventKey(key []byte) (gen uint32, seq uint64, ok bool) {
	if len(key) != 12 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(key), binary.BigEndian.Uint64(key[4:]), true
}

// stored is an event as it lies in the outbox:
// version(1) | flags(1) | boot(4) | previous hash(32) | [original hash(32)] |
// body, or hash of the body(32) | sealed body when it has personal data.
type stored struct {
	boot     uint32
	prev     [32]byte
	standIn  bool     // body stands for an event whose bytes are lost
	original [32]byte // of a stand-in: SHA-256 of the lost bytes; zero when there never were any
	sealed   bool     // packed is sealed with a day key, see vault.go
	hash     [32]byte // of a sealed body in clear
	packed   []byte   // the body, or the sealed one: see [Store.body]
}

const (
	storedVersion = 1
	storedHead    = 38
	flagStandIn   = 1
	flagSealed    = 2
)

func (e stored) pack() []byte {
	b := make([]byte, 0, storedHead+64+len(e.packed))
	flags := byte(0)
	if e.standIn {
		flags = flagStandIn
	}
	if e.sealed {
		flags |= flagSealed
	}
	b = append(b, storedVersion, flags)
	b = binary.BigEndian.AppendUint32(b, e.boot)
	b = append(b, e.prev[:]...)
	if e.standIn {
		b = append(b, e.original[:]...)
	}
	if e.sealed {
		b = append(b, e.hash[:]...)
	}
	return append(b, e.packed...)
}

// sum is the SHA-256 of the event's exact bytes.
func (e stored) sum() [32]byte {
	if e.sealed {
		return e.hash
	}
	return sha256.Sum256(e.packed)
}

// body is the exact bytes of an event, whose full key it needs. [ErrErased]: they were personal and are
// past their time.
func (s *Store) body(full string, e stored) ([]byte, error) {
	if !e.sealed {
		return e.packed, nil
	}
	return s.vault.reveal(full, e.packed)
}

func unpackStored(b []byte) (stored, error) {
	if len(b) < storedHead || b[0] != storedVersion || b[1]&^(flagStandIn|flagSealed) != 0 {
		return stored{}, errors.New("not an event record of version 1")
	}
	e := stored{boot: binary.BigEndian.Uint32(b[2:]), prev: [32]byte(b[6:38]), standIn: b[1]&flagStandIn != 0, sealed: b[1]&flagSealed != 0, packed: b[38:]}
	if e.standIn {
		if len(e.packed) < 32 {
			return stored{}, errors.New("stand-in without the original's hash")
		}
		e.original, e.packed = [32]byte(e.packed), e.packed[32:]
	}
	if e.sealed {
		if len(e.packed) < 32 {
			return stored{}, errors.New("sealed event without its hash")
		}
		e.hash, e.packed = [32]byte(e.packed), e.packed[32:]
	}
	return e, nil
}

func fromMS(ms int64) time.Time { return time.UnixMilli(ms) }
