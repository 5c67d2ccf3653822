package receiptline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tilld/printer"
)

// Escape makes any value safe to put into a document as text: it is printed as
// it is and can neither end a column nor change the style. Line breaks become
// spaces; control characters and byte order marks, which nobody sees, go: what is
// left without them could be a rule, or a letter with its accent.
func Escape(value string) string {
	value = strings.Map(func(r rune) rune {
		if r == '\ufeff' || unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\u0085", r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(value, "\ufffd"))
	var b strings.Builder
	for _, r := range norm.NFC.String(value) { // as Parse will: U+1FEF becomes a backquote
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case strings.ContainsRune("\\|{}~_\"`^", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	s := b.String()
	if t := strings.Trim(s, " "); t != "" && (strings.Trim(t, "-") == "" || strings.Trim(t, "=") == "") {
		return `\` + t
	}
	return s
}

var (
	controlEscape = regexp.MustCompile(`\\x(?i:[01][0-9a-f]|7f)`)
	hexEscape     = regexp.MustCompile(`\\x(?i:[0-9a-f]{2})`)
	styleEscape   = regexp.MustCompile("\\\\[-=_\"`^~]")
	token         = regexp.MustCompile("_|\"|`|\\^+|\n|[^_\"`^\n]+")
	otherEscape   = regexp.MustCompile(`\\(?s:[^x\n]|x$|x[^0-9a-fA-F]|x[0-9a-fA-F]$|x[0-9a-fA-F][^0-9a-fA-F])`)
)

// style splits the text of a column at the marks that switch its style.
func style(text string) []printer.Span {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	text = controlEscape.ReplaceAllString(text, "")
	text = styleEscape.ReplaceAllStringFunc(text, func(s string) string { return `\x` + strconv.FormatUint(uint64(s[1]), 16) })
	text = strings.ReplaceAll(text, `\n`, "\n")
	text = strings.ReplaceAll(text, "~", " ")
	var now printer.Span
	size := 0
	var list []printer.Span
	for _, t := range token.FindAllString(text, -1) {
		switch t[0] {
		case '_':
			now.Underline = !now.Underline
		case '"':
			now.Bold = !now.Bold
		case '`':
			now.Invert = !now.Invert
		case '^':
			n := min(len(t), 7)
			if n == size {
				n = 0
			}
			size = n
			now.Width, now.Height = magnify(n)
		default:
			if t = decode(t); t != "" {
				now.Text = t
				list = append(list, now)
			}
		}
	}
	if list == nil {
		list = []printer.Span{{}}
	}
	return list
}

// decode turns \xNN into characters and drops other escapes.
func decode(t string) string {
	t = otherEscape.ReplaceAllString(t, "")
	return hexEscape.ReplaceAllStringFunc(t, func(s string) string {
		n, err := strconv.ParseUint(s[2:], 16, 8)
		if err != nil || n < ' ' || n == 0x7f {
			return ""
		}
		return string(rune(n))
	})
}

// magnify returns the size that a run of n carets means.
func magnify(n int) (width, height int) {
	switch n {
	case 0:
		return 0, 0
	case 1:
		return 2, 1
	case 2:
		return 1, 2
	}
	return n - 1, n - 1
}
