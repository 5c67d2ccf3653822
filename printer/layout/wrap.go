package layout

import (
	"strings"

	"tilld/printer"
)

// char is one character in its style; columns is the width it takes, magnified.
type char struct {
	r       rune
	style   Style
	columns int
}

func (s Style) norm() Style {
	s.Width, s.Height = min(max(s.Width, 1), 8), min(max(s.Height, 1), 8)
	return s
}

// chars splits spans, or one text in one style, into clean characters.
func (c *composer) chars(spans []printer.Span, text string, style Style) []char {
	if len(spans) == 0 {
		return c.one(nil, clean(text, false), style.norm())
	}
	var list []char
	for _, s := range spans {
		own := Style{s.Width, s.Height, s.Bold, s.Underline, s.Invert}
		list = c.one(list, clean(s.Text, true), own.norm())
	}
	return list
}

func (c *composer) one(list []char, text string, style Style) []char {
	for _, r := range text {
		n := 0
		if r != '\n' {
			n = Columns(r, c.page.Caps) * style.Width
		}
		list = append(list, char{r, style, n})
	}
	return list
}

func rowColumns(row []char) int {
	n := 0
	for _, c := range row {
		n += c.columns
	}
	return n
}

// wrap breaks text into rows of at most columns: at spaces and between Chinese
// characters, or anywhere if any is set. A word that no row can hold begins
// behind what is before it. A character wider than the row is dropped. There is
// always at least one row.
func wrap(text []char, columns int, any bool) [][]char {
	var rows [][]char
	var row []char
	used := 0
	for i, c := range text {
		if c.r == '\n' {
			rows, row, used = append(rows, row), nil, 0
			continue
		}
		if c.columns > columns {
			continue
		}
		broke := false
		// What is carried over may leave no room for a magnified character either.
		for used+c.columns > columns {
			at := len(row)
			if !any {
				at = breakAt(row, c)
				if rowColumns(trimLeft(row[at:]))+wordColumns(text[i:], columns) > columns {
					at = len(row)
				}
			}
			rows = append(rows, trimRight(row[:at], any))
			row = append([]char(nil), row[at:]...)
			if !any {
				row = trimLeft(row)
			}
			used, broke = rowColumns(row), true
		}
		if broke && c.r == ' ' && len(row) == 0 && !any {
			continue
		}
		row, used = append(row, c), used+c.columns
	}
	return append(rows, row)
}

// breakAt returns how much of a full row stays in it when next follows.
func breakAt(row []char, next char) int {
	for at := len(row); at > 0; at-- {
		after := next
		if at < len(row) {
			after = row[at]
		}
		if mayBreak(row[at-1].r, after.r) {
			return at
		}
	}
	return len(row) // one long word
}

// wordColumns is how wide the word is that text begins with; most is wide enough
// to know.
func wordColumns(text []char, most int) int {
	n := 0
	for i, c := range text {
		if n > most || c.r == '\n' || c.r == ' ' || i > 0 && mayBreak(text[i-1].r, c.r) {
			break
		}
		n += c.columns
	}
	return n
}

// mayBreak reports whether a line may end between two characters.
func mayBreak(before, after rune) bool {
	switch {
	case strings.ContainsRune("，。、！？；：）】》〉」』”’%）｝］…", after), strings.ContainsRune("（【《〈「『“‘￥¥（｛［", before):
		return false
	case before == ' ':
		return true
	case after == ' ':
		return true
	case strings.ContainsRune("-/", before):
		return after < '0' || after > '9'
	}
	return before >= 0x2e80 || after >= 0x2e80
}

func trimRight(row []char, keep bool) []char {
	for !keep && len(row) > 0 && row[len(row)-1].r == ' ' && !row[len(row)-1].style.Underline && !row[len(row)-1].style.Invert {
		row = row[:len(row)-1]
	}
	return row
}

func trimLeft(row []char) []char {
	for len(row) > 0 && row[0].r == ' ' {
		row = row[1:]
	}
	return row
}

// runs joins characters of the same style.
func runs(row []char) []Run {
	var list []Run
	var b strings.Builder
	for i, c := range row {
		b.WriteRune(c.r)
		if i+1 == len(row) || row[i+1].style != c.style {
			list = append(list, Run{Text: b.String(), Style: c.style})
			b.Reset()
		}
	}
	return list
}

// blanks is n columns of nothing.
func blanks(n int) []char {
	row := make([]char, max(n, 0))
	for i := range row {
		row[i] = char{' ', Style{Width: 1, Height: 1}, 1}
	}
	return row
}

// place puts row into columns.
func place(row []char, columns int, a printer.Align) []char {
	space := max(columns-rowColumns(row), 0)
	left := 0
	switch a {
	case printer.Center:
		left = (space + 1) / 2
	case printer.Right:
		left = space
	}
	return append(append(blanks(left), row...), blanks(space-left)...)
}

// text lays out a paragraph.
func (c *composer) text(t printer.Text) {
	style := Style{t.Width, t.Height, t.Bold, t.Underline, t.Invert}
	line, columns := c.chars(t.Spans, t.Line, style), c.page.Caps.Columns
	indent := 0
	if t.Align != printer.Center && t.Align != printer.Right && !t.AnyBreak {
		indent = indentOf(line, columns)
	}
	for _, row := range wrap(line[indent:], columns-indent, t.AnyBreak) {
		c.addText(append(blanks(indent), place(row, columns-indent, t.Align)...))
	}
}

// indentOf is how many blanks a paragraph begins with: all of its rows do. A
// quarter of the paper is the most that counts.
func indentOf(line []char, columns int) int {
	n := 0
	for n < len(line) && n < columns/4 && line[n].r == ' ' && line[n].columns == 1 && !line[n].style.Underline && !line[n].style.Invert {
		n++
	}
	return n
}

// addText adds a row of text without the blanks at its end.
func (c *composer) addText(row []char) {
	for len(row) > 0 {
		last := row[len(row)-1]
		if last.r != ' ' || last.style.Underline || last.style.Invert {
			break
		}
		row = row[:len(row)-1]
	}
	c.add(TextRow{Runs: runs(row)})
}
