package cloud

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// Enrolment is what the cloud knows of a till that may ask to be paid offline.
type Enrolment struct {
	Path   string // acme/sh-001/03
	Number uint32
	KeyGen byte
	Key    ed25519.PublicKey // public half of the till's key
	// CodeKeys are the keys that the cloud shares with this till, by generation:
	// the present one and the one before.
	CodeKeys map[byte][]byte
}

// refundGrace is how long after a request's life its payment cannot be given
// back in the app unless the till has reported it.
const refundGrace = 24 * time.Hour

// clockSlack is how far a trusted till's clock may be off.
const clockSlack = 10 * time.Minute

// Page is what the pay page shows before the shopper pays: what is to be
// compared with the till's screen.
type Page struct {
	PaymentID string
	Till      string // path
	Sale      uint32 // as the customer screen has it
	Amount    int64
	At        time.Time
	// Confirm says what the shopper has to confirm first, "" when nothing: that
	// the request is from just now (the till's clock is not known to be right), or
	// that this sale was paid once already.
	Confirm string
}

// PayChoice is what a shopper does on the pay page.
type PayChoice struct {
	Shopper   string // who pays: the wallet's account
	Scheme    string // wechat alipay unionpay ecny stored_value; "" is wechat
	Discount  int64  // the part that a coupon of head office pays
	Confirmed bool   // yes to Page.Confirm
}

// Enrol lets a till ask to be paid offline.
func (c *Cloud) Enrol(e Enrolment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enrolled[e.Number] = e
}

// Block has the pay page refuse a till: it was stolen.
func (c *Cloud) Block(number uint32, blocked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocked[number] = blocked
}

// Revoke has the cloud sign no more proofs with a key.
func (c *Cloud) Revoke(id byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revoked[id] = true
}

// OpenPage is a phone that opens the address it scanned.
func (c *Cloud) OpenPage(url string) (Page, *Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	page, _, problem := c.openPage(url)
	c.notify()
	return page, problem
}

// openPage needs mu.
func (c *Cloud) openPage(url string) (Page, pr1, *Problem) {
	r, ok := readPR1(url, c.o.PagePrefix, func(till uint32, gen byte) (ed25519.PublicKey, bool) {
		e, ok := c.enrolled[till]
		return e.Key, ok && e.KeyGen == gen
	})
	now := c.o.Now()
	e := c.enrolled[r.Till]
	switch {
	case !ok || c.o.PagePrefix == "":
		return Page{}, r, &Problem{"not_ours", "this code is not from one of our tills"}
	case c.blocked[r.Till]:
		return Page{}, r, &Problem{"till_blocked", "this till may not take payments"}
	case r.Currency != 156 || r.Amount == 0 || r.Life == 0:
		return Page{}, r, &Problem{"invalid", "this request cannot be paid here"}
	}
	if _, held := c.proofKey(r.CloudKey); !held || c.revoked[r.CloudKey] {
		return Page{}, r, &Problem{"key_revoked", "this till cannot check a proof now; please pay cash"}
	}
	p := c.offline(e, r)
	p.URL = url
	if p.State != "paid" && r.Trusted && (r.At.After(now.Add(clockSlack)) || now.After(p.Expires.Add(clockSlack))) && p.State == "pending" {
		p.State = "expired"
	}
	page := Page{PaymentID: p.ID, Till: e.Path, Sale: r.Sale, Amount: p.Amount, At: r.At}
	if !r.Trusted {
		page.Confirm = "the till asked for this at " + r.At.UTC().Format(time.RFC3339)
	}
	for _, other := range c.payments {
		if other.Offline && other.ID != p.ID && other.Till == p.Till && other.SaleNumber == p.SaleNumber && other.State == "paid" && !other.Reported {
			page.Confirm = fmt.Sprintf("%d was paid for this sale already: show that proof first", other.Amount)
		}
	}
	return page, r, nil
}

// offline is the record of a request, made when it is first seen. Its id is the
// unique key (till, nonce). mu is held.
func (c *Cloud) offline(e Enrolment, r pr1) *Payment {
	id := fmt.Sprintf("pr1-%d-%016x", r.Till, r.Nonce)
	p, ok := c.payments[id]
	if !ok {
		p = &Payment{ID: id, Till: e.Path, State: "pending", Created: c.o.Now()}
		c.payments[id] = p
	}
	if !p.Offline { // also one that the till cancelled before any phone came
		p.Method, p.Amount, p.Currency, p.Expires = "qr", int64(r.Amount), c.o.Currency, r.At.Add(r.Life)
		p.Offline, p.SaleNumber = true, r.Sale
	}
	return p
}

