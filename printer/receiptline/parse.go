package receiptline

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"tilld/internal/fault"
	"tilld/printer"
)

// Limits of one document.
const (
	MaxBytes = 1 << 20
	MaxLines = 2000
)

// Parse reads a document. It always ends with a cut. Lines that the language
// calls wrong (a stray brace, a property beside text) print nothing, as it
// demands; the property "command" and a document beyond the limits are refused
// (fault.Refused), with the line.
func Parse(src string) (printer.Doc, error) {
	if len(src) > MaxBytes {
		return nil, refuse("%d bytes, at most %d are printed", len(src), MaxBytes)
	}
	src = norm.NFC.String(strings.ToValidUTF8(strings.TrimPrefix(src, "\ufeff"), "\ufffd"))
	src = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src)
	lines := strings.Split(src, "\n")
	if len(lines) > MaxLines {
		return nil, refuse("%d lines, at most %d are printed", len(lines), MaxLines)
	}
	p := parser{wrap: true, border: printer.Gap, align: printer.Center, option: defaults()}
	for i, line := range lines {
		if err := p.line(line, i == len(lines)-1); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if !p.ended() {
		p.doc = append(p.doc, printer.Cut{})
	}
	return p.doc, nil
}

func (p *parser) ended() bool {
	if len(p.doc) == 0 {
		return false
	}
	_, cut := p.doc[len(p.doc)-1].(printer.Cut)
	return cut
}

func refuse(format string, args ...any) error {
	return fault.New(fault.Refused, "receiptline", "parse", fmt.Errorf(format, args...))
}

// parser is the state that the language keeps from line to line.
type parser struct {
	doc    printer.Doc
	wrap   bool
	border printer.Border
	widths []int // -1 is flexible; none: all flexible
	align  printer.Align
	option option
	ruled  bool // a box is open
}

// column is one piece of a line between pipes.
type column struct {
	align printer.Align
	text  string
	props []property
	err   bool
}

// line reads one line.
func (p *parser) line(line string, last bool) error {
	columns := split(line)
	if last && len(columns) == 1 && columns[0].text == "" && columns[0].props == nil && strings.Trim(line, " \t") == "" {
		return nil // what follows the last line feed is no line
	}
	text := true
	for _, c := range columns {
		if c.err || c.props != nil {
			text = false
		}
	}
	switch {
	case text && len(columns) == 1 && columns[0].text != "" && strings.Trim(columns[0].text, "-") == "":
		p.rule()
	case text && len(columns) == 1 && columns[0].text != "" && strings.Trim(columns[0].text, "=") == "":
		p.add(printer.Cut{})
	case text:
		p.text(columns)
	case len(columns) == 1 && columns[0].props != nil:
		return p.properties(columns[0])
	default:
		for _, c := range columns {
			if err := forbidden(c.props); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parser) add(b printer.Block) {
	if _, ok := b.(printer.Columns); !ok {
		p.ruled = false
	}
	p.doc = append(p.doc, b)
}

// rule draws a line; a box draws its own upper edge.
func (p *parser) rule() {
	switch {
	case p.border != printer.Lines:
		p.add(printer.Rule{Columns: p.total(), Align: p.align})
	case p.ruled:
		p.doc = append(p.doc, printer.Rule{})
	}
}

// total is how many columns a row takes, 0 for all of the paper.
func (p *parser) total() int {
	n, cells := 0, 0
	for _, w := range p.widths {
		if w < 0 {
			return 0
		}
		if w > 0 {
			n, cells = n+w, cells+1
		}
	}
	if n == 0 {
		return 0
	}
	switch p.border {
	case printer.Gap:
		n += cells - 1
	case printer.WideGap:
		n += 2 * (cells - 1)
	}
	return n
}

// split cuts a line into its columns.
func split(line string) []column {
	line = strings.Trim(line, " \t")
	line = strings.NewReplacer(`\\`, `\x5c`, `\{`, `\x7b`, `\|`, `\x7c`, `\}`, `\x7d`).Replace(line)
	if before, _, piped := strings.Cut(line, "|"); piped && before != "" && !blank(before[len(before)-1]) {
		line = " " + line
	}
	if i := strings.LastIndexByte(line, '|'); i >= 0 && i+1 < len(line) && !blank(line[i+1]) {
		line += " "
	}
	line = strings.TrimPrefix(line, "|")
	line = strings.TrimSuffix(line, "|")
	var list []column
	for part := range strings.SplitSeq(line, "|") {
		list = append(list, newColumn(part))
	}
	return list
}

func blank(b byte) bool { return b == ' ' || b == '\t' }

// newColumn finds what a column holds and where its text sticks: to the pipe it
// touches, or to the middle.
func newColumn(part string) column {
	c := column{align: printer.Center}
	left, right := part != "" && blank(part[0]), part != "" && blank(part[len(part)-1])
	switch {
	case left && !right:
		c.align = printer.Right
	case right && !left:
		c.align = printer.Left
	}
	c.text = strings.Trim(part, " \t")
	inner, open := strings.CutPrefix(c.text, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	switch {
	case open && closed && !strings.ContainsAny(inner, "{}"):
		c.props = properties(inner)
	case strings.ContainsAny(c.text, "{}"):
		c.err = true
	}
	return c
}

// text adds a line of text columns.
func (p *parser) text(columns []column) {
	spans := make([][]printer.Span, len(columns))
	for i, c := range columns {
		spans[i] = style(c.text)
	}
	if len(columns) == 1 && len(p.widths) == 0 && p.border != printer.Lines && p.wrap {
		p.add(printer.Text{Spans: spans[0], Align: columns[0].align, AnyBreak: true})
		return
	}
	row := printer.Columns{Border: p.border, Align: p.align, NoWrap: !p.wrap, AnyBreak: true}
	for i := range max(len(columns), len(p.widths)) {
		cell := printer.Cell{Align: printer.Center}
		if i < len(columns) {
			cell.Spans, cell.Align = spans[i], columns[i].align
		}
		switch {
		case i >= len(p.widths) && len(p.widths) > 0, i < len(p.widths) && p.widths[i] == 0:
			continue
		case i < len(p.widths) && p.widths[i] > 0:
			cell.Width = p.widths[i]
		}
		row.Cells = append(row.Cells, cell)
	}
	if len(row.Cells) == 0 {
		return
	}
	p.ruled = p.border == printer.Lines
	p.add(row)
}
