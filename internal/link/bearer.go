package link

import (
	"encoding/json"
	"time"
)

// Limits of tokens that a shopper carries.
const (
	maxBearer     = 2953 // bytes: what a QR code holds
	maxBearerLife = 400 * 24 * time.Hour
)

// Bearer is a signed token that a shopper shows, a coupon say: a JWT as all that
// the cloud signs, but with a type of its own, a longer life, and not sent over
// the link. Its form is in docs/tokens.md.
type Bearer struct {
	Kind    string // claim type
	ID      string // claim jti
	Expires time.Time
	Data    json.RawMessage // a JSON object
}

// Bearer checks a token by the keys that sign the cloud's messages: size, form,
// signature, audience and time. It works without a link.
func (l *Link) Bearer(text string) (Bearer, error) {
	b, err := l.bearers.verify([]byte(text), l.clock.Now())
	if err != nil {
		return Bearer{}, err
	}
	if b.ref != "" {
		return Bearer{}, refuse(refClaims, "a token answers nothing, it has no ref")
	}
	if err := b.fresh(l.clock.Now(), l.clock.isTrusted()); err != nil {
		return Bearer{}, err
	}
	return Bearer{Kind: b.kind, ID: b.jti, Expires: b.expires, Data: b.data}, nil
}
