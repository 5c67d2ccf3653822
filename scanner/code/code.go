// Package code says what a scanned payload is: a product, a weighed item, an
// item code with a serial, a shopper's auth code, a member card, a coupon, a
// pickup code, a basket, a cashier's badge, a payment proof. It is pure: no
// I/O, no clock, no state between calls.
package code

// State is what the till is waiting for; it decides first what a payload can
// be (digit rules collide), the AIM identifier second, the digits last.
type State string

const (
	Basket          State = "basket"           // line items are being scanned, or no sale is open
	AwaitingPayment State = "awaiting_payment" // the cashier has asked for payment
	AwaitingMember  State = "awaiting_member"
	AwaitingPickup  State = "awaiting_pickup"
)

// Kind is what a payload is.
type Kind string

const (
	Unknown  Kind = "unknown"   // none of the rules fits; Reason says why
	Product  Kind = "product"   // GTIN, or an in-store code
	Weighed  Kind = "weighed"   // in-store label that carries weight, price or quantity
	ItemCode Kind = "item_code" // one-item-one-code: GTIN and serial
	AuthCode Kind = "auth_code" // the shopper's payment code: a secret, memory only
	Member   Kind = "member"
	Coupon   Kind = "coupon"
	Pickup   Kind = "pickup"
	Handover Kind = "basket" // hand-over code of a basket prepared elsewhere
	Badge    Kind = "badge"  // cashier's badge
	Proof    Kind = "proof"  // payment proof PP1 of offline payment
	// ProofCode is the short code instead of a proof, from a 1D scanner.
	ProofCode Kind = "proof_code"
	Receipt   Kind = "receipt"  // sale reference printed by us, for a refund
	Token     Kind = "token"    // signed by the cloud, carried by the shopper: a coupon or a pickup, docs/tokens.md
	PayCode   Kind = "pay_code" // a merchant pay code (EMVCo): not for scanning at a till
)

// Code is a classified payload.
type Code struct {
	Kind      Kind
	AIM       string // as sent
	Symbology string // "ean13", "qr", "code128", "gs1-128", "" when unknown
	// Text is what to look up or send on: for Product the code as scanned, for
	// Coupon, Member, Pickup and the like the payload. For AuthCode it is the
	// secret itself; [Code.String] never shows it.
	Text   string
	GTIN   string // 14 digits, "" when there is none
	SKU    string // item reference of an in-store label
	Serial string // one-item-one-code
	Batch  string // GS1 AI (10)
	Expiry string // GS1 AI (17), YYMMDD as printed
	Scheme string // of an AuthCode: wechat, alipay, unionpay, ecny
	Price  int64  // minor units, from an in-store price label; 0 when none
	// Quantity is a decimal string from the label ("0.735" kg, "3"); "" when none.
	Quantity string
	Reason   string // for Unknown: a short English reason for the log
}

// String describes the code without what only its bearer should know.
func (c Code) String() string {
	switch c.Kind {
	case AuthCode:
		return string(c.Kind) + " " + c.Scheme
	case Member, Coupon, Pickup, Handover, Token, Proof, ProofCode:
		return string(c.Kind)
	}
	return string(c.Kind) + " " + c.Text
}
