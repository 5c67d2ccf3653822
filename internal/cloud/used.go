package cloud

import (
	"encoding/json"
	"fmt"
	"time"
)

// used is what the tills' events say was used up. Cloud.mu guards it.
type used struct {
	coupons map[string]string // code -> sale that redeemed it
	pickups map[string]bool   // handed over, by id
}

// learn takes from an event what must not be had again: coupons are redeemed by
// the sale, pickups by their hand-over. c.mu is held.
func (c *Cloud) learn(e Event) {
	switch e.Type {
	case "tilld.sale.closed.v1":
		var d struct {
			ID      string `json:"id"`
			Coupons []struct {
				Coupon
				Issued bool `json:"issued"`
			} `json:"coupons"`
		}
		if json.Unmarshal(e.Data, &d) != nil {
			return
		}
		for _, k := range d.Coupons {
			if k.Code != "" && !k.Issued {
				c.used.coupons[k.Code] = d.ID
			}
		}
	case "tilld.pickup.completed.v1":
		var d struct {
			Pickup string `json:"pickup"`
		}
		if json.Unmarshal(e.Data, &d) == nil && d.Pickup != "" {
			c.used.pickups[d.Pickup] = true
		}
	}
}

// Redeemed returns the sale that used up a coupon's code, as the cloud has heard.
func (c *Cloud) Redeemed(code string) (sale string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sale, ok = c.used.coupons[code]
	return sale, ok
}

// lookup is the catalogue's answer, less what was used up. c.mu is held.
func (c *Cloud) lookup(kind, code string) (any, *Problem) {
	k := c.o.Catalogue
	switch kind {
	case "coupon.check":
		if sale, gone := c.used.coupons[code]; gone {
			return nil, &Problem{"redeemed", "used with sale " + sale}
		}
	case "pickup.lookup":
		p, ok := k.pickup(code)
		if ok && c.used.pickups[p.ID] {
			p.State = "done"
		}
		if ok {
			return map[string]any{"pickup": p}, nil
		}
	}
	return k.lookup(kind, code)
}

// pickup finds an order by its code or its id, which is what a signed token has.
func (k *Catalogue) pickup(code string) (Pickup, bool) {
	if p, ok := k.Pickups[code]; ok {
		return p, true
	}
	for _, p := range k.Pickups {
		if p.ID == code {
			return p, true
		}
	}
	return Pickup{}, false
}

// maxTokenLife is how long a token that a shopper carries may be good.
const maxTokenLife = 400 * 24 * time.Hour

// Token signs a coupon or a pickup of the catalogue (kind "coupon", "pickup"; by
// its code), so that it proves itself at tills that cannot ask. audience is a
// till's path, a store's or the merchant's wildcard (docs/tokens.md).
func (c *Cloud) Token(kind, code, audience string, life time.Duration) (string, error) {
	var data any
	switch kind {
	case "coupon":
		k, ok := c.o.Catalogue.Coupons[code]
		if !ok {
			return "", fmt.Errorf("cloud: no coupon %q", code)
		}
		if k.Code == "" {
			k.Code = code
		}
		data = k
	case "pickup":
		p, ok := c.o.Catalogue.pickup(code)
		if !ok {
			return "", fmt.Errorf("cloud: no pickup %q", code)
		}
		data = p
	default:
		return "", fmt.Errorf("cloud: there are no tokens for a %s", kind)
	}
	if life <= 0 || life > maxTokenLife {
		return "", fmt.Errorf("cloud: a token may live for up to %v", maxTokenLife)
	}
	return c.o.Key.Sign(Message{Audience: audience, Type: kind, Life: life, Data: data}, time.Now())
}
