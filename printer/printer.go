// Package printer describes documents as data, spools them to printers and
// keeps a ledger of what became of each. Wire formats live in subpackages.
package printer

import (
	"context"

	"tilld/device"
)

// Caps is what a configured printer can do.
type Caps struct {
	Columns  int  // cells a line in the standard font: 32 (58 mm), 42 or 48 (80 mm)
	Dots     int  // dots a line: 384, 512 or 576
	DPI      int  // 203 or 180
	Chinese  bool // has a GB18030 character ROM
	NativeQR bool // makes QR codes itself
	Cutter   bool
	TextOnly bool // prints no dots: no codes, no pictures
	Double   bool // codes are made of an even number of dots, so that they can be sent at half size
	Drawer   bool
	Confirms bool // tells when a job is on paper, not only that bytes were taken
}

// Evidence is how well it is known that a job is on paper, best last.
type Evidence string

const (
	NoEvidence Evidence = ""           // nothing was sent
	BytesTaken Evidence = "bytes"      // the port took all bytes
	StatusGood Evidence = "status"     // real-time status was good afterwards
	InOrder    Evidence = "in_order"   // an in-order status query after the job was answered
	ProcessID  Evidence = "process_id" // the printer answered the job's process id: it is on paper
)

// Printer prints one document at a time.
type Printer interface {
	device.Device
	Caps() Caps
	// Print sends doc and gathers evidence until ctx ends. nil error: all bytes
	// were taken and the evidence says how sure it is that they are on paper.
	// A fault of kind Attention: the printer waits for a person (paper, cover);
	// nothing of doc is on paper unless started is true. Kind Refused: doc cannot
	// be printed here (a QR too dense for the paper); nothing was sent. Any other
	// error with started true: part of doc may be on paper.
	Print(ctx context.Context, jobID string, doc Doc) (result Result, err error)
}

// Result is what Print knows when it returns, also with an error.
type Result struct {
	Started  bool // at least one byte of the job was handed to the port
	Evidence Evidence
}

// Raw is a Printer that takes bytes made elsewhere. Without drawer, bytes that
// would open the cash drawer are refused (fault.Refused) before the first is
// sent; everything else goes out unchanged, and what it leaves open (a line, a
// command that lacks some bytes) is closed. head, if there is one, is printed
// first, and again behind each cut that is not the last.
type Raw interface {
	PrintRaw(ctx context.Context, jobID string, head Doc, data []byte, drawer bool) (Result, error)
}

// DrawerKicker is a Printer with a cash drawer that opens at once, ahead of
// jobs that wait.
type DrawerKicker interface {
	OpenDrawer(ctx context.Context, pin int) error
}

// Resyncer is a Printer that can be brought back after a job that ended in the
// middle of a command. It prints nothing that a person would take for a receipt.
type Resyncer interface {
	Resync(ctx context.Context) error
}
