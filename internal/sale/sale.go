// Package sale is what happens at a till: sales, their line items and tenders,
// and the state machine that takes each from the first scan to the receipt. It
// is pure: no I/O, no clock, no goroutines. Events carry their own time, and
// the same state and event always give the same new state and effects, so a
// day's journal can be replayed.
package sale

import "time"

// State is where a sale stands.
//
//	open ⇄ parked
//	open ⇄ paying → closed → refunded
//	open, parked, paying → void
type State string

const (
	Open     State = "open"
	Paying   State = "paying" // a payment is under way; changing items withdraws it
	Paid     State = "paid"   // tenders cover the total; closed in the same commit
	Closed   State = "closed"
	Void     State = "void"
	Refunded State = "refunded" // wholly given back
	Parked   State = "parked"
)

// Sale is one sale, in the shape of the local API and of sale.closed.
type Sale struct {
	ID             string       `json:"id"`
	Code           string       `json:"code,omitempty"` // short name for links that are printed, see [ShortCode]
	Number         int          `json:"number"`         // 0 until closed; gapless per till and day
	Day            string       `json:"day,omitempty"`  // business day of Number, YYYY-MM-DD
	State          State        `json:"state"`
	Currency       string       `json:"currency"`
	Items          []Item       `json:"items"`
	Total          Money        `json:"total"`
	DiscountTotal  Money        `json:"discount_total"`
	Paid           Money        `json:"paid"` // tenders less what was given back of them before goods came back
	Change         Money        `json:"change"`
	Tenders        []Tender     `json:"tenders"`
	Payment        *Payment     `json:"payment,omitempty"`
	Payments       []Payment    `json:"payments,omitempty"` // earlier tries, oldest first
	PaidButChanged bool         `json:"paid_but_changed,omitempty"`
	Member         *Member      `json:"member,omitempty"`
	Points         *Points      `json:"points,omitempty"`
	StoredValue    *StoredValue `json:"stored_value,omitempty"`
	Coupons        []Coupon     `json:"coupons"`
	Offers         []Offer      `json:"offers"`
	Receipt        *Receipt     `json:"receipt,omitempty"`
	Refunds        []Refund     `json:"refunds,omitempty"`
	RefundOf       string       `json:"refund_of,omitempty"`   // the sale that another till made, whose goods came back here
	RefundFrom     *ReturnFrom  `json:"refund_from,omitempty"` // where and when that was
	VoidReason     string       `json:"void_reason,omitempty"`
	VoidedBy       string       `json:"voided_by,omitempty"`     // cashier
	VoidReported   bool         `json:"void_reported,omitempty"` // sale.voided is in the journal
	Cashier        string       `json:"cashier,omitempty"`
	Adviser        string       `json:"adviser,omitempty"`
	ExternalID     string       `json:"external_id,omitempty"`
	NextLine       int          `json:"next_line,omitempty"`
	OpenedAt       time.Time    `json:"opened_at"`
	ClosedAt       *time.Time   `json:"closed_at,omitempty"`
}

// Item is one line item.
type Item struct {
	Line      int       `json:"line"` // 1, 2, 3 … never reused within a sale
	SKU       string    `json:"sku"`
	GTIN      string    `json:"gtin,omitempty"`
	Serial    string    `json:"serial,omitempty"`
	Name      string    `json:"name"`
	Quantity  string    `json:"quantity"`       // decimal string: "1", "0.735"
	Unit      string    `json:"unit,omitempty"` // each (also "") or kg
	UnitPrice Money     `json:"unit_price"`
	OldPrice  Money     `json:"old_price,omitempty"`       // per unit, before a markdown
	Discount  Money     `json:"discount"`                  // taken off the line: by hand and by multi-buy together
	Manual    Money     `json:"manual_discount,omitempty"` // part of Discount given by hand
	MultiBuy  *MultiBuy `json:"multi_buy,omitempty"`
	Total     Money     `json:"total"`          // quantity × unit price − discount, rounded half up once
	ScanSeq   uint64    `json:"scan,omitempty"` // scan ledger number it came from
}

