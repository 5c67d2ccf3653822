package printer

import "time"

// Outcome is what became of a job.
type Outcome string

const (
	Queued    Outcome = "queued"    // waits for the printer
	Sending   Outcome = "sending"   // bytes are being handed over; after a crash this becomes unknown
	Sent      Outcome = "sent"      // all bytes taken, no evidence of paper
	Confirmed Outcome = "confirmed" // on paper, see Evidence
	Failed    Outcome = "failed"    // nothing on paper, not tried again
	Uncertain Outcome = "unknown"   // part or all may be on paper; never printed again by itself
)

// Done reports whether the outcome is final for the spool.
func (o Outcome) Done() bool { return o != Queued && o != Sending }

// Job is one document for one printer and what became of it. ID makes it
// idempotent: a job whose ID was seen before is not printed again.
type Job struct {
	ID       string    `json:"job_id"` // "<sale id>/receipt"
	Printer  string    `json:"printer"`
	Doc      Doc       `json:"doc,omitempty"`
	Raw      []byte    `json:"raw,omitempty"`       // bytes made elsewhere; Doc is the head of them then
	Drawer   bool      `json:"drawer,omitempty"`    // Raw may open the cash drawer
	Personal bool      `json:"personal,omitempty"`  // Doc or Raw may name a shopper: it is sealed where it is stored
	SaleID   string    `json:"sale_id,omitempty"`   // the sale it belongs to
	CopyOf   string    `json:"copy_of,omitempty"`   // job it is a marked copy of
	Nameless bool      `json:"nameless,omitempty"`  // asked for without an id: an equal request is the same job while this one is unresolved
	MovedOff string    `json:"moved_off,omitempty"` // printer it waited for in vain
	Origin   string    `json:"origin,omitempty"`    // who asked: sale, api, command, dialect
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // not begun after this
	Outcome  Outcome   `json:"outcome"`
	Evidence Evidence  `json:"evidence,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why it failed or is unknown
	Changed  time.Time `json:"changed"`
	Sequence uint64    `json:"sequence"` // order of acceptance at this till
	Digest   string    `json:"digest"`   // SHA-256 of what was asked for, hex
}
