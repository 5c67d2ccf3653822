package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep JSON from outside may nest. The deepest shape of the
// contract has 6 levels.
const maxDepth = 16

// DecodeError says that data from outside does not have the agreed shape. A
// handler that returns it has its command refused with code "invalid".
type DecodeError struct{ Err error }

func (e *DecodeError) Error() string { return "data: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// StrictDecode decodes one JSON value into dst. Unknown fields, a field given
// twice, more than 16 levels and anything after the value are a
// [*DecodeError]. It is what every handler of a command decodes its data with.
func StrictDecode(data []byte, dst any) error {
	if err := checkJSON(data); err != nil {
		return &DecodeError{err}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		return &DecodeError{err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &DecodeError{errors.New("more after the value")}
	}
	return nil
}

// checkJSON refuses what encoding/json lets through: a name twice in one
// object, where the last would win silently, and deep nesting.
func checkJSON(data []byte) error {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // the next token is the value of a name
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var stack []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var top *level
		if n := len(stack); n > 0 {
			top = &stack[n-1]
		}
		if name, ok := t.(string); ok && top != nil && top.names != nil && !top.value {
			if top.names[name] {
				return fmt.Errorf("field %.64q twice", name)
			}
			top.names[name], top.value = true, true
			continue
		}
		if top != nil {
			top.value = false
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{names: make(map[string]bool)})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if len(stack) > maxDepth {
			return fmt.Errorf("more than %d levels", maxDepth)
		}
	}
}

// encode is v as compact JSON without HTML escapes; nil for a nil v.
func encode(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
