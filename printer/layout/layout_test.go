package layout_test

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tilld/internal/fault"
	"tilld/internal/qr"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/printertest"
)

var update = flag.Bool("update", false, "write the golden files")

func caps80() printer.Caps {
	return printer.Caps{Columns: 48, Dots: 576, DPI: 203, Chinese: true, Cutter: true}
}

func caps58() printer.Caps { return printer.Caps{Columns: 32, Dots: 384, DPI: 203, Chinese: true} }

// What receipts look like. Look at the pictures before you update them.
func TestPreviews(t *testing.T) {
	receipts := printertest.Receipts()
	for _, name := range slices.Sorted(maps.Keys(receipts)) {
		for paper, caps := range map[string]printer.Caps{"80mm": caps80(), "58mm": caps58()} {
			if name == "long" && paper == "58mm" {
				continue
			}
			data, err := layout.Preview(receipts[name], caps)
			if err != nil {
				t.Errorf("%s on %s: %v", name, paper, err)
				continue
			}
			file := filepath.Join("testdata", name+"-"+paper+".png")
			if *update {
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !same(t, data, want) {
				got := filepath.Join(t.ArtifactDir(), name+"-"+paper+".png")
				if err := os.WriteFile(got, data, 0o644); err != nil {
					t.Fatal(err)
				}
				t.Errorf("%s on %s looks different, see %s", name, paper, got)
			}
		}
	}
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	x, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := x.(*image.Paletted)
	q, also := y.(*image.Paletted)
	return ok && also && p.Rect == q.Rect && bytes.Equal(p.Pix, q.Pix)
}

func lines(t *testing.T, doc printer.Doc, caps printer.Caps) []string {
	t.Helper()
	page, err := layout.Compose(doc, caps)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, row := range page.Rows {
		if text, ok := row.(layout.TextRow); ok {
			list = append(list, text.Text())
		}
	}
	return list
}

func TestWrapping(t *testing.T) {
	caps := printer.Caps{Columns: 16, Dots: 192, DPI: 203, Chinese: true}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"short", "tea", []string{"tea"}},
		{"empty", "", []string{""}},
		{"at words", "green tea from the hills", []string{"green tea from", "the hills"}},
		{"long word", "abcdefghijklmnopqrstuvw", []string{"abcdefghijklmnop", "qrstuvw"}},
		{"long word behind a short one", "SN abcdefghijklmnopqrstuvw", []string{"SN abcdefghijklm", "nopqrstuvw"}},
		{"word that fits a row of its own", "ref. abcdefghijklmnop", []string{"ref.", "abcdefghijklmnop"}},
		{"indented", "  green tea from the hills", []string{"  green tea from", "  the hills"}},
		{"indented long word", "  SN abcdefghijklmnopqrstuvw", []string{"  SN abcdefghijk", "  lmnopqrstuvw"}},
		{"indented Chinese", "  武夷山大红袍特级礼盒", []string{"  武夷山大红袍特", "  级礼盒"}},
		{"indented beyond reason", strings.Repeat(" ", 14) + "tea tea", []string{"", "    tea tea"}},
		{"Chinese anywhere", "武夷山大红袍特级礼盒装", []string{"武夷山大红袍特级", "礼盒装"}},
		{"no stop at the start", "武夷山大红袍特级，礼盒", []string{"武夷山大红袍特", "级，礼盒"}},
		{"no bracket at the end", "武夷山大红袍特（级）", []string{"武夷山大红袍特", "（级）"}},
		{"exactly full", "0123456789abcdef", []string{"0123456789abcdef"}},
		{"space at the edge", "0123456789abcdef xyz", []string{"0123456789abcdef", "xyz"}},
		{"line feed", "a\nb", []string{"a b"}},
		{"controls", "a\x1bp\x00b\u202ec\u200dd", []string{"apbcd"}},
		{"composed", "e\u0301", []string{"é"}},
		{"not UTF-8", "a\xffb", []string{"a\ufffdb"}},
	} {
		if got := lines(t, printer.Doc{printer.Text{Line: c.text}}, caps); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Money is never cut and never wrapped: other cells give way, then it gets a row
// of its own.
func TestKeep(t *testing.T) {
	caps := printer.Caps{Columns: 20, Dots: 240, DPI: 203}
	for _, c := range []struct {
		name  string
		cells []printer.Cell
		want  []string
	}{
		{"fits", []printer.Cell{{Text: "tea"}, {Text: "12.50", Width: 8, Align: printer.Right, Keep: true}}, []string{"tea            12.50"}},
		{"takes from the name", []printer.Cell{{Text: "a long name"}, {Text: "1,234,567.89", Width: 6, Align: printer.Right, Keep: true}}, []string{"a long  1,234,567.89", "name"}},
		{"own row", []printer.Cell{{Text: "x", Width: 9, Keep: true}, {Text: "123,456,789.00", Width: 9, Keep: true}}, []string{"x", "      123,456,789.00"}},
	} {
		if got := lines(t, printer.Doc{printer.Columns{Cells: c.cells}}, caps); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	_, err := layout.Compose(printer.Doc{printer.Columns{Cells: []printer.Cell{{Text: strings.Repeat("9", 21), Keep: true}}}}, caps)
	if fault.KindOf(err) != fault.Refused {
		t.Errorf("an amount wider than the paper: %v, want refused", err)
	}
}

func TestKeepAlways(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		caps := printer.Caps{Columns: rapid.IntRange(24, 48).Draw(rt, "columns"), Chinese: rapid.Bool().Draw(rt, "chinese"), DPI: 203}
		caps.Dots = caps.Columns * 12
		money := rapid.StringMatching(`¥?[0-9]{1,3}(,[0-9]{3}){0,2}\.[0-9]{2}`).Draw(rt, "money")
		cells := []printer.Cell{
			{Text: rapid.String().Draw(rt, "name"), Width: rapid.IntRange(0, 60).Draw(rt, "w0")},
			{Text: rapid.String().Draw(rt, "quantity"), Width: rapid.IntRange(0, 60).Draw(rt, "w1")},
			{Text: money, Width: rapid.IntRange(0, 60).Draw(rt, "w2"), Align: printer.Right, Keep: true},
		}
		page, err := layout.Compose(printer.Doc{printer.Columns{Cells: cells}}, caps)
		if err != nil {
			rt.Fatal(err)
		}
		found := false
		for _, row := range page.Rows {
			text := row.(layout.TextRow)
			found = found || strings.Contains(text.Text(), money)
			if n := layout.TextColumns(text.Text(), caps); n > caps.Columns {
				rt.Fatalf("a row of %d columns on %d: %q", n, caps.Columns, text.Text())
			}
		}
		if !found {
			rt.Fatalf("%q is not on the paper", money)
		}
	})
}

