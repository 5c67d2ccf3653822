package sale

// What a cashier, a POS application, a scan or the cloud can ask of the till's
// sales. Each is plain data; package till runs them one at a time. The JSON
// tags are the bodies of the local API.
type (
	// OpenSale opens a sale and makes it current; an open current sale is parked.
	OpenSale struct {
		ExternalID string `json:"external_id,omitempty"`
		Cashier    string `json:"cashier,omitempty"`
		Adviser    string `json:"adviser,omitempty"`
		Items      []Add  `json:"items,omitempty"`
	}
	// Add adds a line item: a code, or what the POS application knows of it.
	Add struct {
		Code      string `json:"code,omitempty"`
		SKU       string `json:"sku,omitempty"`
		GTIN      string `json:"gtin,omitempty"`
		Name      string `json:"name,omitempty"`
		Quantity  string `json:"quantity,omitempty"` // "" is "1"
		Unit      string `json:"unit,omitempty"`
		UnitPrice *Money `json:"unit_price,omitempty"`
		OldPrice  Money  `json:"old_price,omitempty"`
		Discount  Money  `json:"discount,omitempty"`
		Serial    string `json:"serial,omitempty"`
	}
	AddItem struct {
		Sale string `json:"-"`
		Add
	}
	ChangeItem struct {
		Sale     string  `json:"-"`
		Line     int     `json:"-"`
		Quantity *string `json:"quantity,omitempty"`
		Discount *Money  `json:"discount,omitempty"`
	}
	RemoveItem struct {
		Sale string `json:"-"`
		Line int    `json:"-"`
	}
	// Pay starts or records a tender for what is due, or for Amount of it.
	Pay struct {
		Sale      string `json:"-"`
		Method    string `json:"method"` // qr collect proof cash external
		Amount    *Money `json:"amount,omitempty"`
		Code      string `json:"code,omitempty"`  // collect: the shopper's auth code, memory only; proof: what the phone shows
		Given     *Money `json:"given,omitempty"` // cash handed over
		Reference string `json:"reference,omitempty"`
	}
	CancelPayment struct {
		Sale string `json:"-"`
	}
	VoidSale struct {
		Sale    string `json:"-"`
		Reason  string `json:"reason"`
		Cashier string `json:"cashier,omitempty"`
	}
	// Who and why, where given, go into the events of these; without Cashier it is
	// the one who is signed in.
	Park struct {
		Sale    string `json:"-"`
		Reason  string `json:"reason,omitempty"`
		Cashier string `json:"cashier,omitempty"`
	}
	Recall struct {
		Sale    string `json:"-"`
		Reason  string `json:"reason,omitempty"`
		Cashier string `json:"cashier,omitempty"`
	}
	// RefundSale gives back whole lines, an amount, or all that is left.
	RefundSale struct {
		Sale    string `json:"-"`
		Lines   []int  `json:"lines,omitempty"`
		Amount  *Money `json:"amount,omitempty"`
		Method  string `json:"method,omitempty"` // cash: instead of what the payment side refused; else as it was paid
		Reason  string `json:"reason"`
		Cashier string `json:"cashier,omitempty"`
	}
	// Reprint prints a marked copy of the receipt.
	Reprint struct {
		Sale    string `json:"-"`
		Reason  string `json:"reason,omitempty"`
		Cashier string `json:"cashier,omitempty"`
	}
)
