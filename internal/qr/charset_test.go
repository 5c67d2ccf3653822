package qr_test

import (
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
	"golang.org/x/text/encoding/japanese"

	"tilld/internal/qr"
)

// Codes of other makers: with a character set named in the symbol, and in one
// that has to be guessed.
func TestReadsOtherCharacterSets(t *testing.T) {
	read := func(text string, hints map[gozxing.EncodeHintType]any) {
		t.Helper()
		img, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 300, 300, hints)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := qr.Read(img); err != nil || got != text {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
	for _, name := range []string{"UTF-8", "GB18030", "Shift_JIS", "ISO-8859-1"} {
		text := "日本 abc"
		if name == "ISO-8859-1" {
			text = "é à la carte"
		}
		read(text, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_CHARACTER_SET: name})
	}
	old := encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING
	defer func() { encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING = old }()
	encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING = japanese.ShiftJIS
	read("日本語のテキスト abc", nil)
}
