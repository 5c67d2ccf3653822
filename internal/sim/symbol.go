package sim

import (
	"bytes"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
)

// nativeQR is what GS ( k has set up.
type nativeQR struct {
	size  int // dots a module
	level string
	data  []byte
}

// symbol executes GS ( k: two-dimensional codes made by the printer.
func (m *machine) symbol(a []byte) {
	if len(a) >= 2 && a[0] == 48 {
		m.pdf417(a)
		return
	}
	if len(a) < 2 || a[0] != 49 {
		m.event("unknown", "symbol % X", a[:min(len(a), 3)])
		return
	}
	switch fn := a[1]; fn {
	case 65: // model
		if len(a) < 3 || a[2] != 50 && a[2] != 49 {
			m.event("unknown", "QR model")
		}
	case 67:
		if len(a) >= 3 && a[2] >= 1 && a[2] <= 16 {
			m.qr.size = int(a[2])
		}
	case 69:
		if len(a) >= 3 && a[2] >= 48 && a[2] <= 51 {
			m.qr.level = string("LMQH"[a[2]-48])
		}
	case 80:
		if len(a) >= 4 {
			m.qr.data = bytes.Clone(a[3:])
		}
	case 81:
		m.printQR()
	case 82: // size query
		m.reply([]byte{0x37, 0x36, '0', 0x1F, '0', 0x1F, '0', 0})
	default:
		m.event("unknown", "QR fn %d", fn)
	}
}

// pdf417 takes the functions for PDF417 (cn 48): columns, rows, sizes, level,
// options, data, print. The symbol is not drawn: it is said.
func (m *machine) pdf417(a []byte) {
	switch fn := a[1]; fn {
	case 65, 66, 67, 68, 69, 70, 80:
	case 81:
		m.event("failed", "PDF417 is not drawn")
	default:
		m.event("unknown", "PDF417 fn %d", fn)
	}
}

func (m *machine) printQR() {
	if len(m.qr.data) == 0 || len(m.line) > 0 {
		m.event("failed", "QR: nothing stored, or in the middle of a line")
		return
	}
	modules, err := encodeQR(m.qr.data, m.qr.level)
	if err != nil {
		m.event("failed", "QR: %v", err)
		return
	}
	side := len(modules) * m.qr.size
	if side > m.area() { // prints nothing, says nothing
		m.event("failed", "QR: %d dots do not fit", side)
		return
	}
	t, shift := m.current(), m.shift(side)
	for y := range side {
		for x := range side {
			if modules[y/m.qr.size][x/m.qr.size] {
				t.paper.set(shift+x, y)
			}
		}
	}
	m.event("qr", "%d bytes", len(m.qr.data))
	m.graphic(t.paper.y, t.paper.y+side)
	t.paper.feed(side)
}

// barcode is what GS h, w, H have set up.
type barcode struct {
	height, module int
	hri            byte // 0 none, 1 above, 2 below, 3 both
}

// barcode takes GS k in both forms: ended by NUL (m 0-6), with a length (m 65-79).
func (m *machine) barcode(b []byte) (int, func()) {
	kind := b[2]
	switch {
	case kind <= 6:
		end := bytes.IndexByte(b[3:], 0)
		if end < 0 {
			if len(b) > 3+255 {
				return 3, func() { m.unknownCode(b[:3]) }
			}
			return 0, nil
		}
		return 3 + end + 1, func() { m.printBarcode(kind+65, b[3:3+end]) }
	case kind >= 65 && kind <= 79:
		if len(b) < 4 {
			return 0, nil
		}
		n := 4 + int(b[3])
		if len(b) < n {
			return 0, nil
		}
		return n, func() { m.printBarcode(kind, b[4:n]) }
	}
	return 3, func() { m.unknownCode(b[:3]) }
}

func (m *machine) printBarcode(kind byte, data []byte) {
	text := string(data)
	var w gozxing.Writer
	format := gozxing.BarcodeFormat_CODE_128
	switch kind {
	case 65:
		w, format = oned.NewUPCAWriter(), gozxing.BarcodeFormat_UPC_A
	case 66:
		w, format = oned.NewUPCEWriter(), gozxing.BarcodeFormat_UPC_E
	case 67:
		w, format = oned.NewEAN13Writer(), gozxing.BarcodeFormat_EAN_13
	case 68:
		w, format = oned.NewEAN8Writer(), gozxing.BarcodeFormat_EAN_8
	case 69:
		w, format = oned.NewCode39Writer(), gozxing.BarcodeFormat_CODE_39
	case 70:
		w, format = oned.NewITFWriter(), gozxing.BarcodeFormat_ITF
	case 71:
		w, format = oned.NewCodaBarWriter(), gozxing.BarcodeFormat_CODABAR
	case 72:
		w, format = oned.NewCode93Writer(), gozxing.BarcodeFormat_CODE_93
	case 73:
		var ok bool
		if text, ok = code128(data); !ok {
			m.event("failed", "CODE128 without a code set")
			return
		}
		w = oned.NewCode128Writer()
	default:
		m.event("failed", "barcode %d is not simulated", kind)
		return
	}
	bits, err := w.Encode(text, format, 0, 1, map[gozxing.EncodeHintType]interface{}{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil { // a wrong check digit prints nothing on most machines
		m.event("failed", "barcode: %v", err)
		return
	}
	m.flush()
	width := bits.GetWidth() * m.bar.module
	if width > m.area() {
		m.event("failed", "barcode: %d dots do not fit", width)
		return
	}
	m.hri(text, 1)
	t, shift := m.current(), m.shift(width)
	for x := range width {
		if bits.Get(x/m.bar.module, 0) {
			for y := range m.bar.height {
				t.paper.set(shift+x, y)
			}
		}
	}
	t.paper.feed(m.bar.height)
	m.event("barcode", "%d %s", kind, text)
	m.hri(text, 2)
}

// hri prints the digits above (1) or below (2) if asked for.
func (m *machine) hri(text string, side byte) {
	if m.bar.hri&side == 0 {
		return
	}
	for _, r := range text {
		m.put(r, false)
	}
	m.print(m.st.spacing)
}

// code128 turns the printer's notation into plain data: "{B" and "{C" choose
// the set, "{{" is a brace, "{1" FNC1. In set C a byte is a number 0 to 99.
func code128(data []byte) (string, bool) {
	if len(data) < 2 || data[0] != '{' || data[1] < 'A' || data[1] > 'C' {
		return "", false
	}
	var out []rune
	set := byte('B')
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case c == '{' && i+1 < len(data):
			i++
			switch data[i] {
			case 'A', 'B', 'C':
				set = data[i]
			case '{':
				out = append(out, '{')
			case '1':
				out = append(out, '\u00F1')
			case 'S':
			default:
				return "", false
			}
		case set == 'C':
			if c > 99 {
				return "", false
			}
			out = append(out, rune('0'+c/10), rune('0'+c%10))
		default:
			out = append(out, rune(c))
		}
	}
	return string(out), len(out) > 0
}
