package layout

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tilld/internal/atlas"
)

// Clean makes text from anywhere safe to lay out: composed (NFC), valid UTF-8,
// without control characters, direction overrides, joiners and other invisible
// characters, and with each emoji as one character. Line breaks and tabs become
// one space each.
func Clean(s string) string { return clean(s, false) }

// clean keeps '\n' if breaks is set.
func clean(s string, breaks bool) string {
	if plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune { // before composing: a letter and its accent belong together
		if r == '\ufeff' || unicode.IsControl(r) && !strings.ContainsRune("\t\n\u0085", r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = atlas.Single(norm.NFC.String(s))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && breaks:
			return r
		case r == '\t', r == '\n', r == '\u0085', r == '\u00a0', unicode.In(r, unicode.Zl, unicode.Zp), unicode.Is(unicode.Zs, r) && r != '\u3000':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Mn, unicode.Me), unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		return r
	}, s)
}

// plain reports whether s is printable ASCII, as most text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
