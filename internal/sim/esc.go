package sim

// escLen are the ESC commands of fixed length, in bytes with ESC and the
// command's letter. Those without a case in esc change nothing one can see.
var escLen = map[byte]int{
	'@': 2, 'M': 3, 't': 3, 'R': 3, 'a': 3, 'E': 3, 'G': 3, '-': 3, '!': 3, '2': 2, '3': 3, 'd': 3, 'J': 3, '$': 4, '\\': 4,
	' ': 3, '{': 3, 'i': 2, 'm': 2, 'p': 5, 'B': 4, '=': 3, 'c': 4, 'r': 3, 'V': 3, 'U': 3, 'e': 3, 'K': 3, '%': 3, '?': 3, 'S': 2, 'T': 3, 'L': 2, 'W': 10, 'u': 3, 'v': 2,
	'4': 3, // italic, on copies
}

// esc takes a command that begins with ESC.
func (m *machine) esc(b []byte) (int, func()) {
	if len(b) < 2 {
		return 0, nil
	}
	switch b[1] {
	case 'D': // tabs, NUL ends
		for i := 2; i < len(b) && i < 2+33; i++ {
			if b[i] == 0 {
				stops := append([]byte(nil), b[2:i]...)
				return i + 1, func() {
					m.st.tabs = []int{}
					for _, s := range stops {
						m.st.tabs = append(m.st.tabs, int(s))
					}
				}
			}
		}
		if len(b) >= 2+33 {
			return 2, func() { m.unknownCode(b[:2]) }
		}
		return 0, nil
	case '*':
		return m.columns(b)
	case '(': // ESC ( x pL pH …
		if len(b) < 5 {
			return 0, nil
		}
		return exact(b, 5+int(b[3])+int(b[4])<<8, func() { m.event("beep", "ESC ( %c", b[2]) })
	}
	n, ok := escLen[b[1]]
	if !ok {
		return 2, func() { m.unknownCode(b[:2]) }
	}
	if len(b) < n {
		return 0, nil
	}
	args := append([]byte(nil), b[2:n]...)
	return n, func() { m.doEsc(b[1], args) }
}

func (m *machine) doEsc(name byte, a []byte) {
	switch name {
	case '@':
		m.reset()
		m.event("init", "")
	case 'M':
		m.st.fontB = a[0]&1 == 1
	case 't':
		m.st.page = a[0]
	case 'a':
		if len(m.line) == 0 {
			m.st.align = a[0] & 3
		}
	case 'E', 'G':
		m.st.bold = a[0]&1 == 1
	case '-':
		m.st.underline = int(a[0] & 3)
	case '!':
		m.printMode(a[0])
	case '2':
		m.st.spacing = 30
	case '3':
		m.st.spacing = int(a[0])
	case 'd':
		m.flush()
		m.current().paper.feed(int(a[0]) * m.st.spacing)
	case 'J':
		if len(m.line) > 0 {
			m.print(int(a[0]))
			return
		}
		m.current().paper.feed(int(a[0]))
	case 'e', 'K':
		m.flush()
		m.current().paper.feed(-int(a[0]))
	case '$':
		m.x = int(a[0]) + int(a[1])<<8
	case '\\':
		m.x = max(0, m.x+int(int16(uint16(a[0])|uint16(a[1])<<8)))
	case ' ':
		m.st.gap = int(a[0])
	case '{':
		m.st.flipped = a[0]&1 == 1
	case 'i', 'm':
		m.cut(0, name == 'i')
	case 'p':
		m.event("drawer", "pin %d on %d ms", 2+3*int(a[0]&1), int(a[1])*2)
	case 'B':
		m.event("beep", "%d times", a[0])
	case 'L', 'W', 'T', 'S':
		m.unknownCode([]byte{0x1B, name}) // page mode: not simulated
	}
}

// printMode is ESC !.
func (m *machine) printMode(n byte) {
	m.st.fontB, m.st.bold = n&1 != 0, n&8 != 0
	m.st.width, m.st.height = 1+int(n>>5&1), 1+int(n>>4&1)
	m.st.underline = int(n >> 7)
}

// fs takes a command that begins with FS: Chinese characters.
func (m *machine) fs(b []byte) (int, func()) {
	if len(b) < 2 {
		return 0, nil
	}
	switch b[1] {
	case '&':
		return 2, func() { m.st.chinese = true }
	case '.':
		return 2, func() { m.st.chinese = false }
	case '!':
		return exact(b, 3, func() { m.st.cjkWidth, m.st.cjkHeight, m.st.underline = b[2]&4 != 0, b[2]&8 != 0, int(b[2]>>7) })
	case 'W':
		return exact(b, 3, func() { m.st.cjkWidth, m.st.cjkHeight = b[2]&1 != 0, b[2]&1 != 0 })
	case '-':
		return exact(b, 3, func() { m.st.underline = int(b[2] & 3) })
	case 'S':
		return exact(b, 4, func() {})
	case 'C':
		return exact(b, 3, func() {})
	case 'p':
		return exact(b, 4, func() { m.event("failed", "no NV image %d", b[2]) })
	case '2':
		return exact(b, 4+72, func() {})
	case '(':
		if len(b) < 5 {
			return 0, nil
		}
		return exact(b, 5+int(b[3])+int(b[4])<<8, func() {
			if b[2] != 'A' { // FS ( A: which Kanji font
				m.unknownCode(b[:3])
			}
		})
	}
	return 2, func() { m.unknownCode(b[:2]) }
}
