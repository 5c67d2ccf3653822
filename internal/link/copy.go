package link

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

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
	"cashier":            {"cashier", "closed_by", "refunds.cashier"},
	"adviser":            {"adviser"},
	"member":             {"member"},
	"points":             {"points"},
	"stored_value":       {"stored_value"},
	"coupons":            {"coupons"},
	"offers":             {"offers"},
	"external_id":        {"external_id"},
	"payment":            {"payment", "payments"},
	"receipt":            {"receipt"},
	"reason":             {"reason", "void_reason", "refunds.reason"},
	"shopper_masked":     {"shopper_masked"},
	"items":              {"items"},
	"items.sku":          {"items.sku"},
	"items.gtin":         {"items.gtin"},
	"items.name":         {"items.name"},
	"items.serial":       {"items.serial"},
	"items.scan":         {"items.scan"},
	"items.old_price":    {"items.old_price"},
	"items.unit_price":   {"items.unit_price"},
	"items.discount":     {"items.discount", "items.manual_discount", "items.multi_buy"},
	"tenders.reference":  {"tenders.reference", "given_back.reference", "refunds.tenders.reference"},
	"tenders.balance":    {"tenders.balance", "given_back.balance", "refunds.tenders.balance"},
	"tenders.payment_id": {"tenders.payment_id", "given_back.payment_id", "refunds.tenders.payment_id"},
	"tenders.scheme":     {"tenders.scheme", "given_back.scheme", "refunds.tenders.scheme"},
	"tenders.given":      {"tenders.given", "given_back.given", "refunds.tenders.given"},
	"open_sales":         {"open_sales"},
	"recovered":          {"recovered"},
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
			r.add(bytes.Split([]byte(place), []byte{'.'}))
		}
	}
	return r, nil
}

func (r redaction) add(path [][]byte) {
	name := string(path[0])
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
	var buf bytes.Buffer
	if err := r.value(&buf, data, &gone); err != nil {
		return nil, nil, err
	}
	return buf.Bytes(), gone, nil
}

// value writes a JSON value without the parts: of an object, or of each element
// of an array.
func (r redaction) value(out *bytes.Buffer, data []byte, gone *[]string) error {
	d := json.NewDecoder(bytes.NewReader(data))
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok || open != '{' && open != '[' {
		return json.Compact(out, data)
	}
	out.WriteByte(byte(open))
	for first := true; d.More(); {
		var name string
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ = t.(string) // the decoder lets nothing else pass
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err
		}
		below, there := r, true
		if open == '{' {
			below, there = r[name]
		}
		if there && below == nil {
			var text string
			if json.Unmarshal(v, &text) == nil && text != "" {
				*gone = append(*gone, text)
			}
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		if open == '{' {
			out.Write(appendString(nil, name))
			out.WriteByte(':')
		}
		if there {
			err = below.value(out, v, gone)
		} else {
			err = json.Compact(out, v)
		}
		if err != nil {
			return err
		}
	}
	if t, err = d.Token(); err != nil {
		return err
	}
	out.WriteString(fmt.Sprint(t))
	return nil
}
