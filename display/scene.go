// Package display is the shopper's side of the till: the scene, which is the
// plain data of everything that can be shown, and what a display must be able
// to do. Makes live in subpackages.
package display

import (
	"slices"
	"time"
)

// Kind names the moment that a [Scene] shows.
type Kind string

const (
	Idle       Kind = "idle"
	Basket     Kind = "basket"
	Paying     Kind = "paying"
	Processing Kind = "processing"
	Paid       Kind = "paid"
	Failed     Kind = "failed"
	Offers     Kind = "offers"
	Member     Kind = "member"
	Pickup     Kind = "pickup"
	Message    Kind = "message"
	ClosedTill Kind = "closed_till"
)

// Scene is everything that a display needs to draw, as plain data: the same
// value is shown on a screen, squeezed onto two lines of text, logged and
// compared in golden files. Money is in minor units of Currency. Text is
// outside text: displays escape it.
type Scene struct {
	Kind     Kind     `json:"kind"`
	SaleID   string   `json:"sale_id,omitempty"`
	Number   int      `json:"number,omitempty"`
	Lines    []Line   `json:"lines"`
	Total    *int64   `json:"total,omitempty"`
	Discount int64    `json:"discount_total,omitempty"`
	Currency string   `json:"currency"`
	Pay      *Pay     `json:"pay,omitempty"`
	Paid     *Receipt `json:"paid,omitempty"`
	Offers   []Offer  `json:"offers"`
	QR       []QR     `json:"qr"`
	Title    string   `json:"title,omitempty"`
	Text     string   `json:"text,omitempty"`
	Reason   Reason   `json:"reason,omitempty"` // of kind failed
	Language string   `json:"language"`
}

// Reason says why a payment did not come about, so that a display can tell the
// shopper what to do now. Empty is a payment that was declined.
type Reason string

const (
	ReasonExpired Reason = "expired" // the pay code's time ran out; nothing was paid
	ReasonNoLink  Reason = "no_link" // the payment side cannot be reached now
)

// Line is one line item as the shopper sees it.
type Line struct {
	Line      int    `json:"line"`
	Name      string `json:"name"`
	Quantity  string `json:"quantity"`       // decimal string: "1", "0.735"
	Unit      string `json:"unit,omitempty"` // "kg" for weighed items
	UnitPrice int64  `json:"unit_price"`
	OldPrice  int64  `json:"old_price,omitempty"`
	Discount  int64  `json:"discount,omitempty"`
	Total     int64  `json:"total"`
	Highlight bool   `json:"highlight,omitempty"`
}

// Pay is a pay code that may be shown. A scene has one only while the code is
// valid; a display that gets a scene without it blanks the code at once.
type Pay struct {
	PaymentID        string    `json:"payment_id"`
	URL              string    `json:"url,omitempty"`
	PicturePNGBase64 string    `json:"picture_png_base64,omitempty"`
	Amount           int64     `json:"amount"`
	ExpiresAt        time.Time `json:"expires_at"`
	// Offline says that this till has no link: the shopper pays on the phone and
	// then shows the green code on the phone to the scanner.
	Offline bool `json:"offline,omitempty"`
	// Apps are the wallets that can read the code, in the order in which they
	// are named to the shopper: wechat, alipay, unionpay, ecny. Empty: unknown.
	Apps []string `json:"apps,omitempty"`
}

// Receipt is what the shopper is told after paying.
type Receipt struct {
	Tenders     []Tender     `json:"tenders"`
	Change      int64        `json:"change,omitempty"`
	StoredValue *StoredValue `json:"stored_value,omitempty"`
	Points      *Points      `json:"points,omitempty"`
	Member      *Membership  `json:"member,omitempty"`
	Coupons     []Coupon     `json:"coupons,omitempty"` // issued with the payment
}

// Coupon is one that the shopper was given with the payment.
type Coupon struct {
	Title   string `json:"title"`
	Amount  int64  `json:"amount,omitempty"`
	Percent int    `json:"percent,omitempty"`
	Expires string `json:"expires,omitempty"` // a day, 2026-12-24, or RFC 3339
}

// Tender is one way in which the sale was paid.
type Tender struct {
	Method string `json:"method"`
	Scheme string `json:"scheme,omitempty"`
	Amount int64  `json:"amount"`
}

// StoredValue is the card's state after the payment.
type StoredValue struct {
	CardMasked string `json:"card_masked"`
	Balance    int64  `json:"balance"`
	Bought     int64  `json:"bought,omitempty"`
}

// Points is what the payment earned.
type Points struct {
	Earned  int64  `json:"earned"`
	Balance *int64 `json:"balance,omitempty"`
}

// Membership greets a member; everything in it is masked.
type Membership struct {
	IDMasked   string `json:"id_masked"`
	NameMasked string `json:"name_masked,omitempty"`
	Level      string `json:"level,omitempty"`
	Joined     bool   `json:"joined,omitempty"`
}

// Offer is shown after payment.
type Offer struct {
	ID               string    `json:"id"`
	Title            string    `json:"title"`
	Text             string    `json:"text,omitempty"`
	Brand            string    `json:"brand,omitempty"`
	URL              string    `json:"url,omitempty"`
	PicturePNGBase64 string    `json:"picture_png_base64,omitempty"`
	Expires          time.Time `json:"expires,omitzero"`
}

// over reports whether nobody can use the offer any more at now.
func (o Offer) over(now time.Time) bool { return !o.Expires.IsZero() && !now.Before(o.Expires) }

// withoutEnded is the scene without offers that are over at now.
func (s Scene) withoutEnded(now time.Time) Scene {
	ended := func(o Offer) bool { return o.over(now) }
	if slices.ContainsFunc(s.Offers, ended) {
		s.Offers = slices.DeleteFunc(slices.Clone(s.Offers), ended) // others have the scene too
	}
	return s
}

// QR is a code beside the scene: the cashier's contact, the community group.
type QR struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}
