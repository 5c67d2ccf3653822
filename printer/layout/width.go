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
		if r >= 0xc0 && r <= 0x24f && r != '×' && r != '÷' {
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

// TextColumns returns the columns that text takes in the standard size.
func TextColumns(text string, caps printer.Caps) int {
	n := 0
	for _, r := range text {
		n += Columns(r, caps)
	}
	return n
}
