// Package strict reads JSON from outside exactly. What encoding/json lets
// through is an error here: a field in other letters than its own (it would
// take "Amount", or "amount" with a long s, for "amount"), a field twice, of
// which the last would win silently, a field that is not there, and deep
// nesting.
package strict

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// MaxDepth is how deep JSON from outside may nest. The deepest shape of the
// contract has 6 levels.
const MaxDepth = 16

// Decode decodes one JSON value into dst. An error are unknown fields, a field
// twice, a field with the tag `strict:"required"` that is missing or null, more
// than [MaxDepth] levels, and anything after the value. dst may have been
// filled in part then.
func Decode(data []byte, dst any) error {
	if err := json.Unmarshal(data, dst); err != nil {
		return err
	}
	w := walker{data: data}
	return w.value(shapeOf(reflect.TypeOf(dst)), 0)
}

// Check reports a field twice and deep nesting in one JSON value of any shape.
func Check(data []byte) error {
	var any any
	return Decode(data, &any)
}

// walker goes over JSON that is known to be sound.
type walker struct {
	data []byte
	at   int
}

func (w *walker) value(s *shape, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("more than %d levels", MaxDepth)
	}
	switch w.space() {
	case '{':
		return w.object(s, depth+1)
	case '[':
		return w.list(s.elem(), depth+1)
	case '"':
		w.text()
	default: // a number or a word
		for w.at < len(w.data) {
			switch w.data[w.at] {
			case ',', '}', ']', ' ', '\t', '\n', '\r':
				return nil
			}
			w.at++
		}
	}
	return nil
}

func (w *walker) object(s *shape, depth int) error {
	w.at++
	var few [16]string
	seen := few[:0]
	var many map[string]bool // instead of seen, once there are more than a few
	missing := s.required()
	for w.space() != '}' {
		name, err := w.name()
		if err != nil {
			return err
		}
		switch {
		case many[name], many == nil && has(seen, name):
			return fmt.Errorf("field %.64q twice", name)
		case many != nil:
			many[name] = true
		case len(seen) == len(few):
			many = map[string]bool{name: true}
			for _, n := range seen {
				many[n] = true
			}
		default:
			seen = append(seen, name)
		}
		inner, need, ok := s.field(name)
		if !ok {
			return fmt.Errorf("unknown field %.64q", name)
		}
		w.space()
		w.at++ // the colon
		if w.space() != 'n' && need {
			missing--
		}
		if err := w.value(inner, depth); err != nil {
			return err
		}
		if w.space() == ',' {
			w.at++
		}
	}
	w.at++
	if missing > 0 {
		for _, n := range s.names {
			if !many[n] && !has(seen, n) {
				return fmt.Errorf("field %q is missing", n)
			}
		}
		return fmt.Errorf("one of %q is null", s.names)
	}
	return nil
}

func (w *walker) list(elem *shape, depth int) error {
	w.at++
	if depth > MaxDepth {
		return fmt.Errorf("more than %d levels", MaxDepth)
	}
	for w.space() != ']' {
		if err := w.value(elem, depth); err != nil {
			return err
		}
		if w.space() == ',' {
			w.at++
		}
	}
	w.at++
	return nil
}

// space goes to the next character that counts.
func (w *walker) space() byte {
	for {
		switch c := w.data[w.at]; c {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return c
		}
	}
}

// name reads the name of a field.
func (w *walker) name() (string, error) {
	from := w.at
	plain := w.text()
	raw := w.data[from:w.at]
	if plain {
		return string(raw[1 : len(raw)-1]), nil
	}
	var name string
	err := json.Unmarshal(raw, &name)
	return name, err
}

// text goes past a string; false when it has escapes.
func (w *walker) text() (plain bool) {
	plain = true
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			plain = false
			w.at++
		}
	}
	w.at++
	return plain
}

func has(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}
