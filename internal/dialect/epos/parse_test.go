package epos

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"tilld/printer"
)

func envelope(inner string) string {
	return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><epos-print xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print">` +
		inner + `</epos-print></s:Body></s:Envelope>`
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{
			"text keeps its style", `<text em="true"/><text>a&#10;b</text><text em="false">c&#10;</text>`,
			`[{"block":"text","line":"","any_break":true,"spans":[{"text":"a","bold":true}]},{"block":"text","line":"","any_break":true,"spans":[{"text":"b","bold":true},{"text":"c"}]}]`,
		},
		{
			"alignment ends a line", `<text align="center">a</text><text align="right">b</text>`,
			`[{"block":"text","line":"","align":"right","any_break":true,"spans":[{"text":"a"}]},{"block":"text","line":"","align":"right","any_break":true,"spans":[{"text":"b"}]}]`,
		},
		{
			"size", `<text dw="true" dh="true">a&#10;</text><text width="3" height="1">b&#10;</text>`,
			`[{"block":"text","line":"","any_break":true,"spans":[{"text":"a","width":2,"height":2}]},{"block":"text","line":"","any_break":true,"spans":[{"text":"b","width":3,"height":1}]}]`,
		},
		{"an empty line", `<text>&#10;a&#10;</text>`, `[{"block":"feed","lines":1},{"block":"text","line":"","any_break":true,"spans":[{"text":"a"}]}]`},
		{"feeds", `<feed/><feed line="3"/><feed unit="31"/><feed line="0"/>`, `[{"block":"feed","lines":1},{"block":"feed","lines":3},{"block":"feed","lines":2}]`},
		{
			"bar code", `<barcode type="ean13" hri="below" width="3" height="64" align="center">6901234567892</barcode>`,
			`[{"block":"barcode","symbology":"ean13","data":"6901234567892","height_mm":8,"hri":true,"module":3,"align":"center"}]`,
		},
		{"code 128 with its set", `<barcode type="code128">{BAb\\1\x41</barcode>`, `[{"block":"barcode","symbology":"code128","data":"Ab\\1A"}]`},
		{"QR code", `<symbol type="qrcode_model_2" level="level_h" width="5">a&amp;b</symbol>`, `[{"block":"qr","payload":"a\u0026b","module":5,"level":"H"}]`},
		{"cut", `<cut type="no_feed"/>`, `[{"block":"cut"}]`},
		{"sound is not heard", `<sound pattern="pattern_a"/><recovery/>`, `null`},
	} {
		r, err := parse(strings.NewReader(envelope(c.in)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := json.Marshal(r.doc)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.doc) == 0 {
			got = []byte("null")
		}
		if !sameJSON(t, string(got), c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	r, err := parse(strings.NewReader(envelope(`<pulse/><pulse drawer="drawer_2" time="pulse_200"/><command>1b40 610a</command>`)))
	if err != nil || r.kicks != 2 || string(r.raw) != "\x1b@a\n" || r.empty() {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = parse(strings.NewReader(envelope(`<image width="9" height="2" mode="mono">gIAAgA==</image>`)))
	if err != nil || len(r.doc) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, is := r.doc[0].(printer.Image); !is {
		t.Errorf("%T", r.doc[0])
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("no JSON: %s, %s", a, b)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

func TestParseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"unknown element":    envelope(`<page/>`),
		"nested":             envelope(`<text><text>a</text></text>`),
		"wrong attribute":    envelope(`<text align="middle">a</text>`),
		"wrong number":       envelope(`<feed line="256"/>`),
		"no base64":          envelope(`<image width="8" height="1">!</image>`),
		"picture too short":  envelope(`<image width="65535" height="65535">AA==</image>`),
		"no hexadecimal":     envelope(`<command>xyz</command>`),
		"command among text": envelope(`<text>a</text><command>1b70</command>`),
		"loose text":         envelope(`hello`),
		"a DTD":              `<!DOCTYPE x [<!ENTITY e "boom">]>` + envelope(`<text>&e;</text>`),
		"an entity":          envelope(`<text>&e;</text>`),
		"no document":        `<a/>`,
		"two documents":      strings.Replace(envelope(""), "</s:Body>", "<epos-print/></s:Body>", 1),
		"cut short":          envelope(`<text>a</text>`)[:200],
		"no XML":             "{}",
		"empty":              "",
		"deep":               strings.Repeat("<a>", 40),
		"bad escape":         envelope(`<barcode type="code39">A\x4</barcode>`),
		"code set change":    envelope(`<barcode type="code128">{BAb{C12</barcode>`),
		"other symbol":       envelope(`<symbol type="pdf417_standard">a</symbol>`),
	} {
		if r, err := parse(strings.NewReader(in)); err == nil {
			t.Errorf("%s: %+v", name, r)
		} else if schema := (*schemaError)(nil); !errors.As(err, &schema) {
			t.Errorf("%s: %v is no schema error", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(envelope(`<text em="true" dw="1">合计&#10;</text><image width="8" height="2">gIA=</image><cut/><pulse/><command>1b40</command>`))
	f.Add(envelope(`<barcode type="upc_a">1</barcode><symbol type="qrcode_model_1" level="default">x\x00</symbol>`))
	f.Fuzz(func(t *testing.T, in string) {
		r, err := parse(strings.NewReader(in))
		if err != nil && !r.empty() {
			t.Fatalf("refused, yet %+v", r)
		}
		for _, b := range r.doc {
			if _, is := b.(printer.OpenDrawer); is {
				t.Fatal("a document opens the drawer")
			}
		}
	})
}
