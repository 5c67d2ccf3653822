package sim

import "bytes"

// escGS takes ESC GS and a letter.
func (s *star) escGS(b []byte) (int, func()) {
	if len(b) < 3 {
		return 0, nil
	}
	word := func(i int) int { return int(b[i]) + int(b[i+1])<<8 }
	switch b[2] {
	case 't':
		return exact(b, 4, func() {
			s.st.page = b[3]
			s.kanji = map[bool]string{true: "gb18030"}[s.chinese && b[3] == 0]
		})
	case 'a':
		return exact(b, 4, func() { s.st.align = byte(number(b[3]) % 3) })
	case 'A':
		return exact(b, 5, func() { s.x = word(3) })
	case 'R':
		return exact(b, 5, func() { s.x = max(0, s.x+int(int16(word(3)))) })
	case 'P':
		return s.pageMode(b)
	case 0x03:
		return exact(b, 6, func() { s.printEndCounter(b[3], b[4], b[5]) })
	case 'S':
		return s.picture(b)
	case 'y':
		return s.qrCode(b)
	case 'x':
		return s.pdf(b)
	case 'b', '4', 'h', 'c':
		return exact(b, 5, func() {})
	case 'g':
		return exact(b, 6, func() {})
	case 0x07: // buzzer: m n1 n2
		return exact(b, 6, func() { s.event("beep", "") })
	case 0x19:
		return exact(b, 7, func() { s.event("beep", "") })
	case ')': // ESC GS ) letter pL pH data
		if len(b) < 6 {
			return 0, nil
		}
		return exact(b, 6+word(4), func() {})
	}
	return 3, func() { s.unknownCode(b[:3]) }
}

// pageMode is not simulated but for being entered and left, which prints what is
// in the line.
func (s *star) pageMode(b []byte) (int, func()) {
	if len(b) < 4 {
		return 0, nil
	}
	switch b[3] {
	case '0', '1':
		return 4, s.flush
	}
	return 4, func() { s.unknownCode(b[:4]) }
}

// picture is ESC GS S m xL xH yL yH n data, of StarPRNT.
func (s *star) picture(b []byte) (int, func()) {
	if !s.prnt {
		return 3, func() { s.unknownCode(b[:3]) }
	}
	if len(b) < 9 {
		return 0, nil
	}
	stride, high := int(b[4])+int(b[5])<<8, int(b[6])+int(b[7])<<8
	n := 9 + stride*high
	if b[3] != 1 || n > maxCommand {
		return 9, func() { s.unknownCode(b[:9]) }
	}
	if len(b) < n {
		return 0, nil
	}
	return n, func() {
		s.flush()
		s.event("raster", "%dx%d dots", stride*8, high)
		s.blit(&stored{w: stride * 8, h: high, scaleX: 1, scaleY: 1, data: b[9:n]})
	}
}

// qrCode is ESC GS y: settings, data, print, and how large it would be.
func (s *star) qrCode(b []byte) (int, func()) {
	if len(b) < 4 {
		return 0, nil
	}
	switch b[3] {
	case 'S':
		return exact(b, 6, func() {
			switch n := number(b[5]); {
			case b[4] == '0' && (n == 1 || n == 2):
			case b[4] == '1' && n <= 3:
				s.qr.level = string("LMQH"[n])
			case b[4] == '2' && n >= 1 && n <= 8:
				s.qr.size = n
			default:
				s.event("unknown", "QR setting % X", b[4:6])
			}
		})
	case 'D':
		if len(b) < 8 {
			return 0, nil
		}
		if b[4] != '1' {
			return 5, func() { s.unknownCode(b[:5]) }
		}
		n := 8 + int(b[6]) + int(b[7])<<8
		if len(b) < n {
			return 0, nil
		}
		return n, func() { s.qr.data = bytes.Clone(b[8:n]) }
	case 'P':
		return 4, func() {
			s.flush()
			s.printQR()
		}
	case 'I':
		return 4, func() {
			side := 0
			if m, err := encodeQR(s.qr.data, s.qr.level); err == nil {
				side = len(m) * s.qr.size
			}
			s.answer(append(bytes.Clone(b[:4]), byte(side), byte(side>>8)))
		}
	}
	return 4, func() { s.unknownCode(b[:4]) }
}

// pdf is ESC GS x: PDF417, which is said and not drawn.
func (s *star) pdf(b []byte) (int, func()) {
	if len(b) < 6 {
		if len(b) >= 4 && (b[3] == 'P' || b[3] == 'I') {
			return 4, func() { s.event("failed", "PDF417 is not drawn") }
		}
		return 0, nil
	}
	switch b[3] {
	case 'S':
		if b[4] == '0' {
			return exact(b, 8, func() {})
		}
		return 6, func() {}
	case 'D':
		return exact(b, 6+int(b[4])+int(b[5])<<8, func() {})
	case 'P', 'I':
		return 4, func() { s.event("failed", "PDF417 is not drawn") }
	}
	return 4, func() { s.unknownCode(b[:4]) }
}

// barcode is ESC b type hri width height data RS.
func (s *star) barcode(b []byte) (int, func()) {
	if len(b) < 7 {
		return 0, nil
	}
	end := bytes.IndexByte(b[6:], 0x1E)
	switch {
	case end < 0 && len(b) > 6+255:
		return 2, func() { s.unknownCode(b[:2]) }
	case end < 0:
		return 0, nil
	}
	data := bytes.Clone(b[6 : 6+end])
	return 7 + end, func() {
		kind, hri, width := number(b[2]), number(b[3]), number(b[4])
		codes := []byte{66, 65, 68, 67, 69, 70, 73, 72, 71}
		if kind >= len(codes) {
			s.event("failed", "barcode %d is not simulated", kind)
			return
		}
		if kind == 6 {
			data = append([]byte("{B"), bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("{"), []byte("{{")), []byte("%0"), []byte("%"))...)
		}
		s.bar = barcode{height: int(b[5]), module: 2 + (max(width, 1)-1)%3, hri: map[bool]byte{true: 2}[hri == 2 || hri == 4]}
		s.flush()
		s.printBarcode(codes[kind], data)
	}
}

// printEndCounter is ESC GS ETX: 0 tells the counter, 1 waits for the printing to
// end, counts and tells, 2 clears, 3 and 4 begin and end a document, 5 sets a time
// for broken connections.
func (s *star) printEndCounter(what, n1, n2 byte) {
	switch what {
	case 0:
	case 1:
		s.flush()
		s.printEnd++
		s.event("process_id", "%d %d", n1, n2)
	case 2:
		s.printEnd = 0
		return
	case 3:
		s.line, s.x = nil, 0
		s.reset()
		return
	case 4, 5:
		s.flush()
		return
	default:
		s.event("unknown", "ESC GS ETX %d", what)
		return
	}
	s.answer([]byte{0x1B, 0x1D, 0x03, what, n1, n2, s.printEnd, 0})
}
