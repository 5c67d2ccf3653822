package cloud

import (
	"fmt"
	"strings"
	"time"
)

// Payment is one try of a shopper to pay.
type Payment struct {
	ID       string    `json:"id"`
	Till     string    `json:"till"`
	Sale     string    `json:"sale"`
	Method   string    `json:"method"` // qr or collect
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
	Digest   string    `json:"items_digest"`
	State    string    `json:"state"` // pending paid expired cancelled failed
	URL      string    `json:"url,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Result   *Result   `json:"result,omitempty"`
	Refunds  []Refund  `json:"refunds,omitempty"`
	Asked    int       `json:"asked"` // requests about it
	// Of a payment that a till asked for while it had no link:
	Offline    bool   `json:"offline,omitempty"`
	SaleNumber uint32 `json:"sale_number,omitempty"` // as the customer screen had it
	Shopper    string `json:"shopper,omitempty"`
	Charges    int    `json:"charges,omitempty"`  // how often money was taken
	Proof      string `json:"proof,omitempty"`    // PP1
	Code       string `json:"code,omitempty"`     // 8 digits that do instead, where the till takes them
	Barcode    string `json:"barcode,omitempty"`  // and as Code 128
	Reported   bool   `json:"reported,omitempty"` // an event or a request of the till's told of it
}

// Refund is money given back.
type Refund struct {
	ID     string `json:"id"`
	Amount int64  `json:"amount"`
}

// PayPolicy says what shoppers do by themselves.
type PayPolicy struct {
	After   time.Duration // after the code was made, if Outcome is set
	Outcome string        // "paid", "failed", or "" for a shopper who waits for [Cloud.Settle]
	Rich    bool          // results carry member, points, coupons, offers, stored value
	// Picture, if set, draws the pay code as a PNG, as WeChat's servers draw
	// mini-program codes; then payment.create answers with it and not with a url.
	Picture func(paymentID string) []byte
}

// Result is the data of payment.result.
type Result struct {
	PaymentID   string       `json:"payment_id"`
	State       string       `json:"state"`
	Amount      int64        `json:"amount"`
	Tenders     []Tender     `json:"tenders"`
	Member      *Member      `json:"member,omitempty"`
	Points      *Points      `json:"points,omitempty"`
	Coupons     []Coupon     `json:"coupons,omitempty"`
	Offers      []Offer      `json:"offers,omitempty"`
	StoredValue *StoredValue `json:"stored_value,omitempty"`
}

// Tender is one way in which a payment was made.
type Tender struct {
	Method    string `json:"method"`
	Amount    int64  `json:"amount"`
	Scheme    string `json:"scheme,omitempty"`
	Reference string `json:"reference,omitempty"`
	Balance   *int64 `json:"balance,omitempty"`
}

type paymentData struct {
	PaymentID string `json:"payment_id"`
	RefundID  string `json:"refund_id"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Digest    string `json:"items_digest"`
	TTL       int    `json:"ttl_s"`
	AuthCode  string `json:"auth_code"`
}

// create makes a pay code. A repeat gets the same one. c.mu is held.
func (c *Cloud) create(path, sale string, d paymentData) (any, *Problem) {
	if d.PaymentID == "" || d.Amount <= 0 || d.Currency != c.o.Currency || d.TTL <= 0 {
		return nil, &Problem{"invalid", fmt.Sprintf("payment_id, a positive amount in %s and ttl_s are needed", c.o.Currency)}
	}
	p, ok := c.payments[d.PaymentID]
	if !ok {
		p = &Payment{
			ID: d.PaymentID, Till: path, Sale: sale, Method: "qr", Amount: d.Amount, Currency: d.Currency, Digest: d.Digest, State: "pending",
			URL: "https://pay.example/q/" + d.PaymentID, Created: time.Now(), Expires: time.Now().Add(time.Duration(d.TTL) * time.Second),
		}
		if c.faults.Deny {
			p.State, p.URL = "failed", ""
		}
		c.payments[p.ID] = p
		c.autoPay(p)
	}
	if p.Till != path || p.Amount != d.Amount || p.Sale != sale {
		return nil, &Problem{"conflict", "this payment_id stands for another payment"}
	}
	p.Asked++
	if p.State != "pending" {
		return p.answer(), nil
	}
	if c.o.Pay.Picture != nil {
		return map[string]any{"state": "pending", "picture_png_base64": c.o.Pay.Picture(p.ID)}, nil
	}
	return map[string]any{"state": "pending", "url": p.URL}, nil
}

// SetPay changes how shoppers pay from now on.
func (c *Cloud) SetPay(f func(*PayPolicy)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.o.Pay)
}

// autoPay has the shopper act by itself if the policy says so. c.mu is held.
func (c *Cloud) autoPay(p *Payment) {
	if c.o.Pay.Outcome == "" || p.State != "pending" {
		return
	}
	id := p.ID
	after, outcome, rich := c.o.Pay.After, c.o.Pay.Outcome, c.o.Pay.Rich
	go c.later(max(after, time.Millisecond), func() { c.Settle(id, outcome, rich) })
}

