package link

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tilld/queue"
)

// ViewType is the copy that says what the copies after it are made of: its data
// is a [View]. It comes first in the chain, and again whenever the rule changes.
const ViewType = "tilld.mall.view.v1"

// View is a rule by which a mall gets copies.
type View struct {
	Events []string `json:"events"` // types without "tilld." and ".v1"; empty = none
	Redact []string `json:"redact"` // parts left out, see Redactable
	Source string   `json:"source"` // of the events that are copied
}

// Copier makes copies of v's events for a mall: the same envelope under the
// mall's source with its own sequence, and the attributes originalid and
// originalhash, which name the event and the SHA-256 of its bytes. Parts in
// v.Redact are not in data. source is the till's topic prefix at the mall.
// An unknown event or part is a fault.Config.
func Copier(v View, source, bootID string, clock *Clock, maxBytes int64) (*queue.Copier, error) {
	r, err := newRedaction(v.Redact)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, name := range v.Events {
		if !slices.Contains(Copyable, name) {
			return nil, configFault("mall.events", fmt.Errorf("%q cannot be copied", name))
		}
		wanted["tilld."+name+".v1"] = true
	}
	v.Events = append([]string{}, slices.Sorted(slices.Values(v.Events))...) // [] and not null
	v.Redact = append([]string{}, slices.Sorted(slices.Values(v.Redact))...)
	rule, err := encode(v)
	if err != nil {
		return nil, err
	}
	e := newEnvelope(source, bootID, clock)
	return &queue.Copier{
		Wants: func(kind string) bool { return wanted[kind] }, MaxBytes: maxBytes,
		Personal: !r.impersonal(),
		Rule:     queue.Message{Type: ViewType, Data: rule}, Off: len(v.Events) == 0,
		Seal: func(h queue.Header, of queue.Original, m queue.Message) ([]byte, error) {
			if of.ID == "" {
				return e.seal(h, m, nil) // the store's own
			}
			if m.Type != ViewType {
				data, gone, err := r.apply(m.Data)
				if err != nil {
					return nil, err
				}
				if slices.Contains(gone, m.Subject) {
					m.Subject = "" // a shift's is its cashier
				}
				m.Data = data
			}
			return e.seal(h, m, func(b []byte) []byte {
				b = append(b, `,"originalid":`...)
				b = appendString(b, of.ID)
				b = append(b, `,"originalhash":"`...)
				return append(hex.AppendEncode(b, of.Hash[:]), '"')
			})
		},
	}, nil
}

// Copyable are the events that a mall can be given.
var Copyable = []string{
	"sale.closed", "sale.refunded", "sale.voided", "shift.closed", "journal.checkpoint", "till.started", "clock.jumped", "pickup.completed", "receipt.outcome",
}

// Redactable are the parts that can be left out of copies, and the places in
// data where each lies. What settles an account (ids, numbers, days, amounts,
// currencies, tender methods) is not among them.
var Redactable = map[string][]string{
	"cashier":           {"cashier", "closed_by", "voided_by", "refunds.cashier", "refunds.voided_by"},
	"adviser":           {"adviser"},
	"member":            {"member"},
	"points":            {"points"},
	"stored_value":      {"stored_value"},
	"coupons":           {"coupons"},
	"offers":            {"offers"},
	"code":              {"code"},
	"external_id":       {"external_id"},
	"payment":           {"payment", "payments"},
	"receipt":           {"receipt"},
	"reason":            {"reason", "void_reason", "refunds.reason"},
	"shopper_masked":    {"shopper_masked"},
	"items":             {"items"},
	"items.sku":         {"items.sku"},
	"items.gtin":        {"items.gtin"},
	"items.name":        {"items.name"},
	"items.serial":      {"items.serial"},
	"items.scan":        {"items.scan"},
	"items.old_price":   {"items.old_price"},
	"items.unit_price":  {"items.unit_price"},
	"items.discount":    {"items.discount", "items.manual_discount", "items.multi_buy"},
	"tenders.reference": {"tenders.reference", "given_back.reference", "refunds.tenders.reference"},
	"tenders.balance":   {"tenders.balance", "given_back.balance", "refunds.tenders.balance"},
	"tenders.payment_id": {
		"tenders.payment_id", "given_back.payment_id", "refunds.tenders.payment_id",
		"tenders.instead_of", "given_back.instead_of", "refunds.tenders.instead_of", // a payment's id as well
	},
	"tenders.scheme": {"tenders.scheme", "given_back.scheme", "refunds.tenders.scheme"},
	"tenders.given":  {"tenders.given", "given_back.given", "refunds.tenders.given"},
	"open_sales":     {"open_sales"},
	"recovered":      {"recovered"},
}

