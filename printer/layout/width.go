package layout

import (
	"golang.org/x/text/width"

	"tilld/printer"
)

// CellDots is the width of one column in dots, font A of receipt printers; a
// Chinese character takes two.
const CellDots = 12

// Columns returns how many columns r takes in the standard size: 1 or 2. On a
// printer with a Chinese character set everything that it prints from that set
// is two columns wide, ± and × too; letters with accents are not, because they
// are drawn as dots.
func Columns(r rune, caps printer.Caps) int {
	if r < 0x80 {
		return 1
	}
	if caps.Chinese {
		if Accented(r) || r >= 0x660 && r <= 0x669 || r >= 0x6f0 && r <= 0x6f9 { // digits of Arabic and Persian
			return 1
		}
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Accented reports whether r is a Latin letter with an accent, those of Vietnamese
// included. Chinese printers have some of them, as wide as a Chinese character: they
// look better as dots.
func Accented(r rune) bool {
	return r >= 0xc0 && r <= 0x24f && r != '×' && r != '÷' || r >= 0x1e00 && r <= 0x1eff
}

// TextColumns returns the columns that text takes in the standard size.
func TextColumns(text string, caps printer.Caps) int {
	n := 0
	for _, r := range text {
		n += Columns(r, caps)
	}
	return n
}
