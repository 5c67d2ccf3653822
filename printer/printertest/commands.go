package printertest

import (
	"bytes"
	"image"
)

// escape executes an ESC command.
func (m *Machine) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	size := map[byte]int{'@': 2, 'R': 3, 't': 3, 'a': 3, 'E': 3, 'G': 3, '-': 3, '2': 2, '3': 3, 'J': 3, 'd': 3, 'p': 5, '!': 3, 'M': 3, '{': 3, '=': 3, ' ': 3, '$': 4, '\\': 4}[b[1]]
	if size == 0 {
		m.event("unknown 1b %02x", b[1])
		return 2
	}
	if len(b) < size {
		return 0
	}
	switch arg := b[size-1]; b[1] {
	case '@':
		m.row, m.x, m.margin, m.area, m.spacing, m.align, m.wide, m.high = nil, 0, 0, 0, 0, 0, 1, 1
		m.bold, m.under, m.invert, m.hanzi, m.page, m.reports = false, false, false, m.Chinese, 0, false
	case 't':
		m.page = arg
	case 'a':
		if len(m.row) > 0 {
			m.event("align in the middle of a line")
		}
		m.align = int(arg)
	case 'E', 'G':
		m.bold = arg&1 == 1
	case '-':
		m.under = arg != 0
	case '2':
		m.spacing = 0
	case '3':
		m.spacing = int(arg)
	case 'J':
		m.pending()
		m.strip(int(arg))
	case 'd':
		m.pending()
		for range arg {
			m.print()
		}
	case 'p':
		m.drawer++
		m.event("drawer pin %d", 2+3*int(b[2]&1))
	case '!':
		m.wide, m.high, m.bold, m.under = 1+int(arg>>5&1), 1+int(arg>>4&1), arg&8 != 0, arg&0x80 != 0
	case '$':
		m.x = int(b[2]) | int(b[3])<<8
	case '\\':
		m.x += int(int16(uint16(b[2]) | uint16(b[3])<<8))
	case '=':
		m.away = arg&1 == 0
	case 'M', '{', ' ':
		if arg != 0 && arg != '0' {
			m.event("not drawn: 1b %02x %02x", b[1], arg)
		}
	}
	return size
}

// pending complains about text that was never printed.
func (m *Machine) pending() {
	if len(m.row) > 0 {
		m.print()
	}
}

// fs executes an FS command.
func (m *Machine) fs(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '&':
		m.hanzi = m.Chinese
		return 2
	case '.':
		m.hanzi = false
		return 2
	case '!', '-', 'W', 'C':
		if len(b) < 3 {
			return 0
		}
		return 3
	case 'S':
		if len(b) < 4 {
			return 0
		}
		return 4
	case '(':
		if len(b) < 5 || len(b) < 5+int(b[3])+int(b[4])<<8 {
			return 0
		}
		return 5 + int(b[3]) + int(b[4])<<8
	}
	m.event("unknown 1c %02x", b[1])
	return 2
}

// gs executes a GS command.
func (m *Machine) gs(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	size := map[byte]int{'!': 3, 'B': 3, 'a': 3, 'r': 3, 'I': 3, 'L': 4, 'W': 4, 'H': 3, 'h': 3, 'w': 3, 'f': 3}[b[1]]
	switch b[1] {
	case 'V':
		return m.cut(b)
	case 'v':
		return m.raster(b)
	case '(':
		return m.group(b)
	case '8':
		return m.large(b)
	case 'k':
		return m.barcode(b)
	}
	if size == 0 {
		m.event("unknown 1d %02x", b[1])
		return 2
	}
	if len(b) < size {
		return 0
	}
	switch arg := b[2]; b[1] {
	case '!':
		m.wide, m.high = 1+int(arg>>4&7), 1+int(arg&7)
	case 'B':
		m.invert = arg&1 == 1
	case 'a':
		m.reports = m.Reports && arg != 0
		m.asb()
	case 'r':
		if m.InOrder {
			m.reply([]byte{0})
		}
	case 'L':
		m.margin = int(b[2]) | int(b[3])<<8
	case 'W':
		m.area = int(b[2]) | int(b[3])<<8
	case 'I':
		if arg == 69 && m.Fonts != "" {
			m.reply([]byte("_" + m.Fonts + "\x00"))
		}
	}
	return size
}

