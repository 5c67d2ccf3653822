package link

import (
	"errors"
	"strings"
	"testing"
)

func TestStrictDecode(t *testing.T) {
	type shape struct {
		A int      `json:"a"`
		B []string `json:"b"`
	}
	for in, ok := range map[string]bool{
		`{"a":1,"b":["x","x"]}`: true,
		` {"a":1} `:             true,
		`{"a":1,"c":2}`:         false,
		`{"a":1}{"a":2}`:        false,
		`{"a":1} x`:             false,
		`{"a":1,"a":2}`:         false,
		`{"A":1}`:               false,
		`{"a":1,"A":2}`:         false,
		`{"a":1.5}`:             false,
		`{"a":"1"}`:             false,
		`{"a":1`:                false,
		``:                      false,
		`[]`:                    false,
		strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40): false,
	} {
		var s shape
		err := StrictDecode([]byte(in), &s)
		if (err == nil) != ok {
			t.Errorf("%.40s: %v", in, err)
		}
		if _, is := errors.AsType[*DecodeError](err); err != nil && !is {
			t.Errorf("%.40s: %T is no DecodeError", in, err)
		}
	}
}

func FuzzStrictDecode(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":["x"]}`))
	f.Add([]byte(`{"a":{"a":{"a":{}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v struct {
			A any `json:"a"`
			B any `json:"b"`
		}
		if err := StrictDecode(b, &v); err == nil {
			if _, err := encode(v); err != nil {
				t.Fatal(err)
			}
		}
	})
}
