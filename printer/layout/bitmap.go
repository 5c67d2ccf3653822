package layout

import (
	"bytes"
	"image"
	"image/color"
)

// Bitmap is a picture of black and white dots. It is an [image.Image].
type Bitmap struct {
	W, H int
	Pix  []byte // rows of Stride bytes, most significant bit left, 1 is black
}

// NewBitmap returns a white bitmap.
func NewBitmap(w, h int) *Bitmap {
	w, h = max(w, 0), max(h, 0)
	return &Bitmap{W: w, H: h, Pix: make([]byte, (w+7)/8*h)}
}

// Stride is the number of bytes in a row.
func (b *Bitmap) Stride() int { return (b.W + 7) / 8 }

// Dot reports whether a dot is black; outside all is white.
func (b *Bitmap) Dot(x, y int) bool {
	if x < 0 || y < 0 || x >= b.W || y >= b.H {
		return false
	}
	return b.Pix[y*b.Stride()+x/8]&(0x80>>(x%8)) != 0
}

// Set blackens a dot; outside it does nothing.
func (b *Bitmap) Set(x, y int) {
	if x < 0 || y < 0 || x >= b.W || y >= b.H {
		return
	}
	b.Pix[y*b.Stride()+x/8] |= 0x80 >> (x % 8)
}

// Fill blackens a rectangle.
func (b *Bitmap) Fill(x, y, w, h int) {
	for j := y; j < y+h; j++ {
		for i := x; i < x+w; i++ {
			b.Set(i, j)
		}
	}
}

// Flip inverts a rectangle.
func (b *Bitmap) Flip(x, y, w, h int) {
	for j := max(y, 0); j < min(y+h, b.H); j++ {
		for i := max(x, 0); i < min(x+w, b.W); i++ {
			b.Pix[j*b.Stride()+i/8] ^= 0x80 >> (i % 8)
		}
	}
}

// Paste blackens the dots of src with its corner at x, y.
func (b *Bitmap) Paste(src *Bitmap, x, y int) {
	if x%8 == 0 && x >= 0 && y >= 0 && x+src.W <= b.W && y+src.H <= b.H && src.W%8 == 0 {
		for j := range src.H {
			to := b.Pix[(y+j)*b.Stride()+x/8:]
			for i, v := range src.Pix[j*src.Stride() : (j+1)*src.Stride()] {
				to[i] |= v
			}
		}
		return
	}
	for j := range src.H {
		for i := range src.W {
			if src.Dot(i, j) {
				b.Set(x+i, y+j)
			}
		}
	}
}

// Blank reports whether row y has no black dot.
func (b *Bitmap) Blank(y int) bool {
	return len(bytes.TrimLeft(b.Pix[y*b.Stride():(y+1)*b.Stride()], "\x00")) == 0
}

// Gray returns the picture in 8 bits a dot.
func (b *Bitmap) Gray() *image.Gray {
	img := image.NewGray(image.Rect(0, 0, b.W, b.H))
	for y := range b.H {
		from, to := b.Pix[y*b.Stride():(y+1)*b.Stride()], img.Pix[y*img.Stride:(y+1)*img.Stride]
		for x := range to {
			if from[x/8]&(0x80>>(x%8)) == 0 {
				to[x] = 0xff
			}
		}
	}
	return img
}

// ColorModel, Bounds and At make a Bitmap an image.
func (b *Bitmap) ColorModel() color.Model { return color.GrayModel }
func (b *Bitmap) Bounds() image.Rectangle { return image.Rect(0, 0, b.W, b.H) }
func (b *Bitmap) At(x, y int) color.Color {
	if b.Dot(x, y) {
		return color.Gray{}
	}
	return color.Gray{Y: 0xff}
}
