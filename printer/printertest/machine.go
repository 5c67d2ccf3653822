package printertest

import (
	"fmt"
	"image"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/internal/atlas"
)

// Machine is a virtual ESC/POS printer. Set the fields before the first byte;
// the methods may be called at any time.
type Machine struct {
	Width     int  // printable dots; 0 is 576
	Chinese   bool // powers up in Chinese mode with a GB18030 character set
	RealTime  bool // answers DLE EOT
	InOrder   bool // answers GS r
	ProcessID bool // answers GS ( H
	Reports   bool // automatic status back
	Fonts     string
	// PaperLeft is how many dots of paper are left, 0 for enough.
	PaperLeft int

	take func([]byte) // instead of Write, for other languages

	mu      sync.Mutex
	buf     []byte // received, not executed
	seen    []byte // tail of what was received, for real-time commands
	out     func([]byte)
	lines   []string
	events  []string
	strips  []*image.Gray
	drawer  int
	cuts    int
	empty   bool // out of paper
	open    bool // cover
	reports bool

	row     []cell
	x       int         // dots from the left edge, where the next character goes
	margin  int         // left margin
	area    int         // width of the print area, 0 for all
	stored  *image.Gray // picture that waits for GS ( L 50
	spacing int
	align   int
	wide    int
	high    int
	bold    bool
	under   bool
	invert  bool
	hanzi   bool
	page    byte
	away    bool // ESC = has selected another device
}

type cell struct {
	r          rune
	x          int
	w          int // cells of 12 dots in standard size
	wide, high int
	bold       bool
	under      bool
	invert     bool
}

// Write takes bytes as they arrive.
func (m *Machine) Write(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range p {
		m.buf = append(m.buf, b)
		m.received(b)
	}
	m.work()
}

// received acts on real-time commands as soon as their last byte is in.
func (m *Machine) received(b byte) {
	m.seen = append(m.seen, b)
	if len(m.seen) > 8 {
		m.seen = m.seen[1:]
	}
	tail := func(n int) []byte {
		if len(m.seen) < n {
			return make([]byte, n)
		}
		return m.seen[len(m.seen)-n:]
	}
	if t := tail(3); t[0] == 0x10 && t[1] == 0x04 && t[2] >= 1 && t[2] <= 4 && m.RealTime {
		m.reply([]byte{m.status(t[2])})
	}
	if t := tail(5); t[0] == 0x10 && t[1] == 0x14 && t[2] == 1 && t[3] <= 1 && t[4] >= 1 && t[4] <= 8 {
		m.drawer++
		m.event("drawer by DLE DC4")
	}
}

// status is the answer to DLE EOT n.
func (m *Machine) status(n byte) byte {
	s := byte(0x12)
	switch {
	case n == 1 && (m.empty || m.open):
		s |= 0x08
	case n == 2 && m.open:
		s |= 0x04
	case n == 2 && m.empty:
		s |= 0x20
	case n == 4 && m.empty:
		s |= 0x60
	}
	return s
}

func (m *Machine) asb() {
	if !m.reports {
		return
	}
	s := [4]byte{0x10, 0, 0, 0}
	if m.open {
		s[0] |= 0x28
	}
	if m.empty {
		s[0] |= 0x08
		s[2] |= 0x0f
	}
	m.reply(s[:])
}

func (m *Machine) reply(b []byte) {
	if m.out != nil {
		m.out(b)
	}
}

func (m *Machine) event(format string, args ...any) {
	m.events = append(m.events, fmt.Sprintf(format, args...))
}

// work executes what can be executed; a printer that is offline keeps the rest.
func (m *Machine) work() {
	for len(m.buf) > 0 && !m.empty && !m.open {
		n := m.step(m.buf)
		if n == 0 {
			return // wants more bytes
		}
		m.buf = m.buf[n:]
	}
}

// step executes one command or character at the start of b and returns its
// length, 0 if b holds only part of it.
func (m *Machine) step(b []byte) int {
	switch c := b[0]; {
	case m.away && c == 0x1b && len(b) < 3:
		return 0
	case m.away && (c != 0x1b || b[1] != '='):
		return 1
	case c == 0x1b:
		return m.escape(b)
	case c == 0x1c:
		return m.fs(b)
	case c == 0x1d:
		return m.gs(b)
	case c == 0x10:
		if len(b) < 3 {
			return 0
		}
		if b[1] == 0x14 {
			if len(b) < 5 {
				return 0
			}
			return 5
		}
		return 3
	case c == '\n':
		m.print()
		return 1
	case c == 0 || c == '\r':
		return 1
	case c < 0x20 || c == 0x7f:
		m.event("unknown control %02x", c)
		return 1
	case c < 0x80:
		m.put(rune(c), 1)
		return 1
	case m.hanzi:
		if len(b) < 2 {
			return 0
		}
		s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b[:2])
		r := []rune(string(s))
		if err != nil || len(r) != 1 || r[0] == '\ufffd' {
			m.event("no character % x", b[:2])
			r = []rune{'?'}
		}
		m.put(r[0], 2)
		return 2
	default:
		m.put(m.latin(c), 1)
		return 1
	}
}

