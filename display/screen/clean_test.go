package screen

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"tilld/display"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"乌龙茶 500ml":                               "乌龙茶 500ml",
		"a\u202eb\u2066c\u200e":                   "abc",
		"tab\tnew\nline\r\x00":                    "tab new\nline",
		"e" + strings.Repeat("\u0301", 500) + "x": "e\u0301\u0301\u0301\u0301x",
		"\n\u0301x":                               "\nx",
		"` ^ ´":                                   "` ^ ´",
		"\u0301x":                                 "x",
		"👨\u200d👩":                                "👨\u200d👩",
		"\ufffd\ue000":                            "",
		strings.Repeat("长", 20):                   strings.Repeat("长", 15) + "…",
	} {
		if got := text(in, 15); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A text that is too long ends behind a character as readers count them.
func TestTextCutsBetweenCharacters(t *testing.T) {
	for name, c := range map[string]string{
		"family":          "👨🏽\u200d👩🏽\u200d👧🏽\u200d👦🏽",
		"couple":          "👩\u200d❤\ufe0f\u200d💋\u200d👨",
		"flag":            "🇨🇳",
		"keycap":          "1\ufe0f\u20e3",
		"Vietnamese":      "e\u0302\u0301",
		"Hebrew":          "\u05e9\u05c1\u05bc\u05b8\u0596",
		"Korean, in jamo": "\u1112\u1161\u11ab",
		"Hindi":           "\u0928\u093f",
		"Thai":            "\u0e17\u0e35\u0e48",
	} {
		t.Run(name, func(t *testing.T) {
			if n := uniseg.GraphemeClusterCount(c); n != 1 {
				t.Fatalf("%q is %d characters", c, n)
			}
			five := strings.Repeat(c, 5)
			if got := text(five, 5); got != five {
				t.Errorf("five of five: %+q, want %+q", got, five)
			}
			if got, want := text(five, 3), strings.Repeat(c, 3)+"…"; got != want {
				t.Errorf("three of five: %+q, want %+q", got, want)
			}
			if got, want := text("茶"+five, 1), "茶…"; got != want {
				t.Errorf("the second does not fit: %+q, want %+q", got, want)
			}
		})
	}
}

// What is one character by the rules but fills a line, or a page, is none.
func TestTextCutsCharactersWithoutEnd(t *testing.T) {
	for name, in := range map[string]string{
		"letters of a Korean syllable": strings.Repeat("\u1112", 1000),
		"a family of hundreds":         "👨" + strings.Repeat("\u200d👩", 500),
		"skins":                        "👨" + strings.Repeat("🏽", 500),
		"marks":                        "a" + strings.Repeat("\u0301\u0489\u0e49", 500),
		"marks, joined":                "a" + strings.Repeat("\u200d\u0301", 500),
		"selectors":                    "a" + strings.Repeat("\ufe0f", 500),
	} {
		if n := uniseg.GraphemeClusterCount(in); n != 1 {
			t.Fatalf("%s: %d characters", name, n)
		}
		if got := text(in, 40); utf8.RuneCountInString(got) > maxRunes || strings.HasSuffix(got, "\u200d") {
			t.Errorf("%s: %+q", name, got)
		}
	}
	// Each takes the room of its letters.
	if got := text(strings.Repeat(strings.Repeat("\u1112", 9)+" ", 10), 10); got != strings.Repeat(strings.Repeat("\u1112", 9)+" ", 2)[:2*9*3+1]+"…" {
		t.Errorf("%+q", got)
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
	f.Add("👨🏽\u200d👩🏽\u200d👧🏽\u200d👦🏽🇨🇳", 1)
	f.Add("\u0d4e e\u0302\u0301 \u1112\u1161\u11ab", 2)
	f.Fuzz(func(t *testing.T, in string, most int) {
		most = 1 + (most&0xff+256)%256
		out := text(in, most)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		marks := 0
		for _, r := range out {
			switch {
			case unicode.Is(unicode.Cc, r) && r != '\n', unicode.Is(unicode.Bidi_Control, r):
				t.Fatalf("%q has %U", out, r)
			case selects(r) || r == joiner:
			case unicode.Is(unicode.M, r):
				if marks++; marks > maxMarks {
					t.Fatalf("%q piles up", out)
				}
			default:
				marks = 0
			}
		}
		if n := uniseg.GraphemeClusterCount(out); n > most+1 || utf8.RuneCountInString(out) > n*maxRunes+1 {
			t.Fatalf("%d characters of %d runes, %d allowed: %q", n, utf8.RuneCountInString(out), most, out)
		}
		// What was cut was cut between characters, those too large left aside.
		kept, cut := strings.CutSuffix(out, "…")
		if s := visible(in); cut && strings.HasPrefix(s, kept) {
			at := 0
			for g := uniseg.NewGraphemes(s); at < len(kept) && g.Next(); {
				if c, _ := thin(g.Str()); c != g.Str() {
					return
				}
				_, at = g.Positions()
			}
			if at != len(kept) {
				t.Fatalf("%+q was cut in a character to %+q", in, out)
			}
		}
	})
}
