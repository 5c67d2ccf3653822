package screen

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tilld/display"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"乌龙茶 500ml":                  "乌龙茶 500ml",
		"a\u202eb\u2066c\u200e":      "abc",
		"tab\tnew\nline\r\x00":       "tab new\nline",
		"e\u0301\u0301\u0301\u0301x": "e\u0301\u0301x",
		"\u0301x":                    "x",
		"👨\u200d👩":                   "👨\u200d👩",
		"\ufffd\ue000":               "",
		strings.Repeat("长", 20):      strings.Repeat("长", 15) + "…",
	} {
		if got := text(in, 15); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The scene on the stage is shared: cleaning must not touch it.
func TestCleanLeavesTheSceneAlone(t *testing.T) {
	bad := "x\u202ey"
	sc := display.Scene{
		Title: bad, Lines: []display.Line{{Name: bad}}, Offers: []display.Offer{{Title: bad}}, QR: []display.QR{{Title: bad}},
		Paid: &display.Receipt{Member: &display.Membership{NameMasked: bad}, StoredValue: &display.StoredValue{CardMasked: bad}},
	}
	out := clean(sc)
	for _, s := range []string{out.Title, out.Lines[0].Name, out.Offers[0].Title, out.QR[0].Title, out.Paid.Member.NameMasked, out.Paid.StoredValue.CardMasked} {
		if s != "xy" {
			t.Errorf("cleaned to %q", s)
		}
	}
	for _, s := range []string{sc.Title, sc.Lines[0].Name, sc.Offers[0].Title, sc.QR[0].Title, sc.Paid.Member.NameMasked, sc.Paid.StoredValue.CardMasked} {
		if s != bad {
			t.Errorf("the scene was changed to %q", s)
		}
	}
}

// Whatever comes in, what goes to the glass is bounded, valid, and has nothing
// that turns text around or piles up.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "茶", "\u202e\u0301\u0301\u0301", "\xff\xfe", "a\u200d\u200db", strings.Repeat("\u0489", 50)} {
		f.Add(s, 8)
	}
	f.Fuzz(func(t *testing.T, in string, max int) {
		max = 1 + (max&0xff+256)%256
		out := text(in, max)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		marks, letters := 0, 0
		for _, r := range out {
			switch {
			case unicode.Is(unicode.M, r):
				if marks++; marks > maxMarks {
					t.Fatalf("%q piles up", out)
				}
			case unicode.Is(unicode.Cc, r) && r != '\n', unicode.Is(unicode.Bidi_Control, r):
				t.Fatalf("%q has %U", out, r)
			default:
				marks = 0
				letters++
			}
		}
		if letters > max+1 {
			t.Fatalf("%d letters, %d allowed: %q", letters, max, out)
		}
	})
}