func (m *Machine) cut(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	size := 3
	if b[2] == 65 || b[2] == 66 {
		size = 4
	}
	if len(b) < size {
		return 0
	}
	if len(m.row) > 0 {
		m.event("cut in the middle of a line")
		m.print()
	}
	m.cuts++
	m.event("cut")
	return size
}

// raster prints GS v 0.
func (m *Machine) raster(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	if b[2] != '0' {
		m.event("unknown 1d 76 %02x", b[2])
		return 3
	}
	w, h := int(b[4])|int(b[5])<<8, int(b[6])|int(b[7])<<8
	if len(b) < 8+w*h {
		return 0
	}
	if len(m.row) > 0 {
		m.event("raster in the middle of a line is not printed")
		return 8 + w*h
	}
	sx, sy := 1, 1
	if b[3]&1 != 0 {
		sx = 2
	}
	if b[3]&2 != 0 {
		sy = 2
	}
	if 8*w*sx > m.width() {
		m.event("raster of %d dots on %d", 8*w*sx, m.width())
	}
	img := m.strip(h * sy)
	left := m.margin + max(m.right()-8*w*sx, 0)*m.align/2
	for y := range h * sy {
		for x := range 8 * w * sx {
			if b[8+y/sy*w+x/sx/8]&(0x80>>(x/sx%8)) != 0 {
				dot(img, left+x, y)
			}
		}
	}
	return 8 + w*h
}

// group executes GS ( x.
func (m *Machine) group(b []byte) int {
	if len(b) < 5 {
		return 0
	}
	size := 5 + int(b[3]) + int(b[4])<<8
	if len(b) < size {
		return 0
	}
	if b[2] == 'H' && size == 11 && b[5] == '0' && b[6] == '0' && m.ProcessID {
		m.reply(append(append([]byte{0x37, 0x22}, b[7:11]...), 0))
		return size
	}
	if b[2] == 'L' {
		m.graphics(b[5:size])
		return size
	}
	m.event("unknown 1d 28 %02x", b[2])
	return size
}

// large executes GS 8 L: graphics with a length of four bytes.
func (m *Machine) large(b []byte) int {
	if len(b) < 7 {
		return 0
	}
	size := 7 + int(b[3]) + int(b[4])<<8 + int(b[5])<<16 + int(b[6])<<24
	if len(b) < size {
		return 0
	}
	m.graphics(b[7:size])
	return size
}

// graphics stores (function 112) or prints (function 50) a picture.
func (m *Machine) graphics(p []byte) {
	switch {
	case len(p) == 2 && (p[1] == 50 || p[1] == 2) && m.stored != nil:
		m.pending()
		w := m.stored.Rect.Dx()
		img, left := m.strip(m.stored.Rect.Dy()), m.margin+max(m.right()-w, 0)*m.align/2
		for i, v := range m.stored.Pix {
			if v == 0 {
				dot(img, left+i%w, i/w)
			}
		}
		m.stored = nil
	case len(p) >= 10 && p[1] == 112:
		w, h := int(p[6])|int(p[7])<<8, int(p[8])|int(p[9])<<8
		stride := (w + 7) / 8
		if len(p) < 10+stride*h || w == 0 || p[3] != 1 && p[3] != 2 {
			m.event("strange graphics of %d x %d", w, h)
			return
		}
		m.stored = image.NewGray(image.Rect(0, 0, w*int(p[3]), h*int(p[4])))
		for i := range m.stored.Pix {
			x, y := i%m.stored.Stride/int(p[3]), i/m.stored.Stride/int(p[4])
			if p[10+y*stride+x/8]&(0x80>>(x%8)) == 0 {
				m.stored.Pix[i] = 0xff
			}
		}
	default:
		m.event("unknown graphics function")
	}
}

// barcode takes a native barcode, which is not drawn.
func (m *Machine) barcode(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	if b[2] < 65 {
		end := bytes.IndexByte(b[3:], 0)
		if end < 0 {
			return 0
		}
		m.event("barcode %d %s", b[2], b[3:3+end])
		return 4 + end
	}
	if len(b) < 4+int(b[3]) {
		return 0
	}
	m.event("barcode %d %s", b[2], b[4:4+int(b[3])])
	return 4 + int(b[3])
}
