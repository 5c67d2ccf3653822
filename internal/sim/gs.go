package sim

// gsLen are the GS commands of fixed length, in bytes with GS and the letter.
var gsLen = map[byte]int{
	'!': 3, 'B': 3, 'L': 4, 'W': 4, '$': 4, '\\': 4, 'a': 3, 'r': 3, 'I': 3, 'H': 3, 'h': 3, 'w': 3, 'f': 3, 'b': 3, 'P': 4, ':': 2, '/': 3, 'T': 3, '^': 5, 'z': 4,
}

// gs takes a command that begins with GS.
func (m *machine) gs(b []byte) (int, func()) {
	if len(b) < 3 {
		if len(b) == 2 && b[1] == ':' {
			return 2, func() {}
		}
		return 0, nil
	}
	switch b[1] {
	case 'V':
		switch b[2] {
		case 0, 48, 1, 49:
			return 3, func() { m.cut(0, b[2] == 0 || b[2] == 48) }
		case 65, 66, 97, 98, 103, 104:
			return exact(b, 4, func() { m.cut(int(b[3]), b[2]&1 == 1) })
		}
		return 3, func() { m.unknownCode(b[:3]) }
	case 'k':
		return m.barcode(b)
	case 'v':
		return m.raster(b)
	case '*': // define a downloaded image: x y then x*8*y bytes
		if len(b) < 4 {
			return 0, nil
		}
		return exact(b, 4+int(b[2])*int(b[3])*8, func() { m.unknownCode(b[:2]) })
	case '(':
		return m.gsParen(b)
	case '8':
		return m.gs8(b)
	}
	n, ok := gsLen[b[1]]
	if !ok {
		return 2, func() { m.unknownCode(b[:2]) }
	}
	if len(b) < n {
		return 0, nil
	}
	args := append([]byte(nil), b[2:n]...)
	return n, func() { m.doGS(b[1], args) }
}

func (m *machine) doGS(name byte, a []byte) {
	switch name {
	case '!':
		m.st.width, m.st.height = 1+int(a[0]>>4&7), 1+int(a[0]&7)
	case 'B':
		m.st.invert = a[0]&1 == 1
	case 'L':
		if len(m.line) == 0 {
			m.st.left = int(a[0]) + int(a[1])<<8
		}
	case 'W':
		if len(m.line) == 0 {
			m.st.area = int(a[0]) + int(a[1])<<8
		}
	case 'H':
		m.bar.hri = a[0] & 3
	case 'h':
		m.bar.height = int(a[0])
	case 'w':
		m.bar.module = int(a[0])
	case 'r':
		m.inOrderStatus(a[0])
	case 'I':
		m.identity(a[0])
	case 'a', 'f', 'P', ':', '^', 'T', 'b', '/', 'z':
		// GS a takes effect in printer.go when it is executed: see asb.
		if name == 'a' {
			m.event("status", "ASB %02X", a[0])
		}
	case '$', '\\':
		m.unknownCode([]byte{0x1D, name}) // page mode
	}
}

// gsParen takes GS ( letter pL pH data.
func (m *machine) gsParen(b []byte) (int, func()) {
	if len(b) < 5 {
		return 0, nil
	}
	n := 5 + int(b[3]) + int(b[4])<<8
	if len(b) < n {
		return 0, nil
	}
	letter, body := b[2], append([]byte(nil), b[5:n]...)
	return n, func() {
		switch letter {
		case 'L':
			m.graphics(body)
		case 'k':
			m.symbol(body)
		case 'H':
			m.response(body)
		case 'D', 'E', 'K', 'A', 'M', 'N', 'C':
			// set-up that shows nothing
		default:
			m.unknownCode(b[:3])
		}
	}
}

// gs8 takes GS 8 L p1 p2 p3 p4 data: graphics with a 32-bit length.
func (m *machine) gs8(b []byte) (int, func()) {
	if b[2] != 'L' {
		return 3, func() { m.unknownCode(b[:3]) }
	}
	if len(b) < 7 {
		return 0, nil
	}
	n := 7 + int(b[3]) + int(b[4])<<8 + int(b[5])<<16
	if b[6] != 0 || n > maxCommand {
		return 7, func() { m.unknownCode(b[:7]) }
	}
	if len(b) < n {
		return 0, nil
	}
	body := append([]byte(nil), b[7:n]...)
	return n, func() { m.graphics(body) }
}
