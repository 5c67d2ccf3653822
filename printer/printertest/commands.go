package printertest

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
		m.row, m.spacing, m.align, m.wide, m.high = nil, 0, 0, 1, 1
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
	case '$', '\\', 'M', '{', ' ':
		m.event("not drawn: 1b %02x", b[1])
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
	left := 0
	switch m.align {
	case 1:
		left = (m.width() - 8*w*sx) / 2
	case 2:
		left = m.width() - 8*w*sx
	}
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
	m.event("unknown 1d 28 %02x", b[2])
	return size
}
