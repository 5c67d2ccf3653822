package status

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tilld/internal/sale"
)

// decode reads exactly one JSON object into dst, a pointer to a struct. It is
// stricter than encoding/json: names must match in case, may come once, and
// must exist; null and fractions for integers are refused; nothing may follow.
// Each problem names the field, "items[2].unit_price".
//
// needs are fields of the object that must be there.
func decode(data []byte, dst any, needs ...string) error {
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	}
	if !utf8.Valid(data) {
		return problem(codeInvalidJSON, "", "请求内容不是 UTF-8 编码", "the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	w := walker{dec: dec, top: map[string]bool{}}
	if err := w.value(reflect.TypeOf(dst).Elem(), ""); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badJSON()
	}
	for _, name := range needs {
		if !w.top[name] {
			return invalid(name, "缺少这个字段", "the field is missing")
		}
	}
	if err := json.Unmarshal(data, dst); err != nil {
		return badJSON()
	}
	return nil
}

func badJSON() error {
	return problem(codeInvalidJSON, "", "请求内容不是一个完整的 JSON 对象", "the body is not one whole JSON object")
}

type walker struct {
	dec *json.Decoder
	top map[string]bool // names met in the outermost object
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// value checks the next JSON value against t.
func (w walker) value(t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tok, err := w.dec.Token()
	if err != nil {
		return badJSON()
	}
	if tok == nil {
		return invalid(path, "不能为 null，不需要时请省略", "must not be null; leave it out instead")
	}
	if t == rawType || t.Kind() == reflect.Interface {
		return w.skip(tok)
	}
	if t == timeType || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return stringly(t, tok, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		if tok != json.Delim('{') {
			return wrongType(path, "对象", "an object")
		}
		return w.object(t, path)
	case reflect.Slice:
		if tok != json.Delim('[') {
			return wrongType(path, "数组", "a list")
		}
		for i := 0; w.dec.More(); i++ {
			if err := w.value(t.Elem(), path+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
		return w.end()
	case reflect.Map:
		if tok != json.Delim('{') {
			return wrongType(path, "对象", "an object")
		}
		for w.dec.More() {
			key, err := w.key()
			if err != nil {
				return err
			}
			if err := w.value(t.Elem(), join(path, key)); err != nil {
				return err
			}
		}
		return w.end()
	case reflect.String:
		if _, ok := tok.(string); !ok {
			return wrongType(path, "字符串", "a string")
		}
	case reflect.Bool:
		if _, ok := tok.(bool); !ok {
			return wrongType(path, "true 或 false", "true or false")
		}
	default:
		return number(t, tok, path)
	}
	return nil
}

func (w walker) object(t reflect.Type, path string) error {
	seen := map[string]bool{}
	for w.dec.More() {
		name, err := w.key()
		if err != nil {
			return err
		}
		at := join(path, name)
		field, ok := fieldNamed(t, name)
		if !ok {
			return problem(codeUnknownField, at, "没有这个字段，请检查拼写", "there is no such field; check its spelling")
		}
		if seen[name] {
			return invalid(at, "字段重复", "the field is given twice")
		}
		seen[name] = true
		if path == "" {
			w.top[name] = true
		}
		if err := w.value(field, at); err != nil {
			return err
		}
	}
	return w.end()
}

func (w walker) key() (string, error) {
	tok, err := w.dec.Token()
	name, ok := tok.(string)
	if err != nil || !ok {
		return "", badJSON()
	}
	return name, nil
}

func (w walker) end() error {
	if _, err := w.dec.Token(); err != nil {
		return badJSON()
	}
	return nil
}

// skip reads the rest of a value that started with tok.
func (w walker) skip(tok json.Token) error {
	depth := 0
	for {
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if tok, err = w.dec.Token(); err != nil {
			return badJSON()
		}
	}
}

func stringly(t reflect.Type, tok json.Token, path string) error {
	s, ok := tok.(string)
	if t == timeType {
		if _, err := time.Parse(time.RFC3339, s); !ok || err != nil {
			return wrongType(path, "带时区的 RFC 3339 时间", "a time in RFC 3339 with zone")
		}
		return nil
	}
	if _, err := base64.StdEncoding.DecodeString(s); !ok || err != nil {
		return wrongType(path, "标准 Base64", "standard Base64")
	}
	return nil
}

func number(t reflect.Type, tok json.Token, path string) error {
	n, ok := tok.(json.Number)
	if !ok {
		return wrongType(path, "数字", "a number")
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if _, err := strconv.ParseInt(string(n), 10, t.Bits()); err != nil {
			return wrongType(path, "整数（金额以分为单位）", "an integer (money is in minor units)")
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if _, err := strconv.ParseUint(string(n), 10, t.Bits()); err != nil {
			return wrongType(path, "不小于 0 的整数", "an integer, 0 or more")
		}
	default:
		if _, err := n.Float64(); err != nil {
			return wrongType(path, "数字", "a number")
		}
	}
	return nil
}

func wrongType(path, zh, en string) *sale.Problem {
	if path == "" {
		return problem(codeInvalidJSON, "", "请求内容必须是"+zh, "the body must be "+en)
	}
	return invalid(path, "必须是"+zh, "must be "+en)
}

// fieldNamed finds the field that encoding/json would fill for name.
func fieldNamed(t reflect.Type, name string) (reflect.Type, bool) {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "":
			if found, ok := fieldNamed(f.Type, name); ok {
				return found, true
			}
		case tag != "-" && tag == name && f.IsExported():
			return f.Type, true
		}
	}
	return nil, false
}

func join(path, name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
