package layout

import (
	"fmt"

	"tilld/internal/fault"
	"tilld/printer"
)

// Limits of one document. A roll has about 80 m of paper; the largest sale, with
// each of its 300 lines discounted, takes a third of that in three copies.
const (
	MaxBlocks   = 8000
	MaxDots     = 250_000 // 31 m at 203 dpi
	MaxPictures = 50      // codes and pictures
)

// LineDots is the height of a line of text in the standard size, with the gap to
// the next.
const LineDots = 30

// Page is a document laid out for one paper, from top to bottom.
type Page struct {
	Caps printer.Caps
	Rows []Row
}

// Row is one of [TextRow], [Picture], [Space], [CutRow] and [Kick].
type Row interface {
	// Dots is the height in dots.
	Dots() int
}

// Style is how a run of text looks; Width and Height are 1 to 8.
type Style struct {
	Width, Height           int
	Bold, Underline, Invert bool
}

// Run is text in one style.
type Run struct {
	Text string
	Style
}

type (
	// TextRow is one line of text from the left edge, spaces included.
	TextRow struct {
		Runs []Run
		// Ruled is set when the row has box drawing that joins its neighbours: it
		// can only be printed as dots, without gap.
		Ruled bool
		// Thin is set for a ruled row that is only a horizontal line.
		Thin bool
	}
	// Picture is a block of dots.
	Picture struct {
		Bits  *Bitmap
		Align printer.Align
		// Payload is what the picture must read as when it is scanned, "" for
		// pictures that are no codes; Symbology names the code.
		Payload, Symbology string
		// Module is the dots a module and Level the error correction of a QR code
		// that the printer may make itself; 0 for everything else. White is the quiet
		// zone at its four sides in dots.
		Module, White int
		Level         string
		// Rule is set for a line across the paper; printers without graphics print
		// dashes, or equals signs when it is double.
		Rule, Double bool
	}
	// Space is blank paper.
	Space struct{ Height int }
	// CutRow cuts the paper.
	CutRow struct{}
	// Kick opens the cash drawer on pin 2 or 5.
	Kick struct{ Pin int }
)

// Dots of a text row: its highest run and the gap to the next row.
func (t TextRow) Dots() int {
	if t.Thin {
		return thinDots
	}
	return 24*t.height() + LineDots - 24
}

// thinDots is the height of a horizontal line of a box.
const thinDots = 10

func (t TextRow) height() int {
	h := 1
	for _, r := range t.Runs {
		h = max(h, r.Height)
	}
	return h
}

func (p Picture) Dots() int { return p.Bits.H }
func (s Space) Dots() int   { return s.Height }
func (CutRow) Dots() int    { return 0 }
func (Kick) Dots() int      { return 0 }

// Text returns the characters of the row, double-width ones with nothing to
// mark their width.
func (t TextRow) Text() string {
	s := ""
	for _, r := range t.Runs {
		s += r.Text
	}
	return s
}

// Dots is the length of the page.
func (p Page) Dots() int {
	n := 0
	for _, r := range p.Rows {
		n += r.Dots()
	}
	return n
}

// Compose lays doc out for the paper of caps. What cannot be printed legibly is
// refused (fault.Refused) with the reason: a code too dense for the paper, a
// picture that is no PNG, an amount wider than the paper.
func Compose(doc printer.Doc, caps printer.Caps) (Page, error) {
	c := composer{page: Page{Caps: caps}}
	if len(doc) > MaxBlocks {
		return Page{}, refuse("a document of %d blocks, at most %d are printed", len(doc), MaxBlocks)
	}
	for i, b := range doc {
		var next printer.Block
		if i+1 < len(doc) {
			next = doc[i+1]
		}
		if err := c.block(b, next); err != nil {
			return Page{}, err
		}
		if c.dots > MaxDots {
			return Page{}, refuse("a document longer than %d dots of paper", MaxDots)
		}
	}
	c.closeBox()
	return c.page, nil
}

func refuse(format string, args ...any) error {
	return fault.New(fault.Refused, "printer", "lay out", fmt.Errorf(format, args...))
}

