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
}

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
	r := Rules{payment: c.Payment, forwardUnknown: c.ForwardUnknown}
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
		{Member, "member", c.Member}, {Coupon, "coupon", c.Coupon}, {Pickup, "pickup", c.Pickup},
		{Handover, "basket", c.Basket}, {Badge, "badge", c.Badge}, {Receipt, "receipt", c.Receipt},
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

// Classify says what a payload is. The state decides first, since digit rules
// collide; the AIM identifier second; the digits last.
func (r Rules) Classify(state State, aim string, data []byte) Code {
	text := string(data)
	c := Code{Kind: Unknown, AIM: aim, Symbology: symbology(aim), Text: text}
	if text == "" || len(text) > 2953 {
		c.Text, c.Reason = "", "empty or too long"
		return c
	}
	for _, o := range r.own {
		if o.pattern.MatchString(text) {
			c.Kind = o.kind
			return c
		}
	}
	digits := allDigits(text)
	if state == AwaitingPayment && digits {
		if scheme, ok := r.scheme(text); ok {
			c.Kind, c.Scheme = AuthCode, scheme
			return c
		}
	}
	if digits {
		for _, l := range r.labels {
			if l.read(text, &c) {
				return c
			}
		}
		if gtin, ok := GTIN14(text, aim); ok {
			c.Kind, c.GTIN = Product, gtin
			return c
		}
		// Outside a payment an auth code is still a secret: it must not reach
		// the ledger or a price lookup.
		if scheme, ok := r.scheme(text); ok {
			c.Kind, c.Scheme = AuthCode, scheme
			return c
		}
	}
	for _, re := range r.itemURL {
		if m := re.FindStringSubmatch(text); m != nil {
			c.Kind = ItemCode
			for i, name := range re.SubexpNames() {
				switch name {
				case "gtin":
					c.GTIN = strings.Repeat("0", max(0, 14-len(m[i]))) + m[i]
				case "serial":
					c.Serial = m[i]
				}
			}
			return c
		}
	}
	if len(text) <= 64 && printable(text) && !strings.Contains(text, "://") {
		c.Kind = Product // an in-house article number; the price book decides
		return c
	}
	c.Reason = "no rule fits"
	return c
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
	if r.forwardUnknown && len(digits) >= 16 && len(digits) <= 24 {
		return "", true
	}
	return "", false
}

// symbology names the symbology of an AIM identifier, "" when unknown.
func symbology(aim string) string {
	if len(aim) < 3 || aim[0] != ']' {
		return ""
	}
	switch aim {
	case "]C1":
		return "gs1-128"
	case "]E4":
		return "ean8"
	case "]d2":
		return "gs1-datamatrix"
	case "]Q3":
		return "gs1-qr"
	}
	switch aim[1] {
	case 'A':
		return "code39"
	case 'C':
		return "code128"
	case 'E':
		return "ean13"
	case 'I':
		return "itf"
	case 'Q':
		return "qr"
	case 'd':
		return "datamatrix"
	case 'e':
		return "databar"
	case 'L':
		return "pdf417"
	case 'z':
		return "aztec"
	default:
		return ""
	}
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return false
		}
	}
	return true
}