// Tender is one way in which a sale is paid.
type Tender struct {
	Method    string `json:"method"` // wallet stored_value coupon cash card external
	Amount    Money  `json:"amount"`
	Scheme    string `json:"scheme,omitempty"` // wechat alipay unionpay ecny
	Reference string `json:"reference,omitempty"`
	Balance   *Money `json:"balance,omitempty"`
	PaymentID string `json:"payment_id,omitempty"`
	Given     Money  `json:"given,omitempty"` // cash handed over
	// InsteadOf is the payment for which cash is given back, because the payment
	// side refused to.
	InsteadOf string `json:"instead_of,omitempty"`
	// State is only set on what is given back: pending until the payment side
	// has answered.
	State RefundState `json:"state,omitempty"`
}

// PaymentState is where a payment through the cloud stands.
type PaymentState string

const (
	PayRequested PaymentState = "requested" // sent to the cloud, no answer yet
	PayPending   PaymentState = "pending"   // the shopper can pay
	PayPaid      PaymentState = "paid"
	PayExpired   PaymentState = "expired"
	PayCancelled PaymentState = "cancelled"
	PayUnknown   PaymentState = "unknown" // the cloud did not answer; asked again until known
	PayFailed    PaymentState = "failed"
)

// Payment is one try to be paid through the cloud.
type Payment struct {
	ID               string       `json:"id"`
	Method           string       `json:"method"` // qr or collect
	State            PaymentState `json:"state"`
	Amount           Money        `json:"amount"`
	ItemsDigest      string       `json:"items_digest"` // SHA-256 of the basket it was made for, hex
	URL              string       `json:"url,omitempty"`
	PicturePNGBase64 string       `json:"picture,omitempty"`
	RequestedAt      time.Time    `json:"requested_at"`
	ExpiresAt        time.Time    `json:"expires_at"`
	Withdrawn        bool         `json:"withdrawn,omitempty"` // the code must not be shown any more
	Verified         bool         `json:"verified,omitempty"`  // the cloud has said pending since this start of the agent
	Settled          bool         `json:"settled,omitempty"`   // the cloud has called its state final
	GivenUp          bool         `json:"given_up,omitempty"`  // the cashier cancelled it
	Error            string       `json:"error,omitempty"`
	Offline          bool         `json:"offline,omitempty"` // the till made the code itself, without a link
	Nonce            string       `json:"nonce,omitempty"`   // in that code and in the proof of its payment, 16 hex digits
	Proof            string       `json:"proof,omitempty"`   // PP1 as it was accepted
	// Where a code may take the proof's place:
	Request   string `json:"request,omitempty"`    // body of PR1, hex: what the code is about
	CodeTries int    `json:"code_tries,omitempty"` // typed codes that were wrong
	CodeForm  string `json:"code_form,omitempty"`  // typed or barcode, once a code has said that it is paid
	Code      string `json:"code,omitempty"`       // the end of that code
}

// Final reports whether the payment's state can no longer change by itself.
func (s PaymentState) Final() bool {
	return s == PayPaid || s == PayExpired || s == PayCancelled || s == PayFailed
}

// Member is the member whose card or payment is attached; always masked.
type Member struct {
	IDMasked      string `json:"id_masked"`
	NameMasked    string `json:"name_masked,omitempty"`
	Level         string `json:"level,omitempty"`
	Joined        bool   `json:"joined,omitempty"`
	Consent       bool   `json:"consent"`
	PointsBalance *int64 `json:"points_balance,omitempty"`
}

// Points is what a payment earned.
type Points struct {
	Earned  int64  `json:"earned"`
	Balance *int64 `json:"balance,omitempty"`
}

