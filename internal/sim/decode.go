package sim

import (
	"errors"
	"image"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// DecodeQR reads a QR code out of a picture, with both ways of telling black
// from white. It is the simulator's own eye: the drivers have another.
func DecodeQR(img image.Image) (string, error) {
	return decodeOne(gozxing.NewLuminanceSourceFromImage(img))
}

func decodeOne(source gozxing.LuminanceSource) (string, error) {
	var errs []error
	for _, b := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source)} {
		bits, err := gozxing.NewBinaryBitmap(b)
		if err != nil {
			return "", err
		}
		// A phone tries from many angles. Here there is one picture: as it is, then
		// harder, then as what it is, a clean code and nothing else.
		for _, hints := range []map[gozxing.DecodeHintType]any{nil, {gozxing.DecodeHintType_TRY_HARDER: true}, {gozxing.DecodeHintType_PURE_BARCODE: true}} {
			res, err := qrcode.NewQRCodeReader().Decode(bits, hints)
			if err == nil {
				return res.GetText(), nil
			}
			errs = append(errs, err)
		}
	}
	return "", errors.Join(errs...)
}

// decodeAll reads every QR code in a picture, top to bottom as found.
func decodeAll(img image.Image) []string { return codesIn(gozxing.NewLuminanceSourceFromImage(img)) }

func codesIn(source gozxing.LuminanceSource) []string {
	bits, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
	if err != nil {
		return nil
	}
	res, err := multi.NewQRCodeMultiReader().DecodeMultipleWithoutHint(bits)
	if err != nil {
		if one, err := decodeOne(source); err == nil {
			return []string{one}
		}
		return nil
	}
	list := make([]string, 0, len(res))
	for _, r := range res {
		list = append(list, r.GetText())
	}
	return list
}

// encodeQR makes the modules of a native QR code (GS ( k), without quiet zone.
func encodeQR(data []byte, level string) ([][]bool, error) {
	code, err := qrcode.NewQRCodeWriter().Encode(string(data), gozxing.BarcodeFormat_QR_CODE, 0, 0,
		map[gozxing.EncodeHintType]interface{}{
			gozxing.EncodeHintType_ERROR_CORRECTION: level,
			gozxing.EncodeHintType_MARGIN:           0,
		})
	if err != nil {
		return nil, err
	}
	m := make([][]bool, code.GetHeight())
	for y := range m {
		m[y] = make([]bool, code.GetWidth())
		for x := range m[y] {
			m[y][x] = code.Get(x, y)
		}
	}
	return m, nil
}
