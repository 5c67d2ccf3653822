package camera

import (
	"fmt"
	"image"
	"image/color"
)

// MaxPixels is the largest frame that is looked at, in pixels. It bounds what a
// frame costs: 4 bytes a pixel while a PNG is unpacked, 1 after that.
const MaxPixels = 16_000_000

// gray makes a gray picture of a frame, reduced by a whole factor until it has at
// most limit pixels. A frame that is gray already, or has a plane of brightness
// (JPEG), is used without a copy if it is small enough.
func gray(img image.Image, limit int) (*image.Gray, error) {
	size := img.Bounds().Size()
	if size.X < 1 || size.Y < 1 || size.X > MaxPixels/size.Y {
		return nil, fmt.Errorf("a frame of %d x %d pixels", size.X, size.Y)
	}
	g, ok := plane(img)
	if !ok {
		g = image.NewGray(image.Rect(0, 0, size.X, size.Y))
		b := img.Bounds()
		for y := range size.Y {
			for x := range size.X {
				g.Pix[y*g.Stride+x] = brightness(img, b.Min.X+x, b.Min.Y+y)
			}
		}
	}
	factor := 1
	for size.X/factor*(size.Y/factor) > limit {
		factor++
	}
	return reduce(g, factor), nil
}

// plane returns the brightness of pictures that hold it as it is.
func plane(img image.Image) (*image.Gray, bool) {
	b := img.Bounds()
	switch p := img.(type) {
	case *image.Gray:
		return &image.Gray{Pix: p.Pix[p.PixOffset(b.Min.X, b.Min.Y):], Stride: p.Stride, Rect: image.Rect(0, 0, b.Dx(), b.Dy())}, true
	case *image.YCbCr:
		return &image.Gray{Pix: p.Y[p.YOffset(b.Min.X, b.Min.Y):], Stride: p.YStride, Rect: image.Rect(0, 0, b.Dx(), b.Dy())}, true
	}
	return nil, false
}

// brightness is that of one pixel on white paper (BT.601, as image/color).
func brightness(img image.Image, x, y int) byte {
	var r, g, b, a uint32
	switch p := img.(type) { // without an allocation for each pixel
	case *image.RGBA:
		r, g, b, a = p.RGBAAt(x, y).RGBA()
	case *image.NRGBA:
		r, g, b, a = p.NRGBAAt(x, y).RGBA()
	case *image.Paletted:
		r, g, b, a = p.Palette[p.ColorIndexAt(x, y)].RGBA()
	default:
		r, g, b, a = img.At(x, y).RGBA()
	}
	r, g, b = r+0xffff-a, g+0xffff-a, b+0xffff-a
	return byte((19595*r + 38470*g + 7471*b + 1<<15) >> 24)
}

// reduce averages squares of factor x factor pixels.
func reduce(g *image.Gray, factor int) *image.Gray {
	if factor == 1 {
		return g
	}
	w, h := g.Rect.Dx()/factor, g.Rect.Dy()/factor
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sum := 0
			for dy := range factor {
				at := (y*factor+dy)*g.Stride + x*factor
				for _, v := range g.Pix[at : at+factor] {
					sum += int(v)
				}
			}
			out.SetGray(x, y, color.Gray{Y: byte(sum / (factor * factor))})
		}
	}
	return out
}

// turn rotates a quarter to the left.
func turn(g *image.Gray) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, h, w))
	for y := range h {
		row := g.Pix[y*g.Stride : y*g.Stride+w]
		for x, v := range row {
			out.Pix[(w-1-x)*out.Stride+y] = v
		}
	}
	return out
}