// StoredValue is a stored-value card's state after the payment.
type StoredValue struct {
	CardMasked string `json:"card_masked"`
	Balance    Money  `json:"balance"`
	Bought     Money  `json:"bought,omitempty"`
}

// Coupon is a coupon that was redeemed with the sale or issued by it.
type Coupon struct {
	ID      string `json:"id"`
	Code    string `json:"code,omitempty"`
	Title   string `json:"title"`
	Amount  Money  `json:"amount,omitempty"`
	Percent int    `json:"percent,omitempty"`
	SKU     string `json:"sku,omitempty"`
	Expires string `json:"expires,omitempty"`
	Issued  bool   `json:"issued,omitempty"`  // given to the shopper, not redeemed
	Applied Money  `json:"applied,omitempty"` // taken off this sale
	// Token is the id of the signed token with which it was accepted while the
	// cloud could not be asked.
	Token string `json:"token,omitempty"`
}

// Offer is shown and printed after payment.
type Offer struct {
	ID               string `json:"id"`
	Title            string `json:"title"`
	Text             string `json:"text,omitempty"`
	Brand            string `json:"brand,omitempty"`
	URL              string `json:"url,omitempty"`
	PicturePNGBase64 string `json:"picture_png_base64,omitempty"`
	Expires          string `json:"expires,omitempty"`
}

// Pickup is an online order handed over at this till.
type Pickup struct {
	ID            string    `json:"id"`
	Number        string    `json:"number,omitempty"`
	State         string    `json:"state"` // ready done
	Items         []Article `json:"items"`
	ShopperMasked string    `json:"shopper_masked,omitempty"`
}

// Receipt is the sale's receipt job and what became of it.
type Receipt struct {
	JobID   string `json:"job_id"`
	Outcome string `json:"outcome"`
}

// RefundState is where money given back through the cloud stands.
type RefundState string

const (
	RefundDone    RefundState = "done"
	RefundPending RefundState = "pending" // asked again until the cloud answers
	RefundFailed  RefundState = "failed"
)

// Refund is money given back: for goods of a closed sale, or (GiveBack) what
// was paid for a void sale or beyond what the basket costs.
type Refund struct {
	ID       string      `json:"id"`
	GiveBack bool        `json:"give_back,omitempty"` // no goods came back: no number, no sale.refunded
	Number   int         `json:"number,omitempty"`    // in the series of receipts, given when the money is back
	Day      string      `json:"day,omitempty"`
	State    RefundState `json:"state"`
	Lines    []int       `json:"lines,omitempty"`
	Amount   Money       `json:"amount"`
	Reason   string      `json:"reason"`
	Tenders  []Tender    `json:"tenders"`
	Cashier  string      `json:"cashier,omitempty"`
	At       time.Time   `json:"at"`
}

// Article is what the cloud or the price book knows of a product (contract §4).
type Article struct {
	SKU       string     `json:"sku" strict:"required"`
	GTIN      string     `json:"gtin,omitempty"`
	GTINs     []string   `json:"gtins,omitempty"`
	Name      string     `json:"name" strict:"required"`
	UnitPrice Money      `json:"unit_price" strict:"required"`
	Unit      string     `json:"unit,omitempty"` // each or kg
	OldPrice  Money      `json:"old_price,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	Quantity  string     `json:"quantity,omitempty"`
	Markdowns []Markdown `json:"markdowns,omitempty"`
	MultiBuy  *MultiBuy  `json:"multi_buy,omitempty"`
}

// Markdown is a discount for part of the day, store time.
type Markdown struct {
	From    string `json:"from" strict:"required"` // "19:00"
	To      string `json:"to,omitempty"`
	Percent int    `json:"percent" strict:"required"`
}

// MultiBuy is "quantity pieces for price".
type MultiBuy struct {
	Quantity int   `json:"quantity" strict:"required"`
	Price    Money `json:"price" strict:"required"`
}