// composer lays out one document. box holds the columns at which the ruled row
// above has vertical lines, nil when no box is open; joint asks for a horizontal
// line before the next ruled row.
type composer struct {
	page  Page
	dots  int
	box   []int
	joint bool

	pictures int
}

func (c *composer) add(rows ...Row) {
	for _, r := range rows {
		c.dots += r.Dots()
		c.page.Rows = append(c.page.Rows, r)
	}
}

func (c *composer) block(b, next printer.Block) error {
	if _, rule := b.(printer.Rule); !rule {
		if cols, ok := b.(printer.Columns); !ok || cols.Border != printer.Lines {
			c.closeBox()
		}
	}
	switch b := b.(type) {
	case printer.Text:
		c.text(b)
	case printer.Columns:
		return c.columns(b)
	case printer.QR, printer.Barcode, printer.Image:
		err := c.picture(b)
		if fault.KindOf(err) == fault.Refused && c.instead(b) {
			return nil
		}
		return err
	case printer.Rule:
		c.rule(b, next)
	case printer.Feed:
		c.add(Space{Height: LineDots * min(max(b.Lines, 0), 100)})
	case printer.Cut:
		c.add(CutRow{})
	case printer.OpenDrawer:
		return c.drawer(b)
	}
	return nil
}

func (c *composer) picture(b printer.Block) error {
	if c.pictures++; c.pictures > MaxPictures {
		return refuse("more than %d codes and pictures", MaxPictures)
	}
	switch b := b.(type) {
	case printer.QR:
		return c.qr(b)
	case printer.Barcode:
		return c.barcode(b)
	case printer.Image:
		return c.image(b)
	}
	return nil
}

// maxInstead is the longest content of a code, in bytes, that a person may be
// expected to type from a receipt.
const maxInstead = 128

// instead puts text in the place of a code that this printer or paper cannot
// show; false when the document is nothing without it.
func (c *composer) instead(b printer.Block) bool {
	payload, caption, optional := "", "", false
	align := printer.Center
	switch b := b.(type) {
	case printer.QR:
		payload, caption, optional = b.Payload, b.Caption, b.Optional
		align = b.Align
	case printer.Barcode:
		payload, optional = b.Data, b.Optional
		align = b.Align
	case printer.Image:
		optional = b.Optional
	}
	if !optional || payload == "" || len(payload) > maxInstead {
		return optional
	}
	if align == "" {
		align = printer.Center
	}
	if caption != "" && caption != payload {
		c.text(printer.Text{Line: caption, Align: align})
	}
	c.text(printer.Text{Line: payload, Align: align})
	return true
}

func (c *composer) drawer(b printer.OpenDrawer) error {
	switch b.Pin {
	case 0, 2:
		c.add(Kick{Pin: 2})
	case 5:
		c.add(Kick{Pin: 5})
	default:
		return refuse("a drawer on pin %d; there are 2 and 5", b.Pin)
	}
	return nil
}

// rule draws a line across the paper, or a joint inside a box.
func (c *composer) rule(b printer.Rule, next printer.Block) {
	if c.box != nil {
		switch next := next.(type) {
		case printer.Rule:
			return // several in a row are one
		case printer.Columns:
			if next.Border == printer.Lines {
				c.joint = true // the next row draws it: it knows its own columns
				return
			}
		}
		c.closeBox()
		return
	}
	columns := c.page.Caps.Columns
	if b.Columns > 0 {
		columns = min(b.Columns, columns)
	}
	dots := columns * CellDots
	if columns == c.page.Caps.Columns {
		dots = c.page.Caps.Dots
	}
	const thick = 2
	height := thick
	if b.Double {
		height = 3 * thick
	}
	bits := NewBitmap(dots/8*8, height)
	bits.Fill(0, 0, bits.W, thick)
	bits.Fill(0, height-thick, bits.W, thick)
	above := (ruleDots - height) / 2
	c.add(Space{Height: above}, Picture{Bits: bits, Align: b.Align, Rule: true, Double: b.Double}, Space{Height: ruleDots - height - above})
}

// ruleDots is the height of a line across the paper with the white around it.
const ruleDots = 24
