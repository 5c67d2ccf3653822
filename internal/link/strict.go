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

// StrictDecode decodes one JSON value into dst. Unknown fields, a field given
// twice, more than 16 levels and anything after the value are errors. It is
// what every handler of a command decodes its data with.
func StrictDecode(data []byte, dst any) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("json: more after the value")
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
				return fmt.Errorf("json: field %.64q twice", name)
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
			return fmt.Errorf("json: more than %d levels", maxDepth)
		}
	}
}
