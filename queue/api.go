package queue

import (
	"errors"
	"log/slog"
	"time"

	"tilld/internal/health"
)

// Errors of [Store.Ack], of [Store.Archive] and of a closed store. None of them changes anything.
var (
	ErrClosed  = errors.New("queue: closed")
	ErrEpoch   = errors.New("queue: ack of another epoch")
	ErrAhead   = errors.New("queue: ack beyond what was sent")
	ErrHash    = errors.New("queue: ack with another hash than the stored event's")
	ErrNoEpoch = errors.New("queue: this data directory has no such epoch")
	ErrBehind  = errors.New("queue: ack below the watermark: the cloud was set back")
)

// ErrDisk is in every error that the disk is to blame for, but for a full one.
// What was accepted before is safe; nothing is accepted until the disk works.
var ErrDisk = errors.New("queue: the disk does not do what it is told")

// diskError is err with ErrDisk.
type diskError struct{ error }

func (d diskError) Unwrap() []error { return []error{ErrDisk, d.error} }

// Options of [Open].
type Options struct {
	Dir          string        // data directory; till.db, journal/ and snapshots/ live in it
	Seal         Seal          // makes an event's bytes
	MaxBytes     int64         // live bytes at which new sales are refused; 0 = 2 GiB
	ReserveBytes int64         // allocated ahead, for finishing an open sale on a full disk; 0 = 64 MiB
	KeepAcked    time.Duration // how long acked events stay; 0 = 7 days
	Log          *slog.Logger  // nil = none
	Health       *health.Board // nil = none
	Copies       *Copier       // a second destination; nil = none
	// HouseTime is the time by which day keys are old, for a machine's clock that
	// may be set a year ahead; zero while nobody knows. nil = the machine's clock.
	HouseTime    func() time.Time
	CheckCommand []string // argv of a child process that checks the file before it is mapped; nil = checked in this process
}

// Recovery says what a start found damaged and how it was repaired.
type Recovery struct {
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`     // what was wrong
	Quarantine string    `json:"quarantine"` // where the damaged file is kept; "" when nothing was set aside
	Source     string    `json:"source"`     // what it was rebuilt from
	Lost       string    `json:"lost"`       // what could not be brought back; "" = nothing
	NewEpoch   bool      `json:"new_epoch"`  // a new epoch was drawn so that no number is used twice
}

// DeadRecord is something set aside because it cannot be sent or read.
type DeadRecord struct {
	ID       uint64    `json:"id"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"`
	Bucket   Bucket    `json:"bucket"`             // where it was; "outbox" for events
	Key      []byte    `json:"key,omitempty"`      // its key there
	Epoch    string    `json:"epoch,omitempty"`    // of an event
	Sequence uint64    `json:"sequence,omitempty"` // of an event
	Type     string    `json:"type,omitempty"`     // of a message that could not be sealed
	Subject  string    `json:"subject,omitempty"`
	Data     []byte    `json:"data"` // the raw bytes
}

// Finding is one damaged place.
type Finding struct {
	File     string `json:"file"`
	Bucket   Bucket `json:"bucket,omitempty"`
	Key      string `json:"key,omitempty"` // printable, else hex
	Sequence uint64 `json:"sequence,omitempty"`
	Reason   string `json:"reason"`
}

// CheckReport is what [Check] found.
type CheckReport struct {
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings"`
	More     int       `json:"more,omitempty"` // findings that are not listed
	Epoch    string    `json:"epoch"`
	LastSeq  uint64    `json:"last_seq"`
	AckedSeq uint64    `json:"acked_seq"`
	Copies   int       `json:"copies,omitempty"` // copies for a second destination whose place in their chain was verified
	Records  int       `json:"records"`          // records whose checksum was verified
	Events   int       `json:"events"`           // events whose place in the chain was verified
	Bytes    int64     `json:"bytes"`
	Took     string    `json:"took"`
}
