package till

import (
	"encoding/json"
	"time"

	"tilld/device"
	"tilld/internal/health"
	"tilld/internal/sale"
	"tilld/printer"
)

// Call is who asks for something and under which key.
type Call struct {
	Key    string // Idempotency-Key: the same key gives the same answer, also after a restart; "" for none
	Origin string // "api", "cashier", "command", "scan"
	// Fingerprint is a digest of what was asked; the same Key with another one is
	// refused with idempotency_key_reused.
	Fingerprint string
}

// Answer is what a call gives back; a repeated call gets the same bytes.
type Answer struct {
	Created bool            // something new exists: HTTP 201 instead of 200
	Body    json.RawMessage // one JSON object
}

// Filter selects sales for a list.
type Filter struct {
	From, To time.Time // by opening time; zero for no limit
	State    sale.State
	Amount   *sale.Money // exact total
	Text     string      // in names, SKUs, codes, external id, cashier; case folded
	After    string      // sale id to go on after
	Limit    int         // 1 to 1,000
}

// Scan is one row of the scan ledger.
type Scan struct {
	Seq     uint64    `json:"seq"`
	Device  string    `json:"device"`
	At      time.Time `json:"at"`
	AIM     string    `json:"aim,omitempty"`
	Kind    string    `json:"kind"`           // kind of package code; auth codes are never in the ledger
	Code    string    `json:"code,omitempty"` // the payload; "" for secrets
	SaleID  string    `json:"sale_id,omitempty"`
	Refused *Refusal  `json:"refused,omitempty"`
	Repeats int       `json:"repeats,omitempty"` // bounces suppressed
}

// Refusal is why a scan had no effect.
type Refusal struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// PrintRequest asks for one document, once per JobID. Without a JobID an equal
// request is the same job as long as that one is unresolved.
type PrintRequest struct {
	JobID   string `json:"job_id,omitempty"`
	Printer string `json:"printer,omitempty"` // "" is the receipt printer
	Receipt string `json:"receipt,omitempty"` // sale id: prints its receipt
	Markup  string `json:"markup,omitempty"`  // ReceiptLine
	Escpos  []byte `json:"escpos_base64,omitempty"`
	// TTL is how many seconds the job may wait for its printer: 1 to 604,800;
	// nil is 24 h. After that it fails without a byte printed.
	TTL *int `json:"ttl_s,omitempty"`
}

// Status is the answer of GET /v1/status.
type Status struct {
	Till       TillStatus         `json:"till"`
	Version    string             `json:"version"`
	StartedAt  time.Time          `json:"started_at"`
	BootID     string             `json:"boot_id"`
	Link       LinkStatus         `json:"link"`
	Queue      QueueStatus        `json:"queue"`
	Mall       *MallStatus        `json:"mall,omitempty"` // nil when there is no second destination
	Devices    []device.Status    `json:"devices"`
	Conditions []health.Condition `json:"conditions"`
	Clock      ClockStatus        `json:"clock"`
	Prices     PriceStatus        `json:"prices"`
}

// PriceStatus is which price book is in force.
type PriceStatus struct {
	Version  string          `json:"version"`            // "" when there is none
	Items    int             `json:"items"`              // articles
	At       time.Time       `json:"at,omitzero"`        // since when
	Previous string          `json:"previous,omitempty"` // version that can be restored
	Entering *EnteringPrices `json:"entering,omitempty"` // a file that is being entered
}

// EnteringPrices is a price book that is being entered beside the one in force.
type EnteringPrices struct {
	Version string `json:"version"`
	Items   int    `json:"items"` // articles so far
	Bytes   int64  `json:"bytes"` // of the file, so far
	Of      int64  `json:"of"`    // bytes of the file
}

// TillStatus is which till this is.
type TillStatus struct {
	Merchant string `json:"merchant"`
	Store    string `json:"store"`
	Till     string `json:"till"`
	Number   uint32 `json:"number"`
	Currency string `json:"currency"`
	Timezone string `json:"timezone"`
	Language string `json:"language"`
}

// LinkStatus is how the line to the cloud stands.
type LinkStatus struct {
	State  string    `json:"state"` // off connecting up down
	Since  time.Time `json:"since"`
	Broker string    `json:"broker"`
	Error  string    `json:"error"`
	Ack    string    `json:"ack"` // cloud or broker
}

// MallStatus is how the line to the mall stands, and the copies for it.
type MallStatus struct {
	LinkStatus
	Depth         int     `json:"depth"`          // copies that the mall has not acked
	OldestSeconds float64 `json:"oldest_seconds"` // age of the oldest of them
	Bytes         int64   `json:"bytes"`          // of them
	Limit         int64   `json:"limit"`          // beyond it events are counted, not copied
	LastSeq       uint64  `json:"last_seq"`
	AckedSeq      uint64  `json:"acked_seq"`
	Epoch         string  `json:"epoch"`
}

// QueueStatus is how the queue stands.
type QueueStatus struct {
	Depth         int     `json:"depth"`
	OldestSeconds float64 `json:"oldest_seconds"`
	Bytes         int64   `json:"bytes"`
	Limit         int64   `json:"limit"`
	LastSeq       uint64  `json:"last_seq"`
	AckedSeq      uint64  `json:"acked_seq"`
	Dead          int     `json:"dead"`
	Epoch         string  `json:"epoch"`
}

// ClockStatus is how far the till's clock is off.
type ClockStatus struct {
	OffsetMS int64 `json:"offset_ms"`
	Trusted  bool  `json:"trusted"`
}

// PrintAnswer is a print job as the local API shows it, without its content.
type PrintAnswer struct {
	JobID    string           `json:"job_id"`
	Printer  string           `json:"printer"`
	Outcome  printer.Outcome  `json:"outcome"` // queued sent confirmed failed unknown
	Evidence printer.Evidence `json:"evidence"`
	Reason   string           `json:"reason,omitempty"`
	CopyOf   string           `json:"copy_of,omitempty"`
	SaleID   string           `json:"sale_id,omitempty"`
	MovedOff string           `json:"moved_off,omitempty"` // printer it waited for in vain
	Created  time.Time        `json:"created"`
	Changed  time.Time        `json:"changed"`
	Expires  time.Time        `json:"expires,omitzero"` // not begun after this
}

// ZReport is the end-of-day report of one business day.
type ZReport struct {
	Day         string                `json:"day"`
	Currency    string                `json:"currency"`
	Sales       int                   `json:"sales"`
	Refunds     int                   `json:"refunds"`
	Voids       int                   `json:"voids"`
	FirstNumber int                   `json:"first_number"`
	LastNumber  int                   `json:"last_number"`
	Gross       sale.Money            `json:"gross"`
	Discounts   sale.Money            `json:"discounts"`
	Refunded    sale.Money            `json:"refunded"`
	Net         sale.Money            `json:"net"`
	Tenders     map[string]sale.Money `json:"tenders"` // by method
}
