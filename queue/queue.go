// Package queue is the till's memory: one bbolt file and an append-only
// journal beside it, with everything that must survive a power cut. It knows
// bytes and keys, neither sales nor MQTT.
//
// One goroutine writes. Callers hand it closures with [Store.Update]; it runs
// all that wait in one transaction and answers them once the journal has it on
// disk. The file follows within seconds (docs/adr/0010); from the journal and a
// snapshot it can be rebuilt at any time (docs/adr/0012).
package queue

import (
	"encoding/binary"
	"time"
)

// Bucket names one key space of the file. Each record carries a checksum.
type Bucket string

const (
	State  Bucket = "state"  // singletons by name: "machine", "receipt", "clock"
	Sales  Bucket = "sales"  // sale id -> sale, open and closed
	Index  Bucket = "index"  // secondary keys: "external/<id>", "closed/<day>/<number>" -> sale id
	Scans  Bucket = "scans"  // BE64 sequence -> scan, until acked
	Prints Bucket = "prints" // BE64 sequence -> print job; "id/<job id>", "same/<digest>" -> BE64 sequence
	Inbox  Bucket = "inbox"  // jti -> state and stored reply of a command
	Idem   Bucket = "idem"   // Idempotency-Key -> stored answer
	Prices Bucket = "prices" // price book
	TUF    Bucket = "tuf"    // trusted update metadata
)

// Message is an event before it has its place in the sequence.
type Message struct {
	Type    string // "tilld.sale.closed.v1"
	Subject string // sale id, device name; "" when there is none
	Data    []byte // one JSON object
	// Personal has the event's bytes sealed as long as they lie here: they name
	// a shopper. What is sent and hashed is the same as without.
	Personal bool
}

// Header is the place of an event in the chain.
type Header struct {
	Epoch    string   // 32 hex digits, drawn when the data directory was created
	Sequence uint64   // 1, 2, 3 … within the epoch, no gaps, never reused
	Prev     [32]byte // SHA-256 of the bytes of the event before; zero for the first
	At       time.Time
}

// Seal makes an event's exact bytes, once, inside the transaction that gives it
// its place. It must be quick and do no I/O.
type Seal func(h Header, m Message) ([]byte, error)

// Event is a sealed event.
type Event struct {
	Sequence uint64
	At       time.Time
	Body     []byte // stored once, sent unchanged however often it is sent
}

// MaxBody is the largest event body in bytes: one batch to the cloud holds at
// most 100 KiB, and an event has to fit.
const MaxBody = 100 << 10

// Stats is the queue at a glance.
type Stats struct {
	Epoch     string
	Depth     int       // events the cloud has not acked
	Oldest    time.Time // when the oldest of them was committed; zero when none
	Bytes     int64     // what lives in the file and in memory; the file itself never shrinks while open
	Limit     int64     // size at which new sales are refused
	LastSeq   uint64
	AckedSeq  uint64
	Dead      int // records set aside as damaged or unsendable
	Accepting bool
	Failing   bool // the disk does: a reason for not Accepting that has nothing to do with room
}

// Key64 is n as eight big-endian bytes, so that keys sort like numbers.
func Key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
