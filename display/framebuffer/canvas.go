package framebuffer

import (
	"fmt"
	"image"
	"math"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tilld/display"
	"tilld/internal/atlas"
	"tilld/internal/qr"
)

// box is a rectangle in pixels.
type box struct{ x, y, w, h int }

// canvas is a picture in the making; colours are 0xRRGGBB.
type canvas struct {
	w, h   int
	pix    []uint32
	set    *atlas.Set
	glyphs map[glyphKey]mask
}

type glyphKey struct {
	r    rune
	size int
	bold bool
}

// mask is how much of each pixel a glyph covers, 0 to 255.
type mask struct {
	w, h  int
	cover []byte
}

// maxGlyphs bounds the glyphs kept in their present sizes.
const maxGlyphs = 400

func newCanvas(w, h int, set *atlas.Set) *canvas {
	return &canvas{w: w, h: h, pix: make([]uint32, w*h), set: set, glyphs: make(map[glyphKey]mask)}
}

func (c *canvas) row(y int) []uint32 { return c.pix[y*c.w : (y+1)*c.w] }

// fill paints a rectangle.
func (c *canvas) fill(b box, colour uint32) {
	x0, x1 := max(0, b.x), min(c.w, b.x+b.w)
	y0, y1 := max(0, b.y), min(c.h, b.y+b.h)
	if x0 >= x1 || y0 >= y1 {
		return
	}
	first := c.row(y0)[x0:x1]
	for x := range first {
		first[x] = colour
	}
	for y := y0 + 1; y < y1; y++ {
		copy(c.row(y)[x0:x1], first)
	}
}

// blend puts colour over a pixel.
func (c *canvas) blend(x, y int, colour uint32, cover byte) {
	if x < 0 || y < 0 || x >= c.w || y >= c.h || cover == 0 {
		return
	}
	p := &c.pix[y*c.w+x]
	if cover == 255 {
		*p = colour
		return
	}
	a, out := uint32(cover), uint32(0)
	for shift := 0; shift <= 16; shift += 8 {
		old, add := *p>>shift&0xff, colour>>shift&0xff
		out |= (old*(255-a) + add*a + 127) / 255 << shift
	}
	*p = out
}

// stroke draws a line with round ends.
func (c *canvas) stroke(x0, y0, x1, y1, width float64, colour uint32) {
	r := width / 2
	dx, dy := x1-x0, y1-y0
	for y := int(min(y0, y1) - r - 1); y <= int(max(y0, y1)+r+1); y++ {
		for x := int(min(x0, x1) - r - 1); x <= int(max(x0, x1)+r+1); x++ {
			px, py := float64(x)+.5-x0, float64(y)+.5-y0
			t := min(1, max(0, (px*dx+py*dy)/(dx*dx+dy*dy)))
			c.blend(x, y, colour, covers(r-math.Hypot(px-t*dx, py-t*dy)+.5))
		}
	}
}

func covers(v float64) byte { return byte(255*min(1, max(0, v)) + .5) }

// code draws a QR code with its border as large as fits into b, with whole pixels
// for each module, and returns where it is; the zero box when it does not fit.
func (c *canvas) code(b box, symbol *qr.Code) box {
	n := symbol.Size + 2*qr.Quiet
	scale := min(b.w, b.h) / n
	if scale < minScale {
		return box{}
	}
	at := box{b.x + (b.w-n*scale)/2, b.y + (b.h-n*scale)/2, n * scale, n * scale}
	c.fill(at, 0xffffff)
	for y := range symbol.Size {
		for x := range symbol.Size {
			if symbol.At(x, y) {
				c.fill(box{at.x + (x+qr.Quiet)*scale, at.y + (y+qr.Quiet)*scale, scale, scale}, 0)
			}
		}
	}
	return at
}

// gray is a part of the picture as a reader of codes wants it.
func (c *canvas) gray(b box) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, b.w, b.h))
	for y := range b.h {
		for x := range b.w {
			p := c.pix[(b.y+y)*c.w+b.x+x]
			img.Pix[y*img.Stride+x] = uint8((p>>16&0xff*299 + p>>8&0xff*587 + p&0xff*114) / 1000)
		}
	}
	return img
}

// advance is how far a character moves on at a size (its height in pixels).
func advance(r rune, size int) int { return size * display.RuneCells(r) / 2 }

