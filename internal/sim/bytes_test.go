package sim_test

import (
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// qrModules is a QR code with its quiet zone; true is black.
func qrModules(t *testing.T, text string) [][]bool {
	t.Helper()
	code, err := qrcode.NewQRCodeWriter().EncodeWithoutHint(text, gozxing.BarcodeFormat_QR_CODE, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]bool, code.GetHeight())
	for y := range rows {
		for x := range code.GetWidth() {
			rows[y] = append(rows[y], code.Get(x, y))
		}
	}
	return rows
}

// bits packs dots, each module k dots wide and high.
func bits(m [][]bool, k int) (rows [][]byte, w int) {
	w = len(m[0]) * k
	for y := range len(m) * k {
		row := make([]byte, (w+7)/8)
		for x := range w {
			if m[y/k][x/k] {
				row[x/8] |= 0x80 >> (x % 8)
			}
		}
		rows = append(rows, row)
	}
	return rows, w
}

func join(rows [][]byte) string {
	var s strings.Builder
	for _, r := range rows {
		s.Write(r)
	}
	return s.String()
}

func le(n int) string { return string([]byte{byte(n), byte(n >> 8)}) }

func gsV0(m [][]bool, k, strip int) string {
	rows, w := bits(m, k)
	var s strings.Builder
	for len(rows) > 0 {
		n := min(strip, len(rows))
		s.WriteString("\x1dv0\x00" + le((w+7)/8) + le(n) + join(rows[:n]))
		rows = rows[n:]
	}
	return s.String()
}

func gsV0Double(m [][]bool, k int) string {
	rows, w := bits(m, k)
	return "\x1dv0\x03" + le((w+7)/8) + le(len(rows)) + join(rows)
}

func graphics(m [][]bool, k int) string {
	rows, w := bits(m, k)
	return "0p0\x01\x011" + le(w) + le(len(rows)) + join(rows)
}

func gsParenL(m [][]bool, k int) string {
	body := graphics(m, k)
	return "\x1d(L" + le(len(body)) + body + "\x1d(L\x02\x0002"
}

func gs8L(m [][]bool, k int) string {
	body := graphics(m, k)
	return "\x1d8L" + le(len(body)) + "\x00\x00" + body + "\x1d(L\x02\x0002"
}

func escStar(m [][]bool, k int) string {
	rows, w := bits(m, k)
	s := "\x1b3\x18"
	for top := 0; top < len(rows); top += 24 {
		s += "\x1b*\x21" + le(w)
		for x := range w {
			for b := range 3 {
				var v byte
				for i := range 8 {
					if y := top + b*8 + i; y < len(rows) && rows[y][x/8]&(0x80>>(x%8)) != 0 {
						v |= 0x80 >> i
					}
				}
				s += string([]byte{v})
			}
		}
		s += "\n"
	}
	return s + "\x1b2"
}
