package qr

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"strings"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tilld/internal/fault"
)

// MaxPixels bounds the pictures that Read looks at (a 4K frame).
const MaxPixels = 3840 * 2160

// Read returns the payload of the QR code in img. It first takes img for a bare
// symbol as drawn by [Code.Image], then searches it with two ways of telling
// dark from light, then once more for a light code on dark. A picture without a
// readable code is a fault.Refused. Give it an *image.Gray where speed matters:
// other types are converted first.
func Read(img image.Image) (string, error) {
	size := img.Bounds().Size()
	if size.X < 1 || size.Y < 1 || size.X > MaxPixels/size.Y {
		return "", fault.New(fault.Refused, "qr", "read", fmt.Errorf("a picture of %d x %d pixels", size.X, size.Y))
	}
	source, err := luminance(gray(img))
	if err != nil {
		return "", fault.New(fault.Refused, "qr", "read", err)
	}
	if text, err := decode(gozxing.NewGlobalHistgramBinarizer(source), pure); err == nil {
		return text, nil
	}
	var last error
	for _, s := range []gozxing.LuminanceSource{source, source.Invert()} {
		for _, b := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(s), gozxing.NewGlobalHistgramBinarizer(s)} {
			text, err := decode(b, search)
			if err == nil {
				return text, nil
			}
			last = err
		}
	}
	return "", fault.New(fault.Refused, "qr", "read", last)
}

// read decodes the symbol as drawn, on its own and before anybody sees it.
func (c Code) read() (string, error) {
	source, err := luminance(c.Image(2, Quiet))
	if err != nil {
		return "", err
	}
	return decode(gozxing.NewGlobalHistgramBinarizer(source), pure)
}

const (
	search = false
	pure   = true
)

func decode(b gozxing.Binarizer, pureBarcode bool) (string, error) {
	bitmap, err := gozxing.NewBinaryBitmap(b)
	if err != nil {
		return "", err
	}
	// Payloads without ECI are UTF-8 here; without the hint the decoder guesses
	// and takes short Chinese text for Shift-JIS.
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"}
	if pureBarcode {
		hints[gozxing.DecodeHintType_PURE_BARCODE] = true
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
	if err == nil && strings.ContainsRune(result.GetText(), utf8.RuneError) {
		// Not UTF-8 after all: let the decoder guess (GBK, Shift-JIS).
		delete(hints, gozxing.DecodeHintType_CHARACTER_SET)
		result, err = qrcode.NewQRCodeReader().Decode(bitmap, hints)
	}
	if err != nil {
		return "", err
	}
	if result.GetText() == "" {
		return "", errors.New("the code is empty")
	}
	return result.GetText(), nil
}

// luminance shares the pixels of img; the library's own way takes an interface
// value a pixel.
func luminance(img *image.Gray) (gozxing.LuminanceSource, error) {
	size := img.Rect.Size()
	return gozxing.NewPlanarYUVLuminanceSource(img.Pix, img.Stride, size.Y, 0, 0, size.X, size.Y, false)
}

func gray(img image.Image) *image.Gray {
	switch img := img.(type) {
	case *image.Gray:
		return img
	case *image.YCbCr:
		return &image.Gray{Pix: img.Y, Stride: img.YStride, Rect: img.Rect}
	}
	// Transparent parts of a picture are paper: draw it over white.
	out := image.NewGray(img.Bounds())
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}
