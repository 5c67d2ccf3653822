// Package scanner turns barcode readers of every make into one stream of
// scans. Makes live in subpackages; code/ says what a payload is.
package scanner

import (
	"context"
	"errors"
	"time"

	"tilld/device"
)

// MaxData is the longest payload of a [Scan] in bytes: a version 40 QR code
// holds 2,953. A longer burst is noise or a stuck key and is dropped whole.
const MaxData = 2953

// ErrFlood is in the fault that ends Run when more codes arrive than any reader
// can read: what was not emitted is lost, and somebody has to be told.
var ErrFlood = errors.New("more codes arrive than a reader can read")

// Scan is one code read once. Data may be a shopper's auth code: never log it,
// never store it before code.Rules has said that it is not one.
type Scan struct {
	Device string    // configured name of the scanner: "scanner-1"
	At     time.Time // when its last byte arrived
	AIM    string    // AIM symbology identifier such as "]Q1"; "" when not sent
	Data   []byte    // payload without AIM identifier, prefix and suffix, UTF-8
}

// Scanner is a device that reads codes.
type Scanner interface {
	device.Device
	// Run calls emit for every scan, in order and from one goroutine, until ctx
	// ends (it then returns ctx.Err()) or the device fails (a *fault.Error).
	// emit returns within about 50 ms. A code cut off in the middle is never
	// emitted.
	Run(ctx context.Context, emit func(Scan)) error
}

// Answerer is a Scanner that can tell its user by light or sound what became of
// the last scan.
type Answerer interface {
	Answer(ctx context.Context, ok bool) error
}
