package camera

import (
	"image"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tilld/scanner/internal/reading"
)

// finder looks for codes in gray pictures.
type finder struct {
	formats  []string
	encoding string
	readers  map[string]gozxing.Reader
	hints    map[gozxing.DecodeHintType]any
}

func newFinder(c Config) *finder {
	return &finder{
		formats: c.Formats, encoding: c.Encoding,
		readers: map[string]gozxing.Reader{
			"qr": qrcode.NewQRCodeReader(), "datamatrix": datamatrix.NewDataMatrixReader(),
			"ean": oned.NewMultiFormatUPCEANReader(nil), "code128": oned.NewCode128Reader(),
		},
		hints: map[gozxing.DecodeHintType]any{
			gozxing.DecodeHintType_TRY_HARDER: true,
			// Bytes come as they are; what they mean is decided in one place for
			// all scanners.
			gozxing.DecodeHintType_CHARACTER_SET: "ISO-8859-1",
			gozxing.DecodeHintType_ASSUME_GS1:    true,
		},
	}
}

// find returns the first code in a picture: with a local threshold, with one for
// the whole picture, then bar codes that stand upright (the others are found at
// any angle), then all of that in the negative.
func (f *finder) find(g *image.Gray, inverted bool) (reading.Code, bool) {
	source, err := luminance(g)
	if err != nil {
		return reading.Code{}, false
	}
	if c, ok := f.look(source, f.formats); ok {
		return c, true
	}
	if bars := slices.DeleteFunc(slices.Clone(f.formats), func(s string) bool { return s == "qr" || s == "datamatrix" }); len(bars) > 0 {
		if upright, err := luminance(turn(g)); err == nil {
			if c, ok := f.look(upright, bars); ok {
				return c, true
			}
		}
	}
	if inverted {
		return f.look(source.Invert(), f.formats)
	}
	return reading.Code{}, false
}

func luminance(g *image.Gray) (gozxing.LuminanceSource, error) {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	return gozxing.NewPlanarYUVLuminanceSource(g.Pix, g.Stride, h, 0, 0, w, h, false)
}

func (f *finder) look(s gozxing.LuminanceSource, formats []string) (reading.Code, bool) {
	for i, b := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(s), gozxing.NewGlobalHistgramBinarizer(s)} {
		bitmap, err := gozxing.NewBinaryBitmap(b)
		if err != nil {
			return reading.Code{}, false
		}
		for _, format := range formats {
			if i == 1 && (format == "ean" || format == "code128") {
				continue // rows of pixels have the same threshold in both
			}
			r, err := f.readers[format].Decode(bitmap, f.hints)
			if err != nil || !f.stands(bitmap, format, r) {
				continue // nothing found, or nothing that is whole
			}
			if c, ok := f.code(r); ok {
				return c, true
			}
		}
	}
	return reading.Code{}, false
}

// stands reports whether a bar code is also read from rows of pixels next to the
// one it was found in: in a noisy picture some single row passes for a short bar
// code now and then, check digit and all. Two-dimensional codes have Reed-Solomon
// codes and need no witness.
func (f *finder) stands(b *gozxing.BinaryBitmap, format string, r *gozxing.Result) bool {
	reader, bars := f.readers[format].(interface {
		DecodeRow(int, *gozxing.BitArray, map[gozxing.DecodeHintType]any) (*gozxing.Result, error)
	})
	points := r.GetResultPoints()
	if !bars || len(points) == 0 {
		return !bars
	}
	witnesses := 0
	for _, d := range []int{-1, 1, -2, 2, -3, 3, -4, 4} {
		y := int(points[0].GetY()) + d
		if y < 0 || y >= b.GetHeight() {
			continue
		}
		row, err := b.GetBlackRow(y, nil)
		if err != nil {
			continue
		}
		for range 2 { // as it is and from right to left
			other, err := reader.DecodeRow(y, row, f.hints)
			if err == nil && other.GetText() == r.GetText() {
				if witnesses++; witnesses == 2 {
					return true
				}
				break
			}
			row.Reverse()
		}
	}
	return false
}

// code makes a code of what was found.
func (f *finder) code(r *gozxing.Result) (reading.Code, bool) {
	text := r.GetText()
	aim, _ := r.GetResultMetadata()[gozxing.ResultMetadataType_SYMBOLOGY_IDENTIFIER].(string)
	if len(aim) != 3 || !reading.IsAIM([]byte(aim)) {
		aim = ""
	}
	if aim == "]C1" && len(text) > 3 && text[:3] == aim {
		text = text[3:]
	}
	if r.GetBarcodeFormat() == gozxing.BarcodeFormat_UPC_A {
		text = "0" + text // as the identifier promises: 13 digits
	}
	raw := []byte(text)
	if declared := aim == "]Q2" || aim == "]Q4" || aim == "]Q6"; !declared {
		if b, ok := latin1(text); ok {
			raw = b
		}
	}
	return reading.Whole(aim, raw, f.encoding)
}

// latin1 returns the bytes that text stands for when each character is one.
func latin1(text string) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, false
		}
		out = append(out, byte(r))
	}
	return out, true
}