// drawn reports whether a character is drawn at all: control, formatting and
// combining characters are not.
func drawn(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(unicode.M, r) }

// single has letters and their accents in one character, and each emoji.
func single(s string) string { return atlas.Single(norm.NFC.String(s)) }

// width is that of a line of text at a size.
func width(s string, size int) int {
	w := 0
	for _, r := range single(s) {
		if drawn(r) {
			w += advance(r, size)
		}
	}
	return w
}

// text draws a line with its upper left corner at x, y.
func (c *canvas) text(x, y int, s string, size int, bold bool, colour uint32) {
	for _, r := range single(s) {
		if !drawn(r) {
			continue
		}
		g := c.glyph(r, size, bold)
		for gy := range g.h {
			for gx := range g.w {
				c.blend(x+gx, y+gy, colour, g.cover[gy*g.w+gx])
			}
		}
		x += advance(r, size)
	}
}

// glyph scales the atlas's dots to a size. Between the dots the cover runs
// smoothly, and its edge is sharp at every size, so that large figures are round.
func (c *canvas) glyph(r rune, size int, bold bool) mask {
	key := glyphKey{r, size, bold}
	if g, ok := c.glyphs[key]; ok {
		return g
	}
	if len(c.glyphs) >= maxGlyphs {
		clear(c.glyphs)
	}
	g := mask{w: advance(r, size), h: size}
	g.cover = make([]byte, g.w*g.h)
	dots, real, ok := c.set.Glyph(r, display.RuneCells(r), bold)
	if !ok {
		dots, real = hollow(display.RuneCells(r)), true
	}
	// Where the cover counts as ink: lower means fatter. What has no bold form of
	// its own gets one that way.
	edge := 0.42
	if bold && !real {
		edge = 0.26
	}
	scale := float64(size) / atlas.Height
	sharp, n := max(scale, .5/edge), 1 // .5/edge: no ink is no cover
	if scale < 1 {
		n = 3 // points sampled a side
	}
	for y := range g.h {
		for x := range g.w {
			sum := 0.0
			for i := range n * n {
				sx := (float64(x)+(float64(i%n)+.5)/float64(n))/scale - .5
				sy := (float64(y)+(float64(i/n)+.5)/float64(n))/scale - .5
				sum += between(dots, sx, sy)
			}
			v := sum / float64(n*n)
			if scale >= 1 {
				v = (v-edge)*sharp + .5
			} else {
				v *= 1.25 // thin strokes fade when they shrink
			}
			g.cover[y*g.w+x] = covers(v)
		}
	}
	c.glyphs[key] = g
	return g
}

// between is a glyph's cover at a point between its dots: a quadratic B-spline
// through three by three of them, which turns the steps of slanted strokes into
// lines.
func between(g atlas.Glyph, x, y float64) float64 {
	x0, y0 := math.Round(x), math.Round(y)
	wx, wy := spline(x-x0), spline(y-y0)
	sum := 0.0
	for dy := range 3 {
		for dx := range 3 {
			px, py := int(x0)+dx-1, int(y0)+dy-1
			if px < 0 || py < 0 || px >= g.Width || py >= atlas.Height || g.Rows[py*g.Stride()+px/8]&(0x80>>(px%8)) == 0 {
				continue
			}
			sum += wx[dx] * wy[dy]
		}
	}
	return sum
}

// spline is the weight of the dots before, at and after a point that lies t from
// the middle one, -0.5 to 0.5.
func spline(t float64) [3]float64 {
	return [3]float64{(.5 - t) * (.5 - t) / 2, .75 - t*t, (.5 + t) * (.5 + t) / 2}
}

// hollow is the box for a character that the atlas does not have.
func hollow(cells int) atlas.Glyph {
	g := atlas.Glyph{Width: 12 * cells}
	g.Rows = make([]byte, atlas.Height*g.Stride())
	for y := 4; y <= 19; y++ {
		for x := 2; x < g.Width-2; x++ {
			if y == 4 || y == 19 || x == 2 || x == g.Width-3 {
				g.Rows[y*g.Stride()+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return g
}

func size(m mode) string { return fmt.Sprintf("%dx%d, %d bits", m.width, m.height, m.bits) }