// personal are the parts that name a shopper.
var personal = []string{"member", "points", "stored_value", "coupons", "shopper_masked"}

// impersonal reports whether nothing that is left names a shopper.
func (r redaction) impersonal() bool {
	return !slices.ContainsFunc(personal, func(part string) bool { below, gone := r[part]; return !gone || below != nil })
}

// redaction is a tree of names to be left out.
type redaction map[string]redaction // nil = the whole value goes

func newRedaction(parts []string) (redaction, error) {
	r := redaction{}
	for _, part := range parts {
		places, ok := Redactable[part]
		if !ok {
			return nil, configFault("mall.redact", fmt.Errorf("%q is no part that can be left out", part))
		}
		for _, place := range places {
			r.add(strings.Split(place, "."))
		}
	}
	return r, nil
}

func (r redaction) add(path []string) {
	name := path[0]
	below, there := r[name]
	switch {
	case len(path) == 1:
		r[name] = nil
	case there && below == nil: // goes as a whole already
	default:
		if !there {
			below = redaction{}
			r[name] = below
		}
		below.add(path[1:])
	}
}

// apply leaves the parts out of a JSON object. What stays keeps its order and
// its exact bytes but for white space. gone are the strings that were whole
// values of what went.
func (r redaction) apply(data []byte) (out []byte, gone []string, err error) {
	if !json.Valid(data) {
		return nil, nil, errors.New("not JSON")
	}
	c := cutter{in: data, out: make([]byte, 0, len(data))}
	c.value(r)
	return c.out, c.gone, nil
}

// cutter goes through valid JSON once. It runs in the commit of a sale.
type cutter struct {
	in, out []byte
	at      int
	gone    []string
}

func (c *cutter) space() {
	for c.at < len(c.in) && (c.in[c.at] == ' ' || c.in[c.at] == '\t' || c.in[c.at] == '\r' || c.in[c.at] == '\n') {
		c.at++
	}
}

// value copies the next value without r: of an object, or of each element of
// an array.
func (c *cutter) value(r redaction) {
	c.space()
	switch c.in[c.at] {
	case '{':
		c.list('}', func(first bool) bool { return c.member(r, first) })
	case '[':
		c.list(']', func(first bool) bool {
			if !first {
				c.out = append(c.out, ',')
			}
			c.value(r)
			return true
		})
	default:
		c.out = append(c.out, c.skip()...)
	}
}

// list goes through the elements of an object or an array; one says whether it
// wrote anything.
func (c *cutter) list(end byte, one func(first bool) bool) {
	c.out = append(c.out, c.in[c.at])
	c.at++
	for first := true; ; {
		c.space()
		switch c.in[c.at] {
		case end:
			c.out = append(c.out, end)
			c.at++
			return
		case ',':
			c.at++
		default:
			if one(first) {
				first = false
			}
		}
	}
}

func (c *cutter) member(r redaction, first bool) bool {
	name := c.skip()
	c.space()
	c.at++ // the colon
	c.space()
	below, there := r[plain(name)]
	if there && below == nil {
		if v := c.skip(); v[0] == '"' && len(v) > 2 {
			c.gone = append(c.gone, plain(v))
		}
		return false
	}
	if !first {
		c.out = append(c.out, ',')
	}
	c.out = append(append(c.out, name...), ':')
	if there {
		c.value(below)
	} else {
		c.copyAll()
	}
	return true
}

// plain is the text of a JSON string.
func plain(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return "" // cannot be: it is valid
	}
	return s
}

// copyAll copies the next value as it is; white space is the sealer's.
func (c *cutter) copyAll() { c.out = append(c.out, c.skip()...) }

// skip returns the next value and goes behind it.
func (c *cutter) skip() []byte {
	from, depth := c.at, 0
	for c.at < len(c.in) {
		switch b := c.in[c.at]; b {
		case '"':
			for c.at++; c.in[c.at] != '"'; c.at++ {
				if c.in[c.at] == '\\' {
					c.at++
				}
			}
			c.at++
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			if depth == 0 {
				return c.in[from:c.at] // of a number before it
			}
			depth--
			c.at++
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return c.in[from:c.at]
			}
			c.at++
			continue
		default:
			c.at++
			continue
		}
		if depth == 0 {
			return c.in[from:c.at]
		}
	}
	return c.in[from:c.at]
}
