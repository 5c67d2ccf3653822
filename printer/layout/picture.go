package layout

import (
	"bytes"
	"image"
	"image/color"
	stddraw "image/draw"
	"image/png"

	"golang.org/x/image/draw"

	"tilld/printer"
)

// Limits of a picture before it is scaled.
const (
	maxPNG    = 2 << 20    // bytes
	maxPixels = 16_000_000 // a bomb of zeros is no picture
	maxHigh   = 4000       // dots on paper, half a metre
)

// image lays out a picture: on white, scaled down to the paper, dithered by
// Floyd and Steinberg's method. Pictures in pure black and white that fit come
// out as they are.
func (c *composer) image(b printer.Image) error {
	if c.page.Caps.TextOnly {
		return refuse("a picture on a printer that prints no dots")
	}
	if len(b.PNG) > maxPNG {
		return refuse("a picture of %d bytes, at most %d are printed", len(b.PNG), maxPNG)
	}
	head, err := png.DecodeConfig(bytes.NewReader(b.PNG))
	if err != nil {
		return refuse("the picture is no PNG: %w", err)
	}
	if head.Width < 1 || head.Height < 1 || head.Width > maxPixels/head.Height {
		return refuse("a picture of %d x %d pixels", head.Width, head.Height)
	}
	img, err := png.Decode(bytes.NewReader(b.PNG))
	if err != nil {
		return refuse("the picture is no PNG: %w", err)
	}
	w, h := head.Width, head.Height
	if limit := c.page.Caps.Dots / 8 * 8; w > limit {
		w, h = limit, max((h*limit+w/2)/w, 1)
	}
	if h > maxHigh {
		return refuse("a picture %d dots high, at most %d are printed", h, maxHigh)
	}
	gray := image.NewGray(image.Rect(0, 0, w, h))
	stddraw.Draw(gray, gray.Rect, image.White, image.Point{}, stddraw.Src)
	if w == head.Width {
		stddraw.Draw(gray, gray.Rect, img, img.Bounds().Min, stddraw.Over)
	} else {
		draw.CatmullRom.Scale(gray, gray.Rect, img, img.Bounds(), stddraw.Over, nil)
	}
	c.add(Picture{Bits: dither(gray), Align: b.Align})
	return nil
}

// dither turns gray into dots; the width is rounded up to whole bytes with white.
func dither(gray *image.Gray) *Bitmap {
	two := image.NewPaletted(gray.Rect, color.Palette{color.White, color.Black})
	stddraw.FloydSteinberg.Draw(two, two.Rect, gray, image.Point{})
	bits := NewBitmap((gray.Rect.Dx()+7)/8*8, gray.Rect.Dy())
	for y := range gray.Rect.Dy() {
		for x := range gray.Rect.Dx() {
			if two.Pix[y*two.Stride+x] == 1 {
				bits.Set(x, y)
			}
		}
	}
	return bits
}
