package qr

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"
)

// Image draws the code with scale pixels a module and a border of quiet
// modules, black on white. Values below 1 and 0 are taken as 1 and 0.
func (c Code) Image(scale, quiet int) *image.Gray {
	scale, quiet = max(scale, 1), max(quiet, 0)
	side := (c.Size + 2*quiet) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	c.draw(img.Pix, img.Stride, scale, quiet, 0xff, 0)
	return img
}

func (c Code) draw(pix []byte, stride, scale, quiet int, light, dark byte) {
	for i := range pix {
		pix[i] = light
	}
	for y := range c.Size {
		first := (y + quiet) * scale
		row := pix[first*stride : (first+1)*stride]
		for x := range c.Size {
			if !c.At(x, y) {
				continue
			}
			for i := range scale {
				row[(x+quiet)*scale+i] = dark
			}
		}
		for i := 1; i < scale; i++ {
			copy(pix[(first+i)*stride:], row)
		}
	}
}

// PNG is Image as a picture file of two colours.
func (c Code) PNG(scale, quiet int) ([]byte, error) {
	scale, quiet = max(scale, 1), max(quiet, 0)
	side := (c.Size + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	c.draw(img.Pix, img.Stride, scale, quiet, 0, 1)
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// SVG draws the code as one path on a white ground; one unit is one module, so
// that it stays sharp when it is shown at a multiple of its size.
func (c Code) SVG(quiet int) string {
	quiet = max(quiet, 0)
	side := strconv.Itoa(c.Size + 2*quiet)
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + side + ` ` + side + `" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h` + side + `v` + side + `H0z"/><path fill="#000" d="`)
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			if !c.At(x, y) {
				continue
			}
			run := 1
			for c.At(x+run, y) {
				run++
			}
			b.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
			x += run
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}