// collect charges the shopper's code. c.mu is held.
func (c *Cloud) collect(path, sale string, d paymentData) (any, *Problem) {
	if d.PaymentID == "" || d.Amount <= 0 || d.AuthCode == "" || d.Currency != c.o.Currency {
		return nil, &Problem{"invalid", "payment_id, amount, currency and auth_code are needed"}
	}
	p, ok := c.payments[d.PaymentID]
	if !ok {
		p = &Payment{ID: d.PaymentID, Till: path, Sale: sale, Method: "collect", Amount: d.Amount, Currency: d.Currency, State: "paid", Created: time.Now()}
		if c.faults.Deny {
			p.State = "failed"
		} else {
			p.Result = result(p, scheme(d.AuthCode), false)
		}
		c.payments[p.ID] = p
	}
	if p.Till != path || p.Amount != d.Amount {
		return nil, &Problem{"conflict", "this payment_id stands for another payment"}
	}
	p.Asked++
	return p.answer(), nil
}

// scheme tells wallets apart by their codes' first digits.
func scheme(code string) string {
	switch {
	case len(code) == 18 && code >= "10" && code < "16":
		return "wechat"
	case len(code) >= 16 && code >= "25" && code < "31":
		return "alipay"
	case len(code) == 19 && code >= "62" && code < "63":
		return "unionpay"
	}
	return ""
}

// query and cancel. A payment nobody heard of has failed, for good: a create
// that comes later under its id is answered the same. c.mu is held.
func (c *Cloud) query(path, sale string, d paymentData, cancel bool) (any, *Problem) {
	if d.PaymentID == "" {
		return nil, &Problem{"invalid", "payment_id is needed"}
	}
	p, ok := c.payments[d.PaymentID]
	if !ok && strings.HasPrefix(d.PaymentID, "pr1-") {
		// A request made offline that no phone has opened: it may still be paid,
		// unless the till takes it back.
		if !cancel {
			return map[string]any{"state": "requested"}, nil
		}
		p, ok = &Payment{ID: d.PaymentID, Till: path, Sale: sale, State: "cancelled", Created: time.Now()}, true
		c.payments[p.ID] = p
	}
	if !ok {
		p = &Payment{ID: d.PaymentID, Till: path, Sale: sale, Amount: d.Amount, State: "failed", Created: time.Now()}
		c.payments[p.ID] = p
	}
	if p.Till != path {
		return nil, &Problem{"not_found", "no such payment of this till"}
	}
	p.Asked++
	if p.State == "pending" && !p.Expires.IsZero() && c.o.Now().After(p.Expires.Add(time.Minute)) {
		p.State = "expired"
	}
	if cancel && p.State == "pending" {
		p.State = "cancelled"
	}
	return p.answer(), nil
}

// answer is the payment's state with its result.
func (p *Payment) answer() any {
	if p.State == "paid" {
		return p.Result
	}
	return map[string]any{"state": p.State}
}

// refund gives money back once per refund_id. c.mu is held.
func (c *Cloud) refund(path string, d paymentData) (any, *Problem) {
	p, ok := c.payments[d.PaymentID]
	if !ok || p.Till != path || p.State != "paid" {
		return nil, &Problem{"not_found", "no such payment, or it was not paid"}
	}
	p.Reported = true
	left := p.Amount
	for _, r := range p.Refunds {
		if r.ID == d.RefundID {
			if r.Amount != d.Amount {
				return nil, &Problem{"conflict", "this refund_id stands for another amount"}
			}
			return map[string]any{"state": "done"}, nil
		}
		left -= r.Amount
	}
	if d.RefundID == "" || d.Amount <= 0 || d.Amount > left {
		return nil, &Problem{"invalid", fmt.Sprintf("at most %d is left to give back", left)}
	}
	p.Refunds = append(p.Refunds, Refund{ID: d.RefundID, Amount: d.Amount})
	return map[string]any{"state": "done"}, nil
}

// Settle is the shopper: outcome "paid" or "failed". A pending payment changes
// its state and the till is told by a payment.result command; rich results
// carry what a mini-program knows. It reports whether the payment was pending.
func (c *Cloud) Settle(id, outcome string, rich bool) bool {
	return c.settle(id, outcome, func(p *Payment) *Result {
		if outcome == "paid" {
			return result(p, "wechat", rich)
		}
		return nil
	})
}

// SettleAs is Settle with a result made to measure: paid, with what the
// mini-program knows of the shopper. Payment id and amount are filled in; no
// tenders are all of it from the WeChat wallet.
func (c *Cloud) SettleAs(id string, r Result) bool {
	return c.settle(id, "paid", func(p *Payment) *Result {
		r.PaymentID, r.State, r.Amount = p.ID, "paid", p.Amount
		if r.Tenders == nil {
			r.Tenders = []Tender{{Method: "wallet", Amount: p.Amount, Scheme: "wechat", Reference: reference(p)}}
		}
		return &r
	})
}

func (c *Cloud) settle(id, outcome string, paid func(*Payment) *Result) bool {
	c.mu.Lock()
	p, ok := c.payments[id]
	if !ok || p.State != "pending" {
		c.mu.Unlock()
		return false
	}
	if c.faults.Deny {
		outcome = "failed"
	}
	p.State = outcome
	res := &Result{PaymentID: p.ID, State: outcome, Amount: p.Amount, Tenders: []Tender{}}
	if outcome == "paid" {
		res = paid(p)
	}
	p.Result = res
	path, late := p.Till, c.faults.LateResult
	c.notify()
	c.mu.Unlock()
	c.later(late, func() { c.Order(path, "payment.result", res, time.Hour) })
	return true
}

// Payments returns all payments by id.
func (c *Cloud) Payments() map[string]Payment {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]Payment, len(c.payments))
	for id, p := range c.payments {
		all[id] = *p
	}
	return all
}
