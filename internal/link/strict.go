package link

import (
	"bytes"
	"encoding/json"

	"tilld/internal/strict"
)

// DecodeError says that data from outside does not have the agreed shape. A
// handler that returns it has its command refused with code "invalid".
type DecodeError struct{ Err error }

func (e *DecodeError) Error() string { return "data: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// StrictDecode decodes one JSON value into dst as [strict.Decode] does; its
// errors are [*DecodeError].
func StrictDecode(data []byte, dst any) error {
	if err := strict.Decode(data, dst); err != nil {
		return &DecodeError{err}
	}
	return nil
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
