package till

import (
	"tilld/display"
	"tilld/internal/sale"
)

// What can be asked of the till besides its sales (package sale has those).
// Each is plain data; [Till.Do] runs it. JSON tags are bodies of the local API.
type (
	// RefundOther gives back goods that another till sold, found by their receipt.
	RefundOther struct {
		Code    string      `json:"code"` // see [Till.LookupSale]
		Lines   []int       `json:"lines,omitempty"`
		Amount  *sale.Money `json:"amount,omitempty"`
		Reason  string      `json:"reason"`
		Cashier string      `json:"cashier,omitempty"`
	}
	// ReprintJob prints a marked copy of a print job.
	ReprintJob struct {
		JobID   string `json:"-"`
		Reason  string `json:"reason,omitempty"`
		Cashier string `json:"cashier,omitempty"`
	}
	// ScanCode is a code that was typed, or read by a scanner that types.
	ScanCode struct {
		Code string `json:"code"`
	}
	// AckScan consumes the scan ledger up to and including Seq.
	AckScan struct {
		Seq uint64 `json:"-"`
	}
	// ShowScene lets a POS application show its own scene while no sale is open.
	ShowScene struct {
		Scene display.Scene `json:"scene"`
	}
	// ClearScene ends ShowScene.
	ClearScene struct{}
	OpenShift  struct {
		Cashier string `json:"cashier,omitempty"`
		Float   int64  `json:"float"` // cash in the drawer at the start, minor units
	}
	CloseShift struct {
		Cashier string `json:"cashier,omitempty"`
		Counted int64  `json:"counted"` // cash counted, minor units
	}
	// OpenDrawer opens the cash drawer without a sale; rate-limited and audited.
	OpenDrawer struct {
		Reason  string `json:"reason"`
		Cashier string `json:"cashier,omitempty"`
		Sale    bool   `json:"-"` // for a sale that another program keeps: not the few openings without one
	}
	// TestDevice runs a device's harmless self-test.
	TestDevice struct {
		Name string `json:"-"`
	}
	SignIn struct {
		Badge string `json:"badge"`
	}
	SignOut struct{}
	// ConfirmPickup records that the order with this id was handed over, once.
	ConfirmPickup struct {
		ID string `json:"-"`
	}
)
