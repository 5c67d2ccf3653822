package sim

import (
	"image"
	"image/color"
)

// maxPaper bounds one ticket: 4 m of paper at 8 dots a millimetre.
const maxPaper = 32_000

// paper is one ticket's dots, growing downwards. A set bit is black; bit 7 of a
// byte is the leftmost of its eight dots.
type paper struct {
	dots   int // across
	stride int // bytes a row
	rows   []byte
	y      int // where the head is
}

func newPaper(dots int) *paper { return &paper{dots: dots, stride: (dots + 7) / 8} }

// height is how many rows there are down to the head and to the lowest dot.
func (p *paper) height() int { return max(p.y, len(p.rows)/max(p.stride, 1)) }

// set blackens the dot at x, y rows below the head; outside the paper it is
// lost.
func (p *paper) set(x, y int) {
	y += p.y
	if x < 0 || x >= p.dots || y < 0 || y >= maxPaper {
		return
	}
	for len(p.rows) <= y*p.stride+x/8 {
		p.rows = append(p.rows, make([]byte, p.stride)...)
	}
	p.rows[y*p.stride+x/8] |= 0x80 >> (x % 8)
}

// flip turns black to white and back, for text printed in reverse.
func (p *paper) flip(x, y int) {
	if p.at(x, y+p.y) {
		p.rows[(y+p.y)*p.stride+x/8] &^= 0x80 >> (x % 8)
		return
	}
	p.set(x, y)
}

// at reads a dot by its absolute row.
func (p *paper) at(x, y int) bool {
	if x < 0 || x >= p.dots || y < 0 || (y+1)*p.stride > len(p.rows) {
		return false
	}
	return p.rows[y*p.stride+x/8]&(0x80>>(x%8)) != 0
}

// feed moves the head; up only as far as the ticket's beginning.
func (p *paper) feed(rows int) { p.y = min(max(p.y+rows, 0), maxPaper) }

// image is a picture of the rows from top to bottom (exclusive), with margin
// white dots around it.
func (p *paper) image(top, bottom, margin int) *image.Gray {
	top = max(top, 0)
	h := max(bottom-top, 1)
	img := image.NewGray(image.Rect(0, 0, p.dots+2*margin, h+2*margin))
	for i := range img.Pix {
		img.Pix[i] = 0xFF
	}
	for y := range h {
		for x := range p.dots {
			if p.at(x, top+y) {
				img.SetGray(x+margin, y+margin, color.Gray{})
			}
		}
	}
	return img
}
