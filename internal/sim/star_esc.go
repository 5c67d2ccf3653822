package sim

import (
	"bytes"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// starPages are the numbers of ESC GS t. Star's own page 0 is not simulated above 7F.
var starPages = map[byte]*charmap.Charmap{
	1: charmap.CodePage437, 3: charmap.CodePage437, 4: charmap.CodePage858, 5: charmap.CodePage852,
	6: charmap.CodePage860, 8: charmap.CodePage863, 9: charmap.CodePage865, 10: charmap.CodePage866, 11: charmap.CodePage855,
	32: charmap.Windows1252, 33: charmap.Windows1250, 34: charmap.Windows1251, 97: charmap.Windows874,
}

func shiftJIS(pair [2]byte) rune {
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(pair[:])
	if r := []rune(string(text)); err == nil && len(r) == 1 {
		return r[0]
	}
	if pair[0] == 0x84 {
		return '│'
	}
	return '\uFFFD'
}

// starLen are the ESC commands of fixed length with ESC and letter. Those without
// a case in doESC change nothing one can see.
var starLen = map[byte]int{
	'@': 2, 'E': 2, 'F': 2, '4': 2, '5': 2, '_': 3, '-': 3, 'i': 4, 'W': 3, 'h': 3, 'M': 2, 'P': 2, 'g': 2, ':': 2, ' ': 3, 'R': 3, '/': 3,
	'6': 2, '7': 2, 'a': 3, 'z': 3, '0': 2, '1': 2, '2': 2, '3': 3, 'A': 3, 'y': 3, 'J': 3, 'I': 3, 'j': 3, 'N': 3, 'O': 2, 'l': 3, 'Q': 3, '%': 3, 'd': 3, 0x07: 4,
	'p': 2, 'q': 2, '$': 3, 's': 4, 't': 4, 'u': 3, 'x': 3, 'w': 3, 'U': 3, 0x06: 3,
}

// esc takes a command that begins with ESC.
func (s *star) esc(b []byte) (int, func()) {
	if len(b) < 2 {
		return 0, nil
	}
	switch b[1] {
	case 0x1D:
		return s.escGS(b)
	case 0x1E:
		return s.escRS(b)
	case 0x1C: // logo
		if len(b) >= 3 && b[2] == 'p' {
			return exact(b, 5, func() { s.event("failed", "no logo") })
		}
		return exact(b, 3, func() { s.unknownCode(b[:3]) })
	case 0x0C: // raster mode's own, allowed outside
		return exact(b, 3, func() {})
	case 'C': // page length in lines, or NUL and inches
		if len(b) >= 3 && b[2] == 0 {
			return exact(b, 4, func() {})
		}
		return exact(b, 3, func() {})
	case 'D', 'B':
		return s.tabs(b)
	case 'b':
		return s.barcode(b)
	case 'k': // fine: rows of n bytes, 24 of them
		return s.bitImage(b, 4, func(n int) int { return 24 * n }, func(n int, d []byte) { s.place(rows(d, n), n*8, 24, 1, 1) })
	case 'X': // fine: n columns of 3 bytes
		return s.bitImage(b, 4, func(n int) int { return 3 * n }, func(n int, d []byte) { s.place(columnsOf(d, 3), n, 24, 1, 1) })
	case 'K':
		return s.bitImage(b, 4, func(n int) int { return n }, func(n int, d []byte) { s.place(columnsOf(d, 1), n, 8, 2, 3) })
	case 'L':
		return s.bitImage(b, 4, func(n int) int { return n }, func(n int, d []byte) { s.place(columnsOf(d, 1), n, 8, 1, 3) })
	case '&': // download character: c1 c2 n data
		return exact(b, 5+48, func() {})
	case 'r':
		return exact(b, 4+72, func() {})
	case '*':
		return s.enterRaster(b)
	case '?':
		return exact(b, 4, func() { s.power(); s.event("init", "reset") })
	case '#': // memory switches: to LF NUL
		end := bytes.Index(b, []byte{0x0A, 0})
		if end < 0 {
			if len(b) > 64 {
				return 2, func() { s.unknownCode(b[:2]) }
			}
			return 0, nil
		}
		return end + 2, func() { s.event("init", "memory switch") }
	}
	n, ok := starLen[b[1]]
	if !ok {
		return 2, func() { s.unknownCode(b[:2]) }
	}
	if len(b) < n {
		return 0, nil
	}
	args := bytes.Clone(b[2:n])
	return n, func() { s.doESC(b[1], args) }
}

func (s *star) doESC(name byte, a []byte) {
	switch name {
	case '@':
		s.line, s.x = nil, 0
		s.reset()
		s.event("init", "")
	case 'E', 'F':
		s.st.bold = name == 'E'
	case '4', '5':
		s.st.invert = name == '4'
	case '-':
		s.st.underline = number(a[0]) & 1
	case 'i': // height first
		s.st.height, s.st.width = 1+number(a[0])%6, 1+number(a[1])%6
	case 'W':
		s.st.width = 1 + number(a[0])%6
	case 'h':
		s.st.height = 1 + number(a[0])%6
	case 'a':
		s.flush()
		s.current().paper.feed(int(a[0]) * s.st.spacing)
	case 'z':
		s.st.spacing = 24 + 8*(number(a[0])&1)
	case '0':
		s.st.spacing = 24 // 3 mm
	case 'A', '3', 'y':
		s.st.spacing = max(int(a[0])*2, 1)
	case 'J', 'I': // n quarter millimetres, n eighths
		s.flush()
		s.current().paper.feed(int(a[0]) * map[byte]int{'J': 2, 'I': 1}[name])
	case 'j':
		s.flush()
		s.current().paper.feed(-int(a[0]))
	case ' ':
		s.st.gap = number(a[0])
	case 'l':
		s.st.left = int(a[0]) * 12
		s.st.area = max(s.right-s.st.left, 12)
	case 'Q':
		if s.right = s.dots; a[0] > 0 {
			s.right = min(int(a[0])*12, s.dots)
		}
		s.st.area = max(s.right-s.st.left, 12)
	case 'd':
		s.cutOff(number(a[0]))
	case 0x07:
		if a[0] > 0 && a[1] > 0 {
			s.pulse = [2]int{int(min(a[0], 127)), int(min(a[1], 127))}
		}
	case '$':
		s.kanji = map[bool]string{true: "shift_jis"}[number(a[0]) == 1]
	case 'p': // JIS Kanji mode
		s.event("failed", "JIS Kanji mode is not simulated")
	case 'w', 'x', 'u':
		s.st.cjkWidth, s.st.cjkHeight = false, false
	}
}

// cutOff is ESC d: 0 and 1 cut where the paper is, 2 and 3 after feeding to the
// cutter; odd leaves a bridge.
func (s *star) cutOff(n int) {
	if n > 3 {
		s.event("unknown", "ESC d %d", n)
		return
	}
	s.flush()
	s.cut(120*(n>>1), n&1 == 0)
}

// tabs is ESC D: positions to NUL.
func (s *star) tabs(b []byte) (int, func()) {
	end := bytes.IndexByte(b[2:], 0)
	switch {
	case end < 0 && len(b) > 2+33:
		return 2, func() { s.unknownCode(b[:2]) }
	case end < 0:
		return 0, nil
	}
	stops := bytes.Clone(b[2 : 2+end])
	return 3 + end, func() {
		s.st.tabs = []int{}
		for _, t := range stops {
			s.st.tabs = append(s.st.tabs, int(t))
		}
	}
}

// escRS takes ESC RS and a letter.
func (s *star) escRS(b []byte) (int, func()) {
	if len(b) < 4 {
		return 0, nil
	}
	n := number(b[3])
	switch b[2] {
	case 'F':
		return 4, func() { s.st.fontB = n != 0 }
	case 'a':
		return 4, func() {
			s.asb = n&1 == 1
			if s.asb {
				s.tell()
			}
		}
	case 'E':
		return 4, func() { s.etb, s.etbDone = 0, false }
	case 'A', 'R', 'd', 'r', 'i', 'm', 'C', 'l':
		return 4, func() {}
	}
	return 3, func() { s.unknownCode(b[:3]) }
}
