package atlas

import (
	"strings"
	"unicode"
)

const joiner = '\u200d'

// Single returns s with each emoji as one character, so that one without a glyph leaves one box and not
// several: skin colours, what is joined on by U+200D, the second letter of a flag, and variation
// selectors go. Joiners between letters stay, they belong to Indian scripts.
func Single(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == joiner || r == '\u20e3' || r >= 0xfe00 }) < 0 {
		return s
	}
	var (
		out    strings.Builder
		sign   bool // what was written last is a sign, no letter
		joined bool // after a joiner behind a sign
		flag   bool // after the first letter of a flag
	)
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Variation_Selector, r), r == '\u20e3': // the frame of a keycap
			continue
		case r == joiner && sign:
			joined = true
			continue
		case joined && isSign(r), sign && r >= 0x1f3fb && r <= 0x1f3ff:
			joined = false
			continue
		case flag && isLetterOfFlag(r):
			flag = false
			continue
		}
		sign, joined, flag = isSign(r), false, isLetterOfFlag(r)
		out.WriteRune(r)
	}
	return out.String()
}

func isSign(r rune) bool {
	return unicode.Is(unicode.So, r) || r >= 0x1f3fb && r <= 0x1f3ff || r >= 0x2190 && r <= 0x21ff
}

func isLetterOfFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
