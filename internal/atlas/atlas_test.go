package atlas_test

import (
	"strings"
	"testing"

	"tilld/internal/atlas"
)

func TestEveryCharacterOfTheRanges(t *testing.T) {
	set, err := atlas.Load()
	if err != nil {
		t.Fatal(err)
	}
	check := func(first, last rune, width int) {
		t.Helper()
		blank := 0
		for r := first; r <= last; r++ {
			g, _, ok := set.Glyph(r, false)
			if !ok || g.Width != width || len(g.Rows) != atlas.Height*g.Stride() {
				t.Fatalf("%U: %v, %+v", r, ok, g)
			}
			if strings.Trim(string(g.Rows), "\x00") == "" {
				blank++
			}
		}
		if blank > 1 {
			t.Errorf("%U to %U: %d blank glyphs", first, last, blank)
		}
	}
	check(' ', '~', 12)
	check(0xa1, 0xac, 12)
	check(0x4e00, 0x9fa5, 24)
	check(0xff01, 0xff5e, 24)
	check('￥', '￥', 24)
	for _, r := range "·×÷€—…“”‘’•→│─┼、。《》あア" {
		if _, _, ok := set.Glyph(r, false); !ok {
			t.Errorf("no %c", r)
		}
	}
	if _, real, ok := set.Glyph('A', true); !ok || !real {
		t.Error("no bold Latin")
	}
	if _, real, ok := set.Glyph('茶', true); !ok || real {
		t.Error("bold Chinese has to be made of the regular glyph")
	}
	for _, r := range []rune{0, 0x1f, 0xac00, 0x1f600, -1, 0x10ffff} {
		if _, _, ok := set.Glyph(r, false); ok {
			t.Errorf("%U has a glyph", r)
		}
	}
}

func TestLicences(t *testing.T) {
	for file, want := range map[string]string{"LICENSE-droid.txt": "Apache License", "LICENSE-go-fonts.txt": "Bigelow & Holmes"} {
		text, err := atlas.Licenses.ReadFile(file)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
