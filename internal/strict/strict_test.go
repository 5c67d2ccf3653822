package strict_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"tilld/internal/strict"
)

type inner struct {
	X int  `json:"x"`
	Y *int `json:"y,omitempty" strict:"required"`
}

type base struct {
	Base string `json:"base"`
}

type outer struct {
	base
	A    int               `json:"a"`
	B    []string          `json:"b"`
	In   *inner            `json:"in"`
	List []inner           `json:"list"`
	Map  map[string]inner  `json:"map"`
	Raw  json.RawMessage   `json:"raw"`
	Any  any               `json:"any"`
	At   time.Time         `json:"at"`
	Self *outer            `json:"self"`
	Text map[string]string `json:"text"`
	No   int               `json:"-"`
	Bare int
}

func TestDecode(t *testing.T) {
	for in, ok := range map[string]bool{
		`{"a":1,"b":["x","x"]}`:             true,
		" {\t\"a\" :\n1 , \"b\" : [ ] } ":   true,
		`{"a":1e0}`:                         false,
		`{"a":1,"c":2}`:                     false,
		`{"a":1}{"a":2}`:                    false,
		`{"a":1} x`:                         false,
		`{"a":1,"a":2}`:                     false,
		`{"a":1,"\u0061":2}`:                false,
		`{"\u0061":1}`:                      true,
		`{"A":1}`:                           false,
		`{"a":1,"A":2}`:                     false,
		"{\"li\u017ft\":[]}":                false, // encoding/json takes a long s for an s
		`{"a":1.5}`:                         false,
		`{"a":"1"}`:                         false,
		`{"a":1`:                            false,
		``:                                  false,
		`null`:                              true,
		`[]`:                                false,
		`{"base":"x","Bare":1}`:             true,
		`{"bare":1}`:                        false,
		`{"-":1}`:                           false,
		`{"No":1}`:                          false,
		`{"in":{"x":1,"y":2}}`:              true,
		`{"in":null}`:                       true,
		`{"in":{"x":1}}`:                    false,
		`{"in":{"x":1,"y":null}}`:           false,
		`{"in":{"y":2,"z":1}}`:              false,
		`{"list":[{"y":1},{"y":2}]}`:        true,
		`{"list":[{"y":1},{"Y":2}]}`:        false,
		`{"map":{"Any Name":{"y":1}}}`:      true,
		`{"map":{"a":{"y":1,"q":1}}}`:       false,
		`{"map":{"a":{"y":1},"a":{"y":1}}}`: false,
		`{"raw":{"P":1,"p":2},"any":[{"Q":"\"}"}]}`:                         true,
		`{"raw":{"p":1,"p":2}}`:                                             false,
		`{"any":[{"q":1,"q":2}]}`:                                           false,
		`{"at":"2026-01-01T00:00:00Z"}`:                                     true,
		`{"self":{"self":{"a":1}}}`:                                         true,
		`{"self":{"self":{"z":1}}}`:                                         false,
		`{"text":{"a\"b":"}","c\\":"{"},"b":["]","\\\""]}`:                  true,
		`{"raw":` + strings.Repeat(`[`, 15) + strings.Repeat(`]`, 15) + `}`: true,
		`{"raw":` + strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16) + `}`: false,
		strings.Repeat(`{"self":`, 17) + `{}` + strings.Repeat(`}`, 17):     false,
		`{"text":{` + many(20) + `}}`:                                       true,
		`{"text":{` + many(20) + `,"n3":""}}`:                               false,
		`{"text":{` + many(20) + `,"n19":""}}`:                              false,
	} {
		var v outer
		if err := strict.Decode([]byte(in), &v); (err == nil) != ok {
			t.Errorf("%.80s: %v", in, err)
		}
	}
}

// many is n fields with different names.
func many(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"n%d":""`, i))
	}
	return strings.Join(list, ",")
}

func TestCheck(t *testing.T) {
	for in, ok := range map[string]bool{
		`{"a":{"x":1},"b":{"x":1},"c":["x","x",{"x":"x"}]}`: true,
		`[1,"a",null,true,{"x":-1.5e3}]`:                    true,
		`"x"`:                                               true,
		`{"a":{"x":1,"x":1}}`:                               false,
		`{`:                                                 false,
	} {
		if err := strict.Check([]byte(in)); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// What is accepted has each name once and comes out of encoding/json the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":["x"],"in":{"y":1},"any":{"a":{"a":[{}]}}}`))
	f.Add([]byte(`{"text":{"a\"b":"\\"},"\u0061":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v outer
		if strict.Decode(b, &v) != nil {
			return
		}
		var w outer
		if err := json.Unmarshal(b, &w); err != nil || !reflect.DeepEqual(v, w) {
			t.Fatalf("%v\n%+v\n%+v", err, v, w)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := []byte(`{"a":12345,"b":["6901234567892"],"in":{"x":350,"y":2},"text":{"name":"绿茶 500ml","unit":"each"}}`)
	for b.Loop() {
		var v outer
		if err := strict.Decode(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
