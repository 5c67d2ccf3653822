package sim

// Languages of a simulated printer.
const (
	ESCPOS   = ""
	StarPRNT = "starprnt"
	StarLine = "star-line" // Star line mode, raster mode included
)

// star is a Star printer behind its receive buffer. It shares paper, characters
// and codes with the ESC/POS machine; commands, states and answers are its own.
//
// Sources: Star Line Mode Command Specifications (TSP600 to TSP1000, HSP7000);
// StarPRNT Command Specifications rev. 2.25 and 1.1E. Where a command is of one
// language only, the other counts it as unknown.
type star struct {
	*machine
	pics []linePicture // in the line buffer, beside its characters

	prnt   bool // StarPRNT, else line mode
	answer func([]byte)
	sw     func() Switches

	right    int    // right margin in dots from the paper's edge
	kanji    string // "", "gb18030" or "shift_jis": what bytes from 80 are
	pulse    [2]int // of the first drawer output, in 10 ms
	raster   rasterMode
	asb      bool // automatic status
	etb      int  // ETB counter, 0 to 31
	etbDone  bool // ETB executed since the last status
	printEnd byte // print-end counter of ESC GS ETX
	opened   func()
}

func newStar(m *machine, language string, answer func([]byte), sw func() Switches, opened func()) *star {
	s := &star{machine: m, prnt: language == StarPRNT, answer: answer, sw: sw, opened: opened}
	s.reset()
	return s
}

// power is what switching on does.
func (s *star) power() {
	s.etb, s.etbDone, s.printEnd, s.asb = 0, false, 0, false
	s.reset()
}

// reset is ESC @: everything but the counters and the automatic status.
func (s *star) reset() {
	s.machine.reset()
	s.st.spacing = 32 // 4 mm
	s.right = s.dots
	s.kanji = ""
	if s.chinese {
		s.kanji = "gb18030"
	}
	s.pics = nil
	s.pulse = [2]int{20, 20}
	s.raster = rasterMode{}
}

// next looks at the head of b, as machine.next does.
func (s *star) next(b []byte) (int, func()) {
	if len(b) == 0 {
		return 0, nil
	}
	if s.raster.on {
		return s.inRaster(b)
	}
	switch c := b[0]; c {
	case 0x0A:
		return 1, s.newline
	case 0x1B:
		return s.esc(b)
	case 0x09:
		return 1, s.tab
	case 0x00, 0x0D, 0x04, 0x05, 0x11, 0x13: // padding; CR without line feed; ENQ and EOT were answered when they came
		return 1, func() {}
	case 0x0B, 0x0C:
		return 1, func() { s.flush() }
	case 0x0E, 0x14:
		return 1, func() { s.st.width = 1 + int(bit(c == 0x0E, 1)) }
	case 0x0F, 0x12:
		return 1, func() { s.st.flipped = c == 0x0F }
	case 0x07, 0x1C:
		return 1, func() { s.drawer(2, s.pulse[0]) }
	case 0x1A, 0x19:
		return 1, func() { s.drawer(5, 20) }
	case 0x17:
		return 1, s.updateETB
	case 0x18: // cancel print data, initialise
		return 1, func() {
			s.line, s.x = nil, 0
			s.reset()
			s.etb, s.etbDone = 0, false
			s.event("clear", "CAN")
		}
	case 0x1E:
		return 1, func() { s.event("beep", "") }
	default:
		if c < 0x20 || c == 0x7F {
			return 1, func() { s.unknownCode(b[:1]) }
		}
		return s.character(b)
	}
}

// drawer drives an output. The manual's first is on pin 2 of a drawer plug, the
// second on pin 5.
func (s *star) drawer(pin, tens int) {
	s.event("drawer", "pin %d on %d ms", pin, tens*10)
	s.opened()
}

// updateETB is what proves that everything before it is on paper.
func (s *star) updateETB() {
	s.flush()
	s.etb, s.etbDone = (s.etb+1)%32, true
	s.event("process_id", "ETB %d", s.etb)
	if s.asb {
		s.tell()
	}
}

// newline prints the line with its pictures and feeds.
func (s *star) newline() {
	if len(s.pics) == 0 {
		s.machine.newline()
		return
	}
	s.printPictures(s.st.spacing)
}

func (s *star) flush() {
	if len(s.pics) > 0 {
		s.printPictures(s.st.spacing)
		return
	}
	s.machine.flush()
}

// characters

func (s *star) character(b []byte) (int, func()) {
	switch {
	case b[0] < 0x80:
		c := b[0]
		return 1, func() { s.put(rune(c), false) }
	case s.kanji == "shift_jis" && (b[0] < 0xA0 || b[0] >= 0xE0 && b[0] < 0xFD):
		if len(b) < 2 {
			return 0, nil
		}
		pair := [2]byte{b[0], b[1]}
		return 2, func() { s.put(shiftJIS(pair), true) }
	case s.kanji == "shift_jis":
		c := b[0]
		return 1, func() { s.put(katakana(c), false) }
	case s.kanji == "gb18030":
		s.st.chinese = true
		return s.machine.character(b)
	}
	c := b[0]
	return 1, func() { s.put(s.latin(c), false) }
}

// latin is a character of the code page chosen with ESC GS t.
func (s *star) latin(c byte) rune {
	if page, ok := starPages[s.st.page]; ok {
		return page.DecodeByte(c)
	}
	if s.st.page == 2 { // Katakana
		return katakana(c)
	}
	s.event("failed", "%02X of code page %d, which is not simulated", c, s.st.page)
	return '?'
}

func number(b byte) int {
	if b >= '0' && b <= '9' {
		return int(b - '0')
	}
	return int(b)
}
