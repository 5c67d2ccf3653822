package code

import (
	"fmt"
	"regexp"
	"strings"
)

// Config is what a chain decides about its own codes, as data (config key
// "codes"). A pattern is a regular expression over the whole payload (RE2, so
// matching is linear in the payload's length).
type Config struct {
	Payment []PaymentRule `json:"payment"` // the shopper's auth codes
	// ForwardUnknown sends a code of 16 to 24 digits that no payment rule names
	// to the payment side all the same, while a payment is awaited.
	ForwardUnknown bool     `json:"forward_unknown"`
	Member         []string `json:"member"`
	Coupon         []string `json:"coupon"`
	Pickup         []string `json:"pickup"`
	Basket         []string `json:"basket"` // hand-over codes of baskets prepared elsewhere
	Badge          []string `json:"badge"`  // cashiers' badges
	Receipt        []string `json:"receipt"`
	ItemURL        []string `json:"item_url"` // vendor URLs of one-item-one-code, groups "gtin" and "serial"
	InStore        []string `json:"in_store"` // label patterns such as "22IIIIIWWWWWC"
	// OfflineCoupons and OfflinePickups accept tokens signed by the cloud while
	// the cloud cannot be asked.
	OfflineCoupons bool `json:"offline_coupons"`
	OfflinePickups bool `json:"offline_pickups"`
}

// PaymentRule names the auth codes of one payment scheme.
type PaymentRule struct {
	Scheme string   `json:"scheme"` // wechat alipay unionpay ecny
	Prefix []string `json:"prefix"` // leading digits
	Min    int      `json:"min"`    // digits
	Max    int      `json:"max"`
}

// DefaultConfig has the published ranges of auth codes (WeChat Pay 18 digits
// from 10 to 15, Alipay 16 to 24 from 25 to 30, UnionPay 19 from 62, e-CNY 19
// from 01) and prefixes of our own for the rest.
func DefaultConfig() Config {
	return Config{
		Payment: []PaymentRule{
			{Scheme: "wechat", Prefix: []string{"10", "11", "12", "13", "14", "15"}, Min: 18, Max: 18},
			{Scheme: "alipay", Prefix: []string{"25", "26", "27", "28", "29", "30"}, Min: 16, Max: 24},
			{Scheme: "unionpay", Prefix: []string{"62"}, Min: 19, Max: 19},
			{Scheme: "ecny", Prefix: []string{"01"}, Min: 19, Max: 19},
		},
		Member:  []string{`M[:-][A-Za-z0-9-]{4,40}`},
		Coupon:  []string{`C[:-][A-Za-z0-9-]{4,40}`},
		Pickup:  []string{`P[:-][A-Za-z0-9-]{4,40}`},
		Basket:  []string{`B[:-][A-Za-z0-9-]{4,40}`},
		Badge:   []string{`E[:-][A-Za-z0-9-]{1,40}`},
		Receipt: []string{`R[:-][0-9A-HJKMNP-TV-Z]{26}`},
		InStore: []string{"21IIIIIAAAAAC", "22IIIIIWWWWWC", "23IIIIIQQQQQC"},
	}
}

// Rules is a compiled Config. It is immutable and safe for concurrent use.
type Rules struct {
	payment        []PaymentRule
	forwardUnknown bool
	own            []ownRule
	itemURL        []*regexp.Regexp
	labels         []label
	offline        map[string]bool // types of tokens that count without the cloud
	proofCodes     bool
}

// WithProofCodes returns rules for a till that takes short codes instead of
// proofs: 18 digits that begin with 93 are nothing else there.
func (r Rules) WithProofCodes() Rules { r.proofCodes = true; return r }

// Offline reports whether a token of this type (coupon, pickup) counts while the
// cloud cannot be asked.
func (r Rules) Offline(kind string) bool { return r.offline[kind] }

type ownRule struct {
	kind    Kind
	pattern *regexp.Regexp
}

// DefaultRules are the rules of [DefaultConfig].
func DefaultRules() Rules {
	r, err := Compile(DefaultConfig())
	if err != nil {
		panic("code: default rules: " + err.Error())
	}
	return r
}

// Compile checks a Config. Its error names the entry that is wrong.
func Compile(c Config) (Rules, error) {
	r := Rules{payment: c.Payment, forwardUnknown: c.ForwardUnknown, offline: map[string]bool{"coupon": c.OfflineCoupons, "pickup": c.OfflinePickups}}
	for i, p := range c.Payment {
		if p.Scheme == "" || p.Min < 8 || p.Max < p.Min || p.Max > 64 {
			return Rules{}, fmt.Errorf("payment[%d]: needs a scheme and 8 <= min <= max <= 64", i)
		}
	}
	for _, group := range []struct {
		kind     Kind
		key      string
		patterns []string
	}{
		{Member, "member", c.Member},
		{Coupon, "coupon", c.Coupon},
		{Pickup, "pickup", c.Pickup},
		{Handover, "basket", c.Basket},
		{Badge, "badge", c.Badge},
		{Receipt, "receipt", c.Receipt},
	} {
		for i, src := range group.patterns {
			re, err := whole(src)
			if err != nil {
				return Rules{}, fmt.Errorf("%s[%d]: %w", group.key, i, err)
			}
			r.own = append(r.own, ownRule{group.kind, re})
		}
	}
	for i, src := range c.ItemURL {
		re, err := whole(src)
		if err != nil {
			return Rules{}, fmt.Errorf("item_url[%d]: %w", i, err)
		}
		r.itemURL = append(r.itemURL, re)
	}
	for i, src := range c.InStore {
		l, err := parseLabel(src)
		if err != nil {
			return Rules{}, fmt.Errorf("in_store[%d]: %w", i, err)
		}
		r.labels = append(r.labels, l)
	}
	return r, nil
}

func whole(src string) (*regexp.Regexp, error) {
	return regexp.Compile(`^(?:` + src + `)$`)
}

// scheme returns the payment scheme of an auth code.
func (r Rules) scheme(digits string) (string, bool) {
	for _, p := range r.payment {
		if len(digits) < p.Min || len(digits) > p.Max {
			continue
		}
		for _, prefix := range p.Prefix {
			if strings.HasPrefix(digits, prefix) {
				return p.Scheme, true
			}
		}
	}
	return "", false
}
