package receiptline_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
)

func caps() printer.Caps { return printer.Caps{Columns: 48, Dots: 576, DPI: 203, Chinese: true} }

func TestCommandIsRefused(t *testing.T) {
	for _, src := range []string{
		`{command:\x1bp\x00\x19\xfa}`, `{x:\x1b@}`, `a|{x:1}`, `{code:1;command:\x1b}`, "ok\n{ x : 1 }", `|{command: \x10\x14\x01\x00\x01}|{comment:x}`,
	} {
		if doc, err := receiptline.Parse(src); fault.KindOf(err) != fault.Refused {
			t.Errorf("%q gives %v, %v, want refused", src, doc, err)
		}
	}
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		src  string
		want printer.Doc
	}{
		{"=", printer.Doc{printer.Cut{}}},
		{"a", printer.Doc{printer.Text{Spans: []printer.Span{{Text: "a"}}, Align: printer.Center, AnyBreak: true}, printer.Cut{}}},
		{"---", printer.Doc{printer.Rule{Align: printer.Center}, printer.Cut{}}},
		{"{code:https://example.cn/a\\;b; option:qrcode,5,q}", printer.Doc{printer.QR{Payload: "https://example.cn/a;b", Module: 5, Level: "Q", Align: printer.Center}, printer.Cut{}}},
		{"{c:6901234567892;o:ean,3,80,hri} |", printer.Doc{printer.Barcode{Symbology: "ean13", Data: "6901234567892", HRI: true, Module: 3, HeightMM: 10, Align: printer.Left}, printer.Cut{}}},
		{"{o:nw7}\n{c:A1B}", printer.Doc{printer.Barcode{Symbology: "codabar", Data: "A1B", Module: 2, HeightMM: 9, Align: printer.Center}, printer.Cut{}}},
		{"{i:aGVs bG8}", printer.Doc{printer.Image{PNG: []byte("hello"), Align: printer.Center}, printer.Cut{}}},
		{"^^^\"x\"", printer.Doc{printer.Text{Spans: []printer.Span{{Text: "x", Width: 2, Height: 2, Bold: true}}, Align: printer.Center, AnyBreak: true}, printer.Cut{}}},
	} {
		got, err := receiptline.Parse(c.src)
		if err != nil {
			t.Errorf("%q: %v", c.src, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q gives\n%#v, want\n%#v", c.src, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, src := range map[string]string{"long": strings.Repeat("a", receiptline.MaxBytes+1), "lines": strings.Repeat("\n", receiptline.MaxLines), "picture": "{image:a}"} {
		if _, err := receiptline.Parse(src); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s: %v, want refused", name, err)
		}
	}
}

// A value that went through Escape is printed as it is, wherever it stands.
func TestEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching("[-=|{}\\\\~_\"`^a\n;:x0-9\ufeff\u0300\x00]{0,20}")).Draw(t, "value")
		doc, err := receiptline.Parse("|" + receiptline.Escape(value) + "\n")
		if err != nil {
			t.Fatal(err)
		}
		page, err := layout.Compose(doc, printer.Caps{Columns: 2000, Dots: 24000, DPI: 203})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Trim(layout.Clean(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(value)), " ")
		got := strings.Trim(strings.Join(text(page), "\n"), " ")
		if got != want {
			t.Fatalf("%q prints %q, want %q", value, got, want)
		}
	})
}

// No document opens the drawer or makes the layout fail in any way but a refusal.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/receiptline-4.0.4.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []struct{ Source string }
	if err := json.Unmarshal(data, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.Source)
	}
	f.Add("{command:\\x1bp}")
	f.Add("a|b{|}c\n{w:0}\n|||\n{b:line}\n=\n-\nx\n{w:5,5}\ny|z\n-")
	f.Fuzz(func(t *testing.T, src string) {
		doc, err := receiptline.Parse(src)
		if err != nil {
			if fault.KindOf(err) != fault.Refused {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, b := range doc {
			if _, drawer := b.(printer.OpenDrawer); drawer {
				t.Fatal("the markup opens the drawer")
			}
		}
		if _, err := layout.Compose(doc, caps()); err != nil && fault.KindOf(err) != fault.Refused {
			t.Fatalf("%v", err)
		}
	})
}