// PayPage is a shopper who pays what the page at url asks for. It returns the
// digits of the proof that the phone then shows as a QR code. Whoever paid gets
// the same proof again as often as the page is opened; everybody else is
// refused before any money moves.
func (c *Cloud) PayPage(url string, choice PayChoice) (proof string, refused *Problem) {
	c.mu.Lock()
	page, r, problem := c.openPage(url)
	if problem != nil {
		c.mu.Unlock()
		return "", problem
	}
	p := c.payments[page.PaymentID]
	switch {
	case p.State == "paid" && p.Shopper == choice.Shopper:
		c.mu.Unlock()
		return p.Proof, nil
	case p.State == "paid":
		problem = &Problem{"paid_by_other", "somebody has paid this already"}
	case p.State != "pending":
		problem = &Problem{"over", "this request is " + p.State}
	case page.Confirm != "" && !choice.Confirmed:
		problem = &Problem{"confirm", page.Confirm}
	case c.faults.Deny || choice.Shopper == "" || choice.Discount < 0 || choice.Discount > p.Amount:
		problem = &Problem{"failed", "the payment did not go through"}
	}
	if problem != nil {
		c.notify()
		c.mu.Unlock()
		return "", problem
	}
	c.charge(p, r, choice)
	path, res := p.Till, p.Result
	c.notify()
	c.mu.Unlock()
	// If the proof never reaches the till, the link will tell it.
	c.Order(path, "payment.result", res, 24*time.Hour)
	return p.Proof, nil
}

// charge takes the money and makes the proof. mu is held.
func (c *Cloud) charge(p *Payment, r pr1, choice PayChoice) {
	key, _ := c.proofKey(r.CloudKey)
	h := fnv.New64a()
	h.Write([]byte(p.ID))
	reference := h.Sum64()
	method := map[string]byte{"": 1, "wechat": 1, "alipay": 2, "unionpay": 3, "ecny": 4, "stored_value": 5}[choice.Scheme]
	own := Tender{Method: "wallet", Amount: p.Amount - choice.Discount, Scheme: choice.Scheme, Reference: fmt.Sprintf("%016x", reference)}
	switch choice.Scheme {
	case "":
		own.Scheme = "wechat"
	case "stored_value":
		own.Method, own.Scheme = "stored_value", ""
	}
	p.State, p.Shopper, p.Charges = "paid", choice.Shopper, p.Charges+1
	p.Result = &Result{PaymentID: p.ID, State: "paid", Amount: p.Amount}
	if own.Amount > 0 {
		p.Result.Tenders = append(p.Result.Tenders, own)
	}
	if choice.Discount > 0 {
		p.Result.Tenders = append(p.Result.Tenders, Tender{Method: "coupon", Amount: choice.Discount, Reference: own.Reference})
	}
	if k := c.enrolled[r.Till].codeKey(r); k != nil && choice.Discount == 0 {
		p.Code, p.Barcode = makeCodes(k, r)
	}
	p.Proof = makePP1(key, r.CloudKey, r, method, uint32(choice.Discount), c.o.Now(), reference)
}

// codeKey is the key for a request's code, nil when there shall be none: the till
// takes none for it, or it is of a test.
func (e Enrolment) codeKey(r pr1) []byte {
	if !r.Code || r.Test {
		return nil
	}
	for gen, key := range e.CodeKeys {
		if (gen&1 == 1) == r.OddKey {
			return key
		}
	}
	return nil
}

// proofKey finds a key by its id, which is one byte. mu is held.
func (c *Cloud) proofKey(id byte) (Key, bool) {
	for _, k := range c.o.ProofKeys {
		if k.ID == strconv.Itoa(int(id)) {
			return k, true
		}
	}
	return Key{}, false
}

// RefundInApp is a shopper who asks the wallet for the money back. What was
// paid to a till offline stays until the till has reported it, or will not any
// more: else the goods could be carried out with a proof of money that is gone.
func (c *Cloud) RefundInApp(paymentID string) *Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.payments[paymentID]
	switch {
	case !ok || !p.Offline || p.State != "paid" || len(p.Refunds) > 0:
		return &Problem{"not_found", "there is nothing to give back"}
	case p.Reported:
		return &Problem{"settled", "the goods were handed over; ask the store"}
	case c.o.Now().Before(p.Expires.Add(refundGrace)):
		return &Problem{"locked", "the till has not reported yet; try again tomorrow, or ask the store"}
	}
	p.Refunds = append(p.Refunds, Refund{ID: "app", Amount: p.Amount})
	c.notify()
	return nil
}

// reported notes which offline payments a till's events tell of, and returns
// those that nobody has paid here. mu is held.
func (c *Cloud) reported(e Event) (forged []string) {
	if !strings.Contains(string(e.Data), `"pr1-`) {
		return nil
	}
	var d struct {
		PaymentID string `json:"payment_id"` // of payment.unknown
		State     string `json:"state"`
		Tenders   []struct {
			PaymentID string `json:"payment_id"`
		} `json:"tenders"`
	}
	if json.Unmarshal(e.Data, &d) != nil {
		return nil
	}
	ids := map[string]bool{d.PaymentID: d.State == "paid"}
	for _, t := range d.Tenders {
		ids[t.PaymentID] = true
	}
	for id, paid := range ids {
		if !paid || !strings.HasPrefix(id, "pr1-") {
			continue
		}
		if p, ok := c.payments[id]; ok && p.State == "paid" {
			p.Reported, p.Sale = true, e.Subject
			continue
		}
		forged = append(forged, id)
	}
	return forged
}

// Expire ends a request's life at the cloud.
func (c *Cloud) Expire(paymentID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.payments[paymentID]; ok && p.State == "pending" {
		p.State = "expired"
	} else if !ok {
		c.payments[paymentID] = &Payment{ID: paymentID, State: "expired", Created: c.o.Now()}
	}
}
