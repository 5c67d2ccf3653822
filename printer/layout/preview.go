package layout

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"tilld/internal/atlas"
	"tilld/printer"
)

// Draw draws the page as the printer would print it.
func (p Page) Draw() (*Bitmap, error) {
	set, err := atlas.Load()
	if err != nil {
		return nil, err
	}
	b := NewBitmap(p.Caps.Dots, p.Dots())
	y := 0
	for _, row := range p.Rows {
		switch row := row.(type) {
		case TextRow:
			b.Paste(row.Draw(set, p), 0, y)
		case Picture:
			b.Paste(row.Bits, Left(row.Align, row.Bits.W, p.Caps.Dots), y)
		}
		y += row.Dots()
	}
	return b, nil
}

// Left is where a block w dots wide begins on a line of dots.
func Left(a printer.Align, w, dots int) int {
	switch a {
	case printer.Center:
		return max((dots-w)/2, 0)
	case printer.Right:
		return max(dots-w, 0)
	}
	return 0
}

// Render draws doc as the printer with caps would print it, one pixel a dot.
func Render(doc printer.Doc, caps printer.Caps) (*image.Gray, error) {
	page, err := Compose(doc, caps)
	if err != nil {
		return nil, err
	}
	bits, err := page.Draw()
	if err != nil {
		return nil, err
	}
	return bits.Gray(), nil
}

// maxPreview is how much of a receipt a preview shows, 10 m: it is for people,
// and a picture of more than that takes more memory than a till can spare.
const maxPreview = 80_000

// Paper around the printed dots of a preview.
const (
	sideMargin = 32 // 4 mm
	edgeMargin = 24
	tooth      = 8 // of the tear-off edge
)

// Preview is a picture of the receipt for people: the paper with its margins and
// torn edges, one pixel a dot, as a PNG file. What is outside of the paper is
// transparent.
func Preview(doc printer.Doc, caps printer.Caps) ([]byte, error) {
	page, err := Compose(doc, caps)
	if err != nil {
		return nil, err
	}
	page = page.first(maxPreview)
	bits, err := page.Draw()
	if err != nil {
		return nil, err
	}
	return encode(paper(bits, page.cuts()))
}

// first is the page without the rows that end below so many dots.
func (p Page) first(dots int) Page {
	for i, row := range p.Rows {
		if dots -= row.Dots(); dots < 0 {
			p.Rows = p.Rows[:i]
			break
		}
	}
	return p
}

// cuts are the heights at which the paper is cut, except at its very end.
func (p Page) cuts() []int {
	var at []int
	y := 0
	for _, row := range p.Rows {
		y += row.Dots()
		if _, cut := row.(CutRow); cut && y < p.Dots() {
			at = append(at, y)
		}
	}
	return at
}

const (
	nothing = iota
	white
	black
	shade
)

// paper lays the dots on a strip of paper. Cuts in the middle are dashed lines.
func paper(bits *Bitmap, cuts []int) *image.Paletted {
	w, h := bits.W+2*sideMargin, bits.H+2*(edgeMargin+tooth)
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{
		nothing: color.Transparent, white: color.Gray{Y: 0xff}, black: color.Gray{Y: 0x1a}, shade: color.Gray{Y: 0xc8},
	})
	for y := range h {
		for x := range w {
			// A zigzag of height tooth at both ends.
			depth := x % (2 * tooth)
			if depth > tooth {
				depth = 2*tooth - depth
			}
			edge := min(y, h-1-y)
			switch {
			case edge < depth:
				continue
			case edge == depth || x == 0 || x == w-1:
				img.Pix[y*img.Stride+x] = shade
			default:
				img.Pix[y*img.Stride+x] = white
			}
		}
	}
	for y := range bits.H {
		for x := range bits.W {
			if bits.Dot(x, y) {
				img.Pix[(y+edgeMargin+tooth)*img.Stride+x+sideMargin] = black
			}
		}
	}
	for _, y := range cuts {
		for x := range w {
			if x/6%2 == 0 {
				img.Pix[(y+edgeMargin+tooth)*img.Stride+x] = shade
			}
		}
	}
	return img
}

func encode(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
