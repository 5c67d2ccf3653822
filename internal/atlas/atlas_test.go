package atlas_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"tilld/internal/atlas"
)

func TestEveryCharacterOfTheRanges(t *testing.T) {
	set := load(t)
	check := func(first, last rune, columns int) {
		t.Helper()
		blank := 0
		for r := first; r <= last; r++ {
			g, _, ok := set.Glyph(r, columns, false)
			if !ok || g.Width != 12*columns || len(g.Rows) != atlas.Height*g.Stride() {
				t.Fatalf("%U: %v, %+v", r, ok, g)
			}
			if empty(g) {
				blank++
			}
		}
		if blank > 1 {
			t.Errorf("%U to %U: %d blank glyphs", first, last, blank)
		}
	}
	check(' ', '~', 1)
	check(0xa1, 0xac, 1)
	check(0x3400, 0x4db5, 2)
	check(0x4e00, 0x9fef, 2)
	check(0xff01, 0xff5e, 2)
	check('￥', '￥', 2)
	check(0xac00, 0xd7a3, 2) // Hangul
	check(0x1ea0, 0x1ef9, 1) // Vietnamese
	check(0x660, 0x669, 1)
	for _, r := range "、。《》あア𠮷䶮㛃㎡㎏㍿㊣🈶😀" {
		if g, _, ok := set.Glyph(r, 2, false); !ok || g.Width != 24 || empty(g) {
			t.Errorf("no %c", r)
		}
	}
	if _, real, ok := set.Glyph('A', 1, true); !ok || !real {
		t.Error("no bold Latin")
	}
	if _, real, ok := set.Glyph('茶', 2, true); !ok || real {
		t.Error("bold Chinese has to be made of the regular glyph")
	}
	for _, r := range []rune{0, 0x1f, 0xe01, 0xd7a4, 0x1f680, -1, 0x10ffff} {
		if _, _, ok := set.Glyph(r, 2, false); ok {
			t.Errorf("%U has a glyph", r)
		}
	}
}

// Symbols are one column on some printers and two on others.
func TestSymbolsFitEitherPlace(t *testing.T) {
	set := load(t)
	for _, r := range "·×÷€—…“”‘’•½¥" {
		if g, _, ok := set.Glyph(r, 1, false); !ok || g.Width != 12 || empty(g) {
			t.Errorf("no %c", r)
		}
	}
	for _, r := range "→←↑↓⇒│─┼╔█▲●◆①⑳⑴ⅣⅫ℃№℡☆★♥♪☎✓※✔✗☑►⚠" {
		for columns := 1; columns <= 2; columns++ {
			if g, _, ok := set.Glyph(r, columns, false); !ok || g.Width != 12*columns || empty(g) {
				t.Errorf("no %c for %d columns: %v, %d dots wide", r, columns, ok, g.Width)
			}
		}
	}
	if _, _, ok := set.Glyph('茶', 1, false); ok {
		t.Error("a Chinese character in one column")
	}
}

// More characters than are kept unpacked, from several goroutines: what was
// returned stays as it was.
func TestGlyphsStayWhole(t *testing.T) {
	set := load(t)
	first, _, _ := set.Glyph('一', 2, false)
	want := string(first.Rows)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for r := rune(0x3400) + rune(n)*64; r < 0x9fff; r += 256 {
				if _, _, ok := set.Glyph(r, 2, false); !ok && (r < 0x4dc0 || r > 0x4dff) {
					t.Errorf("no %U", r)
				}
			}
		})
	}
	wg.Wait()
	again, _, _ := set.Glyph('一', 2, false)
	if string(first.Rows) != want || string(again.Rows) != want {
		t.Error("the dots of a glyph changed")
	}
}

func TestPackedSize(t *testing.T) {
	info, err := os.Stat("glyphs.zst")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1_600_000 {
		t.Errorf("%d bytes, want at most 1.6 MB in the program", info.Size())
	}
}

func TestSingle(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                   "plain",
		"❤\ufe0f":                 "❤",
		"a\ufe0fb":                "ab",
		"👍🏽x":                     "👍x",
		"👨\u200d👩\u200d👧\u200d👦!": "👨!",
		"👩🏽\u200d💻":               "👩",
		"🏳\ufe0f\u200d🌈":          "🏳",
		"🏃\u200d♂\ufe0f":          "🏃",
		"🙂\u200d↔\ufe0f":          "🙂",
		"1\ufe0f\u20e3":           "1",
		"🇨🇳🇩🇪":                    "🇨🇩",
		"👍👍":                      "👍👍",
		"क\u200dष":                "क\u200dष", // a joiner of letters
		"☆茶\u200d☆":               "☆茶\u200d☆",
		"𠮷野家":                     "𠮷野家",
		"葛\U000e0100":             "葛",
		"🏽":                       "🏽",
	} {
		if got := atlas.Single(in); got != want {
			t.Errorf("Single(%+q) = %+q, want %+q", in, got, want)
		}
	}
}

func TestLicences(t *testing.T) {
	for file, want := range map[string]string{
		"LICENSE-droid.txt": "Apache License", "LICENSE-go-fonts.txt": "Bigelow & Holmes", "LICENSE-noto-cjk.txt": "SIL OPEN FONT LICENSE Version 1.1",
		"LICENSE-dejavu.txt": "Bitstream Vera is a trademark",
	} {
		text, err := atlas.Licenses.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func load(t *testing.T) *atlas.Set {
	t.Helper()
	set, err := atlas.Load()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func empty(g atlas.Glyph) bool { return strings.Trim(string(g.Rows), "\x00") == "" }
