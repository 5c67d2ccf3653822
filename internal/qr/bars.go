package qr

import (
	"errors"
	"fmt"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"

	"tilld/internal/fault"
)

// Bars is a linear code: Modules of equal width from left to right, true is a
// bar, without quiet zone. Text is what is printed below it for people.
type Bars struct {
	Modules []bool
	Text    string
}

// MaxBars is the longest text of a linear code.
const MaxBars = 80

// linear is how one symbology is written and read.
type linear struct {
	format gozxing.BarcodeFormat
	writer func() gozxing.Writer
	reader func() gozxing.Reader
}

func symbology(name string) (linear, error) {
	switch name {
	case "ean13":
		return linear{gozxing.BarcodeFormat_EAN_13, oned.NewEAN13Writer, oned.NewEAN13Reader}, nil
	case "ean8":
		return linear{gozxing.BarcodeFormat_EAN_8, oned.NewEAN8Writer, oned.NewEAN8Reader}, nil
	case "upca":
		return linear{gozxing.BarcodeFormat_UPC_A, oned.NewUPCAWriter, oned.NewUPCAReader}, nil
	case "upce":
		return linear{gozxing.BarcodeFormat_UPC_E, oned.NewUPCEWriter, oned.NewUPCEReader}, nil
	case "code128":
		return linear{gozxing.BarcodeFormat_CODE_128, oned.NewCode128Writer, oned.NewCode128Reader}, nil
	case "code39":
		return linear{gozxing.BarcodeFormat_CODE_39, oned.NewCode39Writer, oned.NewCode39Reader}, nil
	case "code93":
		return linear{gozxing.BarcodeFormat_CODE_93, oned.NewCode93Writer, oned.NewCode93Reader}, nil
	case "itf":
		return linear{gozxing.BarcodeFormat_ITF, oned.NewITFWriter, oned.NewITFReader}, nil
	case "codabar":
		return linear{gozxing.BarcodeFormat_CODABAR, oned.NewCodaBarWriter, oned.NewCodaBarReader}, nil
	}
	return linear{}, refuse(fmt.Errorf("no symbology %q; there are ean13 ean8 upca upce code128 code39 code93 itf codabar", name))
}

// MakeBars encodes data in a symbology (ean13 ean8 upca upce code128 code39
// code93 itf codabar) and reads the result back. EAN and UPC take the digits
// with or without the check digit; a wrong one is refused, as is whatever the
// symbology cannot hold (fault.Refused).
func MakeBars(name, data string) (b Bars, err error) {
	s, err := symbology(name)
	if err != nil {
		return Bars{}, err
	}
	if data == "" || len(data) > MaxBars {
		return Bars{}, refuse(fmt.Errorf("a %s of %d characters, 1 to %d are possible", name, len(data), MaxBars))
	}
	for _, r := range data {
		if r < ' ' || r > '~' {
			return Bars{}, refuse(fmt.Errorf("%s holds no character %q", name, r))
		}
	}
	if n := map[string]int{"ean13": 12, "ean8": 7, "upca": 11, "upce": 7}[name]; len(data) == n {
		digit, err := checkDigit(name, data)
		if err != nil {
			return Bars{}, err
		}
		data += digit
	}
	matrix, err := s.writer().Encode(data, s.format, 0, 1, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil {
		return Bars{}, refuse(fmt.Errorf("%q is no %s: %w", data, name, err))
	}
	b = Bars{Modules: make([]bool, matrix.GetWidth()), Text: data}
	for x := range b.Modules {
		b.Modules[x] = matrix.Get(x, 0)
	}
	b.Modules = trim(b.Modules)
	if got, err := ReadBars(b.Image(2, 30, 12), name); err != nil {
		return Bars{}, refuse(fmt.Errorf("%q as %s does not read back: %w", data, name, err))
	} else if got != data {
		return Bars{}, refuse(fmt.Errorf("%q as %s reads back as %q", data, name, got))
	}
	return b, nil
}

func trim(m []bool) []bool {
	for len(m) > 0 && !m[0] {
		m = m[1:]
	}
	for len(m) > 0 && !m[len(m)-1] {
		m = m[:len(m)-1]
	}
	return m
}

// checkDigit is the last digit of an EAN or UPC (GS1 General Specifications
// §7.9); that of a UPC-E is the one of the UPC-A it stands for.
func checkDigit(name, digits string) (string, error) {
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", refuse(fmt.Errorf("%q is no %s: digits only", digits, name))
		}
	}
	if name == "upce" {
		long, err := expandUPCE(digits)
		if err != nil {
			return "", err
		}
		digits = long
	}
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			n *= 3
		}
		sum += n
	}
	return string(rune('0' + (10-sum%10)%10)), nil
}

// expandUPCE returns the eleven digits of the UPC-A that seven of a UPC-E mean.
func expandUPCE(d string) (string, error) {
	if d[0] != '0' && d[0] != '1' {
		return "", refuse(errors.New("a upce begins with 0 or 1"))
	}
	switch last := d[6]; last {
	case '0', '1', '2':
		return d[:3] + string(last) + "0000" + d[3:6], nil
	case '3':
		return d[:4] + "00000" + d[4:6], nil
	case '4':
		return d[:5] + "00000" + d[5:6], nil
	default:
		return d[:6] + "0000" + string(last), nil
	}
}

// Image draws the bars scale pixels a module and height pixels high, with quiet
// modules of white on both sides.
func (b Bars) Image(scale, height, quiet int) *image.Gray {
	scale, height, quiet = max(scale, 1), max(height, 1), max(quiet, 0)
	img := image.NewGray(image.Rect(0, 0, (len(b.Modules)+2*quiet)*scale, height))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for m, bar := range b.Modules {
		for i := range scale {
			if !bar {
				break
			}
			for y := range height {
				img.Pix[y*img.Stride+(m+quiet)*scale+i] = 0
			}
		}
	}
	return img
}

// ReadBars reads a linear code of the given symbology from a picture of it that
// stands upright. A picture without one is a fault.Refused.
func ReadBars(img image.Image, name string) (string, error) {
	s, err := symbology(name)
	if err != nil {
		return "", err
	}
	source, err := luminance(gray(img))
	if err != nil {
		return "", fault.New(fault.Refused, "qr", "read", err)
	}
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewGlobalHistgramBinarizer(source))
	if err != nil {
		return "", fault.New(fault.Refused, "qr", "read", err)
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	if name == "codabar" {
		hints[gozxing.DecodeHintType_RETURN_CODABAR_START_END] = true
	}
	if name == "itf" {
		hints[gozxing.DecodeHintType_ALLOWED_LENGTHS] = lengths()
	}
	result, err := s.reader().Decode(bitmap, hints)
	if err != nil {
		return "", fault.New(fault.Refused, "qr", "read", err)
	}
	return result.GetText(), nil
}

// lengths allows every even length of an interleaved 2 of 5.
func lengths() []int {
	var list []int
	for n := 2; n <= MaxBars; n += 2 {
		list = append(list, n)
	}
	return list
}
