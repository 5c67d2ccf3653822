package gs1

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// aliases are the convenience names of keys and qualifiers, which the standard
// has given up.
var aliases = map[string]string{
	"sscc": "00", "gtin": "01", "cpv": "22", "lot": "10", "ser": "21", "gdti": "253", "gcn": "255", "ginc": "401",
	"gsin": "402", "gln": "414", "glnx": "254", "payto": "415", "refno": "8020", "party": "417", "grai": "8003",
	"giai": "8004", "itip": "8006", "cpid": "8010", "cpsn": "8011", "gmn": "8013", "gsrnp": "8017", "srin": "8019", "gsrn": "8018",
}

var (
	errScheme = errors.New("not http:// or https://, in small letters or in capitals")
	errURI    = errors.New("a character that a URI cannot have")
	errHost   = errors.New("no host name")
	errNoKey  = errors.New("no primary key in the path")
)

// IsLink reports whether text has the scheme of a Digital Link.
func IsLink(text string) bool {
	for _, s := range []string{"https://", "http://", "HTTPS://", "HTTP://"} {
		if strings.HasPrefix(text, s) {
			return true
		}
	}
	return false
}

// ParseLink reads a GS1 Digital Link URI. The host and what stands before the
// rightmost primary key do not matter; nothing is fetched. Unknown attributes
// with names that are no numbers are skipped.
func ParseLink(uri string, o Options) (Message, error) {
	if !IsLink(uri) {
		return nil, errScheme
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return nil, errURI
		}
	}
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	host, path, ok := strings.Cut(rest, "/")
	if !ok || host == "" || !isHost(host) {
		return nil, errHost
	}
	m, err := readPath(strings.Split(path, "/"), o)
	if err != nil {
		return nil, err
	}
	return readQuery(m, query, o)
}

func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(".-:[]", c) >= 0) {
			return false
		}
	}
	return true
}

// readPath finds the rightmost primary key and reads it with its qualifiers.
func readPath(segments []string, o Options) (Message, error) {
	at, key := -1, (*AI)(nil)
	for i := len(segments) - 2; i >= 0; i -= 2 {
		if ai := Find(linkAI(segments[i], o)); ai != nil && ai.Key {
			at, key = i, ai
			break
		}
	}
	if key == nil {
		return nil, errNoKey
	}
	var m Message
	var names []string
	for i := at; i < len(segments); i += 2 {
		code := linkAI(segments[i], o)
		value, err := decode(segments[i+1], false)
		if err != nil {
			return nil, err
		}
		if m, err = m.with(code, value, o); err != nil {
			return nil, err
		}
		if i > at {
			names = append(names, code)
		}
	}
	if !key.takes(names) {
		return nil, fmt.Errorf("(%s) does not take the qualifiers %v in this order", key.Code, names)
	}
	return m, nil
}

func linkAI(segment string, o Options) string {
	if o.Aliases {
		if code, ok := aliases[segment]; ok {
			return code
		}
	}
	return segment
}

// takes reports whether names are qualifiers of the key, in order.
func (ai *AI) takes(names []string) bool {
	if len(names) == 0 {
		return true
	}
	return slices.ContainsFunc(ai.qualifier, func(order []string) bool {
		i := 0
		for _, q := range order {
			if i < len(names) && names[i] == q {
				i++
			}
		}
		return i == len(names)
	})
}

func (ai *AI) qualifiers() []string { return slices.Concat(ai.qualifier...) }

func readQuery(m Message, query string, o Options) (Message, error) {
	key := Find(m[0].AI)
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, text, has := strings.Cut(pair, "=")
		if !has || strings.Trim(name, digits) != "" || name == "" {
			continue
		}
		value, err := decode(text, true)
		if err != nil {
			return nil, err
		}
		ai := Find(name)
		switch {
		case ai == nil && (!o.UnknownAIs || !o.UnknownAttributes):
			return nil, fmt.Errorf("(%s) is no AI", name)
		case ai != nil && !ai.Attribute:
			return nil, fmt.Errorf("(%s) cannot be an attribute", name)
		case slices.Contains(key.qualifiers(), name):
			return nil, fmt.Errorf("(%s) belongs into the path", name)
		}
		if _, twice := m.Value(name); twice {
			return nil, fmt.Errorf("(%s) twice", name)
		}
		if m, err = m.with(name, value, o); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m Message) with(code, value string, o Options) (Message, error) {
	if o.ZeroSuppressed && code == "01" && (len(value) == 8 || len(value) == 12 || len(value) == 13) {
		value = strings.Repeat("0", 14-len(value)) + value
	}
	if len(m) == maxElements {
		return nil, errTooMany
	}
	if err := checkElement(code, value, o.UnknownAIs); err != nil {
		return nil, err
	}
	return append(m, Element{code, value}), nil
}

// decode undoes percent encoding; in a query '+' is a space.
func decode(s string, query bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", errors.New("broken percent encoding")
			}
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		case s[i] == '+' && query:
			b.WriteByte(' ')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// Link writes the message as a Digital Link URI below stem ("" is
// https://id.gs1.org): the first primary key with its qualifiers in the path,
// the rest as attributes.
func (m Message) Link(stem string) (string, error) {
	if stem == "" {
		stem = "https://id.gs1.org"
	}
	at := slices.IndexFunc(m, func(e Element) bool { ai := Find(e.AI); return ai != nil && ai.Key })
	if at < 0 {
		return "", errNoKey
	}
	key := Find(m[at].AI)
	var b strings.Builder
	b.WriteString(strings.TrimRight(stem, "/") + "/" + key.Code + "/" + encode(m[at].Value))
	done := map[string]bool{key.Code: true}
	for _, order := range key.qualifier {
		used := false
		for _, q := range order {
			if value, ok := m.Value(q); ok {
				b.WriteString("/" + q + "/" + encode(value))
				done[q], used = true, true
			}
		}
		if used {
			break
		}
	}
	sep := "?"
	// Values of predefined length come first, as in an element string.
	attributes := slices.Clone(m)
	slices.SortStableFunc(attributes, func(a, b Element) int { return a.order() - b.order() })
	for _, e := range attributes {
		if done[e.AI] {
			continue
		}
		done[e.AI] = true
		if ai := Find(e.AI); ai == nil || !ai.Attribute || slices.Contains(key.qualifiers(), e.AI) {
			return "", fmt.Errorf("(%s) cannot be an attribute of (%s)", e.AI, key.Code)
		}
		b.WriteString(sep + e.AI + "=" + encode(e.Value))
		sep = "&"
	}
	return b.String(), nil
}

// order is 0 for values of predefined length, 1 for others.
func (e Element) order() int {
	if ai := Find(e.AI); ai != nil && ai.Fixed {
		return 0
	}
	return 1
}

func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
