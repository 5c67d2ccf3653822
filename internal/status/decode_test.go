package status

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
)

func TestDecode(t *testing.T) {
	type inner struct {
		N int `json:"n"`
	}
	type body struct {
		inner
		Text  string          `json:"text"`
		Money *sale.Money     `json:"money,omitempty"`
		List  []inner         `json:"list"`
		Bytes []byte          `json:"bytes"`
		At    time.Time       `json:"at"`
		Raw   json.RawMessage `json:"raw"`
		Set   map[string]bool `json:"set"`
		Small uint8           `json:"small"`
		Part  float64         `json:"part"`
		Skip  string          `json:"-"`
	}
	for _, tc := range []struct{ in, code, field string }{
		{``, "", ""},
		{` {} `, "", ""},
		{`{"text":"茶","n":-1,"money":12,"list":[{"n":1}],"bytes":"AA==","at":"2026-11-24T10:00:00+08:00","raw":{"any":[null]},"set":{"a":true},"small":255,"part":0.5}`, "", ""},
		{`{"Text":"x"}`, codeUnknownField, "Text"},
		{`{"Skip":"x"}`, codeUnknownField, "Skip"},
		{`{"-":"x"}`, codeUnknownField, "-"},
		{`{"list":[{"n":1},{"m":1}]}`, codeUnknownField, "list[1].m"},
		{`{"n":1,"n":2}`, sale.CodeInvalid, "n"},
		{`{"n":1.0}`, sale.CodeInvalid, "n"},
		{`{"n":1e2}`, sale.CodeInvalid, "n"},
		{`{"n":"1"}`, sale.CodeInvalid, "n"},
		{`{"n":null}`, sale.CodeInvalid, "n"},
		{`{"money":9223372036854775808}`, sale.CodeInvalid, "money"},
		{`{"small":256}`, sale.CodeInvalid, "small"},
		{`{"small":-1}`, sale.CodeInvalid, "small"},
		{`{"text":1}`, sale.CodeInvalid, "text"},
		{`{"list":{}}`, sale.CodeInvalid, "list"},
		{`{"list":[1]}`, sale.CodeInvalid, "list[0]"},
		{`{"bytes":"%"}`, sale.CodeInvalid, "bytes"},
		{`{"at":"2026-11-24 10:00"}`, sale.CodeInvalid, "at"},
		{`{"set":{"a":1}}`, sale.CodeInvalid, "set.a"},
		{`{"part":"x"}`, sale.CodeInvalid, "part"},
		{`"x"`, codeInvalidJSON, ""},
		{`null`, sale.CodeInvalid, ""},
		{`{"n":1`, codeInvalidJSON, ""},
		{`{"n":1}{}`, codeInvalidJSON, ""},
		{`{"n":1}x`, codeInvalidJSON, ""},
		{"{\"text\":\"\xff\"}", codeInvalidJSON, ""},
	} {
		var got body
		err := decode([]byte(tc.in), &got)
		p, _ := errors.AsType[*sale.Problem](err)
		switch {
		case tc.code == "" && err != nil:
			t.Errorf("%s: %v", tc.in, err)
		case tc.code != "" && (p == nil || p.Code != tc.code || p.Field != tc.field):
			t.Errorf("%s: %v (%+v), want %s %q", tc.in, err, p, tc.code, tc.field)
		}
	}
	var p *sale.Problem
	if err := decode([]byte(`{}`), &body{}, "text"); !errors.As(err, &p) || p.Field != "text" {
		t.Errorf("a missing field: %v", err)
	}
}

// Whatever decode takes is JSON that encoding/json reads in the same way, and
// nothing makes it panic or fail without saying why.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"code":"69"}`, `{"items":[{"sku":"a","name":"茶","quantity":"2","unit_price":1250,"discount":1}]}`,
		`{"scene":{"kind":"message","lines":[{"line":1}],"pay":{"expires_at":"2026-11-24T10:00:00+08:00"}}}`, `{"job_id":"j","escpos_base64":"G0A="}`,
		`{"method":"cash","amount":1,"given":2}`, `{"lines":[1,2],"reason":"r"}`, `[[[[`, `{"scene":{"offers":[{"expires":"x"}]}}`, `null`, `{"items":null}`,
	} {
		f.Add([]byte(s))
	}
	bodies := []any{sale.OpenSale{}, addItem{}, sale.ChangeItem{}, sale.Pay{}, sale.RefundSale{}, till.PrintRequest{}, SceneBody{}, till.OpenShift{}, empty{}}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, zero := range bodies {
			got := reflect.New(reflect.TypeOf(zero))
			err := decode(data, got.Interface())
			if err != nil {
				if _, ok := errors.AsType[*sale.Problem](err); !ok {
					t.Fatalf("%T: %v is no problem", zero, err)
				}
				continue
			}
			again := reflect.New(reflect.TypeOf(zero))
			text, err := json.Marshal(got.Interface())
			if err != nil {
				t.Fatalf("%T: %v", zero, err)
			}
			if err := json.Unmarshal(text, again.Interface()); err != nil {
				t.Fatalf("%T: %s: %v", zero, text, err)
			}
		}
	})
}