// The printed code is the size asked for, or refused.
func TestCodeSizes(t *testing.T) {
	for _, c := range []struct {
		payload, caps string
		mm, module    int // module is what is printed, 0 is refused
	}{
		{strings.Repeat("a", 20), "80", 0, 8},
		{strings.Repeat("a", 120), "80", 0, 6},
		{strings.Repeat("a", 120), "58", 0, 6},
		{strings.Repeat("a", 120), "80", 10, 4},
		{strings.Repeat("a", 120), "80", 60, 10},
		{strings.Repeat("a", 400), "58", 0, 4},
		{strings.Repeat("a", 900), "58", 0, 0},
		{strings.Repeat("a", 900), "80", 0, 4},
	} {
		caps := map[string]printer.Caps{"80": caps80(), "58": caps58()}[c.caps]
		page, err := layout.Compose(printer.Doc{printer.QR{Payload: c.payload, MM: c.mm, Level: "M"}}, caps)
		if c.module == 0 {
			if fault.KindOf(err) != fault.Refused || !strings.Contains(err.Error(), "too dense") {
				t.Errorf("%d bytes on %s mm: %v, want refused as too dense", len(c.payload), c.caps, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d bytes on %s mm: %v", len(c.payload), c.caps, err)
			continue
		}
		code, err := qr.Make(c.payload, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		if got := page.Rows[0].Dots() / (code.Size + 8); got != c.module {
			t.Errorf("%d bytes on %s mm, %d mm wanted: %d dots a module, want %d", len(c.payload), c.caps, c.mm, got, c.module)
		}
		bits, err := page.Draw()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := qr.Read(bits.Gray()); err != nil || got != c.payload {
			t.Errorf("%d bytes: the paper reads %q, %v", len(c.payload), got, err)
		}
	}
}

func TestPictures(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1000, 100))
	for x := range 1000 {
		for y := range 100 {
			img.Set(x, y, color.Gray{Y: uint8(x * 255 / 999)})
		}
	}
	var data bytes.Buffer
	if err := png.Encode(&data, img); err != nil {
		t.Fatal(err)
	}
	page, err := layout.Compose(printer.Doc{printer.Image{PNG: data.Bytes()}}, caps58())
	if err != nil {
		t.Fatal(err)
	}
	bits := page.Rows[0].(layout.Picture).Bits
	if bits.W != 384 || bits.H != 38 {
		t.Errorf("picture of %d x %d dots, want 384 x 38", bits.W, bits.H)
	}
	black := func(from, to int) (n int) {
		for x := from; x < to; x++ {
			for y := range bits.H {
				if bits.Dot(x, y) {
					n++
				}
			}
		}
		return n * 100 / ((to - from) * bits.H)
	}
	if l, m, r := black(0, 38), black(173, 211), black(346, 384); l < 85 || m < 35 || m > 65 || r > 15 {
		t.Errorf("%d %% %d %% %d %% black from left to right, want a ramp", l, m, r)
	}
	for name, bad := range map[string][]byte{"empty": nil, "GIF": []byte("GIF89a"), "cut": data.Bytes()[:200], "large": make([]byte, 3<<20)} {
		if _, err := layout.Compose(printer.Doc{printer.Image{PNG: bad}}, caps58()); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s: %v, want refused", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, doc := range map[string]printer.Doc{
		"blocks": make(printer.Doc, layout.MaxBlocks+1),
		"paper":  {printer.Text{Line: strings.Repeat("字 ", 200_000)}},
		"codes":  slices.Repeat(printer.Doc{printer.QR{Payload: "1"}}, layout.MaxPictures+1),
	} {
		if _, err := layout.Compose(doc, caps80()); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s: %v, want refused", name, err)
		}
	}
}