// boxes are the box characters of the katakana page from 8F on (Epson page 1).
const boxes = "┼┴┬┤├▔─│▕┌┐└┘╭╮╰╯"

func (m *Machine) latin(c byte) rune {
	if m.page == 1 && c >= 0x8f && int(c)-0x8f < len([]rune(boxes)) {
		return []rune(boxes)[c-0x8f]
	}
	pages := map[byte]*charmap.Charmap{0: charmap.CodePage437, 2: charmap.CodePage850, 16: charmap.Windows1252, 17: charmap.CodePage866, 18: charmap.CodePage852, 19: charmap.CodePage858}
	if p := pages[m.page]; p != nil {
		return p.DecodeByte(c)
	}
	m.event("character %02x in unknown page %d", c, m.page)
	return '?'
}

// put adds a character to the line buffer; a full line prints itself.
func (m *Machine) put(r rune, w int) {
	size := w * max(m.wide, 1) * 12
	if m.x+size > m.right() {
		m.event("line too long")
		m.print()
	}
	m.row = append(m.row, cell{r, m.x, w, max(m.wide, 1), max(m.high, 1), m.bold, m.under, m.invert})
	m.x += size
}

// right is where a line is full.
func (m *Machine) right() int {
	if m.area == 0 || m.margin+m.area > m.width() {
		return m.width() - m.margin
	}
	return m.area
}

func (m *Machine) width() int {
	if m.Width == 0 {
		return 576
	}
	return m.Width
}

// print prints the line buffer and feeds.
func (m *Machine) print() {
	text, high, end := "", 1, 0
	slices.SortStableFunc(m.row, func(a, b cell) int { return a.x - b.x })
	for _, c := range m.row {
		if gap := c.x - end; gap >= 6 {
			text += strings.Repeat(" ", (gap+6)/12)
		}
		text += string(c.r)
		high, end = max(high, c.high), c.x+c.w*c.wide*12
	}
	m.lines = append(m.lines, strings.TrimRight(text, " "))
	space := m.spacing
	if space == 0 {
		space = 30
	}
	left := m.margin
	if m.align > 0 {
		left += max(m.right()-end, 0) * m.align / 2
	}
	strip := m.strip(max(space, 24*high))
	for _, c := range m.row {
		m.draw(strip, c, left+c.x, 24*high)
	}
	m.row, m.x = nil, 0
}

// strip advances the paper by h dots and returns the new piece of it.
func (m *Machine) strip(h int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, m.width(), max(h, 0)))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	m.strips = append(m.strips, img)
	if m.PaperLeft > 0 {
		if m.PaperLeft -= h; m.PaperLeft <= 0 {
			m.PaperLeft, m.empty = 0, true
			m.event("paper out")
			m.asb()
		}
	}
	return img
}

func (m *Machine) draw(img *image.Gray, c cell, x, base int) {
	set, err := atlas.Load()
	if err != nil {
		m.event("no glyphs: %v", err)
		return
	}
	g, _, ok := set.Glyph(c.r, c.w, c.bold)
	left := x + max(c.w*12-g.Width, 0)*c.wide/2
	top := base - 24*c.high
	for y := 0; ok && y < atlas.Height*c.high; y++ {
		for i := range g.Width * c.wide {
			if g.Rows[y/c.high*g.Stride()+i/c.wide/8]&(0x80>>(i/c.wide%8)) != 0 {
				dot(img, left+i, top+y)
			}
		}
	}
	for i := range c.w * c.wide * 12 {
		if c.under {
			dot(img, x+i, base-1)
		}
		for y := top; c.invert && y < base; y++ {
			if image.Pt(x+i, y).In(img.Rect) {
				img.Pix[y*img.Stride+x+i] ^= 0xff
			}
		}
	}
}

func dot(img *image.Gray, x, y int) {
	if image.Pt(x, y).In(img.Rect) {
		img.Pix[y*img.Stride+x] = 0
	}
}
