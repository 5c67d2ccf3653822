package gs1

import (
	"errors"
	"fmt"
	"strings"
)

// Element is one AI with its value.
type Element struct{ AI, Value string }

// Message is what one code says, in its order.
type Message []Element

// Options loosen the rules. The zero value is strict.
type Options struct {
	UnknownAIs        bool // AIs that the dictionary does not have, where their end is marked
	ZeroSuppressed    bool // GTIN-8, -12 and -13 in a Digital Link
	Aliases           bool // /gtin/, /lot/, /ser/ … in a Digital Link
	UnknownAttributes bool // with UnknownAIs: as Digital Link attributes too
}

// maxElements bounds the elements of one message.
const maxElements = 64

var (
	errNoFNC1   = errors.New("does not begin with FNC1")
	errNothing  = errors.New("no data")
	errTooMany  = errors.New("too many elements")
	errBrackets = errors.New("an AI in parentheses is expected")
)

// Value returns the value of the first element with this AI.
func (m Message) Value(ai string) (string, bool) {
	for _, e := range m {
		if e.AI == ai {
			return e.Value, true
		}
	}
	return "", false
}

// Parse reads an element string that begins with FNC1, as '^': syntax, lengths,
// characters and the checks of each value, not the rules between AIs
// ([Message.Validate]).
func Parse(data string) (Message, error) {
	rest, ok := strings.CutPrefix(data, "^")
	if !ok {
		return nil, errNoFNC1
	}
	if rest == "" {
		return nil, errNothing
	}
	var m Message
	for rest != "" {
		ai := prefixed(rest)
		if ai == nil {
			return nil, fmt.Errorf("no AI at %q", cut(rest))
		}
		rest = rest[len(ai.Code):]
		n := strings.IndexByte(rest, '^')
		if n < 0 {
			n = len(rest)
		}
		if ai.Fixed {
			n = min(ai.length(), len(rest))
		}
		if err := ai.check(rest[:n]); err != nil {
			return nil, err
		}
		if len(m) == maxElements {
			return nil, errTooMany
		}
		m = append(m, Element{ai.Code, rest[:n]})
		rest = rest[n:]
		// A separator may follow a fixed value; after another it is there anyway.
		rest = strings.TrimPrefix(rest, "^")
	}
	return m, nil
}

// ParseBracketed reads the form for people: (01)12345678901231(10)ABC. A bracket
// in a value is written \(.
func ParseBracketed(text string, o Options) (Message, error) {
	var m Message
	rest := text
	for rest != "" {
		if rest[0] != '(' {
			return nil, errBrackets
		}
		code, after, ok := strings.Cut(rest[1:], ")")
		if !ok || strings.Trim(code, digits) != "" || len(code) < 2 || len(code) > 4 {
			return nil, errBrackets
		}
		value := ""
		value, rest = bracketedValue(after)
		if err := checkElement(code, value, o.UnknownAIs); err != nil {
			return nil, err
		}
		if len(m) == maxElements {
			return nil, errTooMany
		}
		m = append(m, Element{code, value})
	}
	if m == nil {
		return nil, errNothing
	}
	return m, nil
}

func bracketedValue(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '(':
			b.WriteByte('(')
			i++
		case s[i] == '(':
			return b.String(), s[i:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func checkElement(code, value string, unknown bool) error {
	if ai := Find(code); ai != nil {
		return ai.check(value)
	}
	if !unknown || prefixed(code) != nil {
		return fmt.Errorf("(%s) is no AI", code)
	}
	if value == "" || len(value) > 90 {
		return fmt.Errorf("(%s): 1 to 90 characters", code)
	}
	for i := range len(value) {
		if !inClass('X', value[i]) {
			return fmt.Errorf("(%s): character %q is not allowed", code, value[i])
		}
	}
	return nil
}

// String writes the element string, FNC1 as '^': one at the beginning and one
// after each value without predefined length but the last.
func (m Message) String() string {
	var b strings.Builder
	b.WriteByte('^')
	for i, e := range m {
		b.WriteString(e.AI + e.Value)
		if ai := Find(e.AI); i < len(m)-1 && (ai == nil || !ai.Fixed) {
			b.WriteByte('^')
		}
	}
	return b.String()
}

// Bracketed writes the form for people.
func (m Message) Bracketed() string {
	var b strings.Builder
	for _, e := range m {
		b.WriteString("(" + e.AI + ")" + strings.ReplaceAll(e.Value, "(", `\(`))
	}
	return b.String()
}

func cut(s string) string { return s[:min(len(s), 8)] }
