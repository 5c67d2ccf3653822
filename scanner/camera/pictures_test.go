package camera

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// code draws a code, scale pixels a module, with a quiet zone.
func code(t testing.TB, format gozxing.BarcodeFormat, text string, scale int) *image.Gray {
	t.Helper()
	var w gozxing.Writer
	bars := true
	switch format {
	case gozxing.BarcodeFormat_QR_CODE:
		w, bars = qrcode.NewQRCodeWriter(), false
	case gozxing.BarcodeFormat_DATA_MATRIX:
		w, bars = datamatrix.NewDataMatrixWriter(), false
	case gozxing.BarcodeFormat_EAN_13:
		w = oned.NewEAN13Writer()
	case gozxing.BarcodeFormat_EAN_8:
		w = oned.NewEAN8Writer()
	case gozxing.BarcodeFormat_UPC_A:
		w = oned.NewUPCAWriter()
	case gozxing.BarcodeFormat_CODE_128:
		w = oned.NewCode128Writer()
	}
	m, err := w.Encode(text, format, 1, 1, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil {
		t.Fatal(err)
	}
	h := m.GetHeight()
	if bars {
		h = 40
	}
	quiet := 10
	g := image.NewGray(image.Rect(0, 0, (m.GetWidth()+2*quiet)*scale, (h+2*quiet)*scale))
	for i := range g.Pix {
		g.Pix[i] = 255
	}
	for y := range h * scale {
		for x := range m.GetWidth() * scale {
			row := y / scale
			if bars {
				row = 0
			}
			if m.Get(x/scale, row) {
				g.SetGray(quiet*scale+x, quiet*scale+y, color.Gray{Y: 20})
			}
		}
	}
	return g
}

// scene is what a camera sees: a code at an angle on a busy ground, with noise.
func scene(w, h int, pic *image.Gray, degrees float64, sigma float64, seed uint64) *image.Gray {
	rnd := rand.New(rand.NewPCG(seed, 7))
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.Pix[y*w+x] = byte(120 + 40*math.Sin(float64(x)/37) + 30*math.Cos(float64(y)/23))
		}
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	pw, ph := float64(pic.Rect.Dx()), float64(pic.Rect.Dy())
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-float64(w)/2, float64(y)-float64(h)/2
			u, v := dx*cos+dy*sin+pw/2, -dx*sin+dy*cos+ph/2
			if u >= 0 && v >= 0 && u < pw-1 && v < ph-1 {
				out.Pix[y*w+x] = pic.Pix[int(v)*pic.Stride+int(u)]
			}
		}
	}
	for i := range out.Pix {
		v := float64(out.Pix[i]) + rnd.NormFloat64()*sigma
		out.Pix[i] = byte(max(0, min(255, v)))
	}
	return out
}

// coloured is the same picture as another type of the image package.
func coloured(g *image.Gray, kind string) image.Image {
	b := g.Bounds()
	switch kind {
	case "rgba":
		out := image.NewRGBA(b)
		draw.Draw(out, b, g, b.Min, draw.Src)
		return out
	case "nrgba":
		out := image.NewNRGBA(b)
		draw.Draw(out, b, g, b.Min, draw.Src)
		return out
	case "paletted":
		var p color.Palette
		for i := range 256 {
			p = append(p, color.Gray{Y: byte(i)})
		}
		out := image.NewPaletted(b, p)
		draw.Draw(out, b, g, b.Min, draw.Src)
		return out
	case "ycbcr":
		out := image.NewYCbCr(b, image.YCbCrSubsampleRatio422)
		for y := range b.Dy() {
			copy(out.Y[y*out.YStride:], g.Pix[y*g.Stride:y*g.Stride+b.Dx()])
		}
		return out
	case "sub":
		big := image.NewGray(image.Rect(0, 0, b.Dx()+31, b.Dy()+17))
		draw.Draw(big, image.Rect(11, 5, 11+b.Dx(), 5+b.Dy()), g, b.Min, draw.Src)
		return big.SubImage(image.Rect(11, 5, 11+b.Dx(), 5+b.Dy()))
	case "gray16":
		out := image.NewGray16(b)
		draw.Draw(out, b, g, b.Min, draw.Src)
		return out
	}
	return g
}