// A preview of the longest receipt shows its first ten metres.
func TestLongPreview(t *testing.T) {
	doc := slices.Repeat(printer.Doc{printer.Text{Line: "x"}}, 5000)
	data, err := layout.Preview(doc, printer.Caps{Columns: 16, Dots: 192, DPI: 203})
	if err != nil {
		t.Fatal(err)
	}
	size, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || size.Height > 80_100 || size.Height < 79_900 {
		t.Errorf("%d dots high, %v, want 80,000 of 150,000", size.Height, err)
	}
}

// A word that is carried over may leave no room for what follows it.
func TestCarriedOverWord(t *testing.T) {
	doc := printer.Doc{printer.Text{Spans: []printer.Span{{Text: "-"}, {Text: "Aᾈ", Width: 8}}}}
	page, err := layout.Compose(doc, printer.Caps{Columns: 16, Dots: 16 * 12, Chinese: true, DPI: 203})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		n := 0
		for _, run := range row.(layout.TextRow).Runs {
			n += layout.TextColumns(run.Text, page.Caps) * run.Width
		}
		if n > 16 {
			t.Errorf("a row of %d columns on 16: %+v", n, row)
		}
	}
}

// Whatever a document says, it is laid out within the paper or refused.
func TestAnyDocument(t *testing.T) {
	align := rapid.SampledFrom([]printer.Align{"", printer.Left, printer.Center, printer.Right, "nonsense"})
	span := rapid.Custom(func(t *rapid.T) printer.Span {
		return printer.Span{Text: rapid.String().Draw(t, "text"), Width: rapid.IntRange(-1, 9).Draw(t, "w"), Height: rapid.IntRange(-1, 9).Draw(t, "h"), Bold: rapid.Bool().Draw(t, "b"), Underline: rapid.Bool().Draw(t, "u"), Invert: rapid.Bool().Draw(t, "i")}
	})
	cell := rapid.Custom(func(t *rapid.T) printer.Cell {
		return printer.Cell{Text: rapid.String().Draw(t, "text"), Width: rapid.IntRange(-1, 100).Draw(t, "width"), Align: align.Draw(t, "align"), Keep: rapid.Bool().Draw(t, "keep"), Spans: rapid.SliceOfN(span, 0, 2).Draw(t, "spans")}
	})
	block := rapid.Custom(func(t *rapid.T) printer.Block {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return printer.Rule{Double: rapid.Bool().Draw(t, "double"), Columns: rapid.IntRange(-1, 60).Draw(t, "columns")}
		case 1:
			return printer.Feed{Lines: rapid.IntRange(-5, 500).Draw(t, "lines")}
		case 2:
			return printer.Cut{}
		case 3:
			return printer.Text{Spans: rapid.SliceOfN(span, 0, 3).Draw(t, "spans"), Align: align.Draw(t, "align"), AnyBreak: rapid.Bool().Draw(t, "any")}
		default:
			return printer.Columns{
				Cells: rapid.SliceOfN(cell, 0, 30).Draw(t, "cells"), Align: align.Draw(t, "align"), NoWrap: rapid.Bool().Draw(t, "nowrap"),
				Border: rapid.SampledFrom([]printer.Border{printer.Gap, printer.NoGap, printer.WideGap, printer.Lines}).Draw(t, "border"),
			}
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		doc := printer.Doc(rapid.SliceOfN(block, 0, 6).Draw(rt, "doc"))
		caps := printer.Caps{Columns: rapid.IntRange(16, 64).Draw(rt, "columns"), Chinese: rapid.Bool().Draw(rt, "chinese"), DPI: 203}
		caps.Dots = caps.Columns * 12
		page, err := layout.Compose(doc, caps)
		if err != nil {
			if fault.KindOf(err) != fault.Refused {
				rt.Fatal(err)
			}
			return
		}
		for _, row := range page.Rows {
			text, ok := row.(layout.TextRow)
			if !ok {
				continue
			}
			n := 0
			for _, run := range text.Runs {
				for _, r := range run.Text {
					if text.Ruled && strings.ContainsRune("│─┘┐┤└┌├┴┬┼", r) {
						n++
					} else {
						n += layout.Columns(r, caps) * run.Width
					}
				}
			}
			if n > caps.Columns {
				rt.Fatalf("a row of %d columns on %d: %q", n, caps.Columns, text.Text())
			}
		}
		if _, err := page.Draw(); err != nil {
			rt.Fatal(err)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	doc := printertest.Receipts()["zh"]
	for b.Loop() {
		if _, err := layout.Compose(doc, caps80()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPreview(b *testing.B) {
	doc := printertest.Receipts()["zh"]
	for b.Loop() {
		if _, err := layout.Preview(doc, caps80()); err != nil {
			b.Fatal(err)
		}
	}
}

// Rare characters have glyphs: their ink is neither none nor that of the box
// that stands for what has none, on Chinese and on Latin printers.
func TestRareCharactersAreDrawn(t *testing.T) {
	latin := caps80()
	latin.Chinese = false
	for _, caps := range []printer.Caps{caps80(), latin} {
		draw := func(text string) string {
			t.Helper()
			page, err := layout.Compose(printer.Doc{printer.Text{Line: text}}, caps)
			if err != nil {
				t.Fatal(err)
			}
			b, err := page.Draw()
			if err != nil {
				t.Fatal(err)
			}
			return string(b.Pix)
		}
		blank := draw(" ")
		for _, r := range "𠮷䶮㛃★①℃㎡→" {
			box := "\u0e01" // Thai, one column on Latin printers
			if layout.Columns(r, caps) == 2 {
				box = "\uac00" // Hangul
			}
			if got := draw(string(r)); got == blank || got == draw(box) {
				t.Errorf("%c is not drawn (Chinese: %v)", r, caps.Chinese)
			}
		}
		if draw("\uac00") == blank {
			t.Error("what has no glyph leaves no box")
		}
		if draw("👨\u200d👩🏽\u200d👧") != draw("👨") {
			t.Error("a composed emoji is not one box")
		}
	}
}
