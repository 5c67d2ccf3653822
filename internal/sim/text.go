package sim

import (
	"image"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// placed is a character in the line buffer.
type placed struct {
	r    rune
	x    int
	w, h int // cell in dots
	st   style
}

// codePages are the numbers of ESC t on which Epson and the clones agree.
var codePages = map[byte]*charmap.Charmap{
	0: charmap.CodePage437, 2: charmap.CodePage850, 3: charmap.CodePage860, 4: charmap.CodePage863,
	5: charmap.CodePage865, 16: charmap.Windows1252, 17: charmap.CodePage866, 18: charmap.CodePage852, 19: charmap.CodePage858,
}

// character takes one character of one or two bytes.
func (m *machine) character(b []byte) (int, func()) {
	c := b[0]
	if c < 0x80 {
		return 1, func() { m.put(rune(c), false) }
	}
	if m.st.chinese && c >= 0x81 && c <= 0xFE {
		if len(b) < 2 {
			return 0, nil
		}
		if b[1] >= 0x30 && b[1] <= 0x39 { // four-byte GB18030: no printer knows it
			return 2, func() { m.unknownCode(b[:2]); m.put('?', false) }
		}
		if b[1] < 0x40 || b[1] == 0x7F || b[1] == 0xFF {
			return 1, func() { m.unknownCode(b[:1]) }
		}
		pair := [2]byte{c, b[1]}
		return 2, func() {
			text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(pair[:])
			r := '\uFFFD'
			if err == nil {
				r = []rune(string(text))[0]
			}
			m.put(r, true)
		}
	}
	return 1, func() {
		if m.st.page == 1 {
			m.put(katakana(c), false)
			return
		}
		if m.st.page == 13 {
			m.put(turkish(c), false)
			return
		}
		if page, ok := codePages[m.st.page]; ok {
			m.put(page.DecodeByte(c), false)
			return
		}
		m.event("failed", "%02X of code page %d, which makes number differently", c, m.st.page)
		m.put('?', false)
	}
}

// turkish is code page 857, which is 850 but for these.
func turkish(c byte) rune {
	if r, ok := map[byte]rune{
		0x8D: 'ı', 0x98: 'İ', 0x9E: 'Ş', 0x9F: 'ş', 0xA6: 'Ğ', 0xA7: 'ğ', 0xD0: 'º', 0xD1: 'ª', 0xD5: '€', 0xEC: '×', 0xED: 'ì',
	}[c]; ok {
		return r
	}
	return charmap.CodePage850.DecodeByte(c)
}

// frames are 80 to 9F of Epson's Katakana page: bars, and what boxes are made of.
var frames = []rune("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉┼┴┬┤├▔─│▕┌┐└┘╭╮╰╯")

// katakana is code page 1: frames, half-width kana, and signs above E0.
func katakana(c byte) rune {
	switch {
	case c < 0xA0:
		return frames[c-0x80]
	case c > 0xA0 && c < 0xE0:
		return '\uFF61' + rune(c) - 0xA1
	}
	return ' '
}

// cell is the size of the next character in dots.
func (m *machine) cell(wide bool) (w, h int) {
	w, h = 12, 24
	if m.st.fontB {
		w, h = 9, 17
	}
	if wide {
		w, h = 24, 24
	}
	w, h = w*m.st.width, h*m.st.height
	if wide && m.st.cjkWidth && m.st.width == 1 {
		w *= 2
	}
	if wide && m.st.cjkHeight && m.st.height == 1 {
		h *= 2
	}
	return w, h
}

// put places a character, wrapping at the right end of the print area.
func (m *machine) put(r rune, wide bool) {
	w, h := m.cell(wide)
	if m.x+w > m.area() && m.x > 0 {
		m.newline()
	}
	m.line = append(m.line, placed{r: r, x: m.x, w: w, h: h, st: m.st})
	m.x += w + m.st.gap*m.st.width
}

// area is the width of the print area in dots.
func (m *machine) area() int { return min(m.st.area, m.dots-m.st.left) }

func (m *machine) tab() {
	for _, column := range m.st.tabs {
		if at := column * 12 * m.st.width; at > m.x {
			m.x = at
			return
		}
	}
	if m.st.tabs == nil { // every 8 characters of font A
		m.x = (m.x/96 + 1) * 96
	}
}

// newline prints the line buffer and feeds one line.
func (m *machine) newline() {
	if len(m.line) == 0 {
		t := m.current()
		t.Lines = append(t.Lines, "")
		t.paper.feed(m.st.spacing)
		m.x = 0
		return
	}
	m.print(m.st.spacing)
}

// flush prints a line buffer that still holds something.
func (m *machine) flush() {
	if len(m.line) > 0 {
		m.print(m.st.spacing)
	}
}

func (m *machine) print(feed int) {
	t := m.current()
	var text strings.Builder
	end, tall := 0, 0
	for _, c := range m.line {
		for pad := (c.x - end) / max(c.st.width*12, 1); pad > 0 && text.Len() > 0; pad-- {
			text.WriteByte(' ')
		}
		text.WriteRune(c.r)
		end, tall = c.x+c.w, max(tall, c.h)
	}
	shift := m.st.left
	switch m.st.align {
	case 1:
		shift += max((m.area()-end)/2, 0)
	case 2:
		shift += max(m.area()-end, 0)
	}
	for _, c := range m.line {
		m.draw(t.paper, c, shift, tall)
	}
	t.Lines = append(t.Lines, strings.TrimRight(text.String(), " "))
	t.paper.feed(max(feed, tall))
	m.line, m.x = nil, 0
}

// draw puts one character on paper, standing on the line's common ground.
func (m *machine) draw(p *paper, c placed, shift, tall int) {
	top := tall - c.h
	baseW, baseH := max(c.w/c.st.width, 1), max(c.h/c.st.height, 1)
	mask, ok := m.glyph(c.r, baseW, baseH)
	for y := range c.h {
		for x := range c.w {
			if !ok {
				if edge := x < 2 || y < 2 || x >= c.w-2 || y >= c.h-2; edge && x > 0 && y > 0 {
					p.set(shift+c.x+x, top+y)
				}
				continue
			}
			gx, gy := x*baseW/c.w, y*baseH/c.h
			if mask != nil && (mask.AlphaAt(gx, gy).A >= 0x80 || c.st.bold && gx > 0 && mask.AlphaAt(gx-1, gy).A >= 0x80) {
				p.set(shift+c.x+x, top+y)
			}
		}
	}
	for d := range c.st.underline {
		for x := range c.w {
			p.set(shift+c.x+x, tall-1-d)
		}
	}
	if c.st.invert {
		for y := range tall {
			for x := range c.w {
				p.flip(shift+c.x+x, y)
			}
		}
	}
}

func (m *machine) glyph(r rune, w, h int) (*image.Alpha, bool) {
	if r == ' ' || r == '\u3000' {
		return nil, true
	}
	if m.font == nil {
		return nil, false
	}
	return m.font.Glyph(r, w, h)
}
