package screen

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"tilld/display"
)

// Longest texts on the glass, in characters as readers count them. What is longer is cut with an
// ellipsis: a product name must not push the total off the screen.
const (
	maxName  = 160
	maxTitle = 120
	maxText  = 600
	maxLines = 500
)

// Largest character. Nothing people write has more: four marks on a Hebrew
// letter, three letters in a Korean syllable, eleven code points in a family of
// four in their own skin colours.
const (
	maxMarks   = 4
	maxLetters = 3
	maxRunes   = 16
)

const joiner = '\u200d' // of emoji, and of letters in Indian scripts

// clean returns sc with every text made harmless to look at. Scenes are shared,
// so nothing of sc is changed.
func clean(sc display.Scene) display.Scene {
	sc.Title, sc.Text = text(sc.Title, maxTitle), text(sc.Text, maxText)
	sc.Lines = slices.Clone(sc.Lines)
	if n := len(sc.Lines); n > maxLines {
		sc.Lines = sc.Lines[n-maxLines:]
	}
	for i := range sc.Lines {
		sc.Lines[i].Name = text(sc.Lines[i].Name, maxName)
		sc.Lines[i].Unit = text(sc.Lines[i].Unit, 8)
		sc.Lines[i].Quantity = text(sc.Lines[i].Quantity, 16)
	}
	sc.Offers = slices.Clone(sc.Offers)
	for i := range sc.Offers {
		o := &sc.Offers[i]
		o.Title, o.Text, o.Brand = text(o.Title, maxTitle), text(o.Text, maxText), text(o.Brand, maxTitle)
	}
	sc.QR = slices.Clone(sc.QR)
	for i := range sc.QR {
		sc.QR[i].Title = text(sc.QR[i].Title, maxTitle)
	}
	if sc.Paid != nil {
		p := *sc.Paid
		if p.Member != nil {
			m := *p.Member
			m.IDMasked, m.NameMasked, m.Level = text(m.IDMasked, 40), text(m.NameMasked, 40), text(m.Level, 40)
			p.Member = &m
		}
		p.Coupons = slices.Clone(p.Coupons)
		for i := range p.Coupons {
			p.Coupons[i].Title, p.Coupons[i].Expires = text(p.Coupons[i].Title, maxTitle), text(p.Coupons[i].Expires, 40)
		}
		if p.StoredValue != nil {
			v := *p.StoredValue
			v.CardMasked = text(v.CardMasked, 40)
			p.StoredValue = &v
		}
		sc.Paid = &p
	}
	if sc.Lines == nil {
		sc.Lines = []display.Line{}
	}
	if sc.Offers == nil {
		sc.Offers = []display.Offer{}
	}
	if sc.QR == nil {
		sc.QR = []display.QR{}
	}
	return sc
}

// text removes control and formatting characters, which include those that
// turn the direction of writing around, thins out piles of combining marks, and
// cuts to most characters. A character is what a reader takes for one, a grapheme
// cluster (Unicode Standard Annex 29): a letter with its marks or a family of
// emoji stays whole or goes.
func text(s string, most int) string {
	if plain(s) && utf8.RuneCountInString(s) <= most {
		return s
	}
	s = visible(s)
	var b strings.Builder
	n, end, state := 0, 0, -1 // end is behind the last character that is no blank
	for s != "" {
		var c string
		c, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		c, letters := thin(c)
		if c == "" {
			continue
		}
		if n += 1 + max(0, letters-1)/maxLetters; n > most {
			return b.String()[:end] + "…"
		}
		b.WriteString(c)
		if c != " " && c != "\n" {
			end = b.Len()
		}
	}
	return b.String()
}

// plain reports whether s consists of what most names do: ASCII and Chinese
// characters, each of them a cluster.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < ' ' || r > '~') && (r < '\u4e00' || r > '\u9fff') })
}

// visible drops the characters that only steer how others are shown.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == joiner:
			return r
		case r == '\t':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
}

// thin cuts a cluster that no script needs: it keeps the first maxMarks marks and
// maxRunes in all, and nothing of marks that have no letter. It counts the
// letters side by side in it; emoji that are joined are one.
func thin(c string) (kept string, letters int) {
	var b strings.Builder
	runes, marks, before := 0, 0, rune(0)
	for _, r := range c {
		mark := unicode.Is(unicode.M, r)
		if runes == 0 && (mark || r == joiner) {
			return "", 0
		}
		if mark && !selects(r) {
			if marks++; marks > maxMarks {
				continue
			}
		}
		if runes++; runes > maxRunes {
			break
		}
		if !mark && r != joiner && before != joiner && (!tints(r) || runes == 1 || tints(before)) {
			letters++
		}
		b.WriteRune(r)
		before = r
	}
	return strings.TrimRight(b.String(), string(joiner)), letters
}

// selects reports whether r only chooses a form of what is before it.
func selects(r rune) bool { return r >= '\ufe00' && r <= '\ufe0f' }

// tints reports whether r gives the emoji before it a colour of skin.
func tints(r rune) bool { return r >= '\U0001f3fb' && r <= '\U0001f3ff' }
