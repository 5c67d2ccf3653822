package receiptline_test

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"tilld/printer"
	"tilld/printer/receiptline"
)

func words(name string) (string, bool) {
	w, ok := map[string]string{"total": "合计"}[name]
	return w, ok
}

type fields struct {
	Name  string
	Link  string
	Items []struct{ Name, Total string }
	On    bool
}

func TestTemplate(t *testing.T) {
	const src = `[[.Name]]
---
[[/* a remark */]]
[[range .Items]]
[[.Name]] | [[.Total]]
[[end]]
[[if .On]]
[[word "total"]]
[[else]]
off
[[end]]
[[qr .Link]]
`
	tpl, err := receiptline.NewTemplate(src, words)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := tpl.Document(fields{Name: "A|B {x} ---", Link: `https://example.cn/?a=1;b="{~}|\`, Items: []struct{ Name, Total string }{{"x_y", "1.00"}, {"---", "2.00"}}, On: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range doc {
		switch b := b.(type) {
		case printer.Text:
			got = append(got, spans(b.Spans))
		case printer.Columns:
			got = append(got, spans(b.Cells[0].Spans)+"|"+spans(b.Cells[1].Spans))
		case printer.QR:
			got = append(got, "QR "+b.Payload)
		case printer.Rule:
			got = append(got, "--")
		}
	}
	want := []string{"A|B {x} ---", "--", "x_y|1.00", "---|2.00", "合计", `QR https://example.cn/?a=1;b="{~}|\`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func spans(list []printer.Span) (s string) {
	for _, x := range list {
		s += x.Text
	}
	return s
}

// What a template could do harm with is refused when it is read.
func TestTemplateRefuses(t *testing.T) {
	for src, why := range map[string]string{
		`[[range 1000000000]][[end]]`:      "range",
		`[[printf "%1000000d" 1]]`:         "printf",
		`[[call .F]]`:                      "call",
		`[[define "x"]][[end]]`:            "",
		`[[define "x"]]a[[end]]b`:          "defines",
		`[[template "receipt"]]`:           "not allowed",
		`[[word "nobody"]]`:                "nobody",
		`[[if .A]]`:                        "",
		strings.Repeat("x", 65<<10):        "bytes",
		`[[range (len .A)]][[end]]`:        "range",
		`[[.A | html]]`:                    "html",
		`[[with (index .A 1)]][[end]]`:     "index",
		"[[if eq (print .A) `x`]]a[[end]]": "print",
	} {
		if _, err := receiptline.NewTemplate(src, words); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40q: %v, want %q", src, err, why)
		}
	}
	tpl, err := receiptline.NewTemplate("[[.Nobody]]", words)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpl.Document(fields{}); err == nil {
		t.Error("a field that is not there is filled in")
	}
}

// Whatever stands in a field, the document has the same blocks: no field can
// begin a property, a rule, a cut or a column.
func TestFieldsAreText(t *testing.T) {
	tpl, err := receiptline.NewTemplate("[[.Name]]\nx | [[.Name]]\n[[.Name]] | y\n\"[[.Name]]\"\n[[qr .Link]]\nend\n", words)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"{command:x}", "\n=\n", "|", "a|b", "---", "===", "\\", "\\x", "{code:1}", "[[.Link]]", "`", "~", "^^^", "\u2028{x:1}", "\r{border:line}", "}", "\\x7c", "\ufeff-", "\ufeff\ufeff=", "\x00-"})).Draw(rt, "text")
		if strings.TrimSpace(receiptline.Escape(text)) == "" {
			return // nothing beside a pipe is no column
		}
		doc, err := tpl.Document(fields{Name: text, Link: text})
		if err != nil {
			rt.Fatal(err)
		}
		shape := ""
		for _, b := range doc {
			switch b := b.(type) {
			case printer.Text:
				shape += "t"
			case printer.Columns:
				shape += "c"
				if len(b.Cells) != 2 {
					rt.Fatalf("%q makes %d columns", text, len(b.Cells))
				}
			case printer.QR:
				if b.Payload != norm.NFC.String(text) {
					rt.Fatalf("code of %q, want %q", b.Payload, text)
				}
			case printer.Cut:
				shape += "/"
			default:
				rt.Fatalf("%q makes a %T", text, b)
			}
		}
		if s := strings.ReplaceAll(shape, "tt/", "t/"); s != "tccttt/" && s != "tcctt/" && s != "tcct/" {
			rt.Fatalf("%q makes %s", text, shape)
		}
	})
}
