package sim

import (
	"fmt"
	"slices"
	"time"
)

// Event is one thing that a printer did besides putting text on paper.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // init, raster, qr, barcode, cut, drawer, beep, status, process_id, clear, unknown, failed
	Text string    `json:"text,omitempty"`
}

// Ticket is what came out between two cuts.
type Ticket struct {
	ID     int       `json:"id"` // 1, 2, 3 … per printer
	Begun  time.Time `json:"begun"`
	Ended  time.Time `json:"ended"`
	Lines  []string  `json:"lines"` // text as printed, without blanks at the end
	QR     []string  `json:"qr"`    // read back from the dots on the paper
	Cut    bool      `json:"cut"`   // false: still in the printer, or torn off
	Events []Event   `json:"events"`
	Height int       `json:"height"` // dots

	paper    *paper
	graphics []band
}

// band is a range of rows with graphics in it, for reading codes back.
type band struct{ top, bottom int }

// style is how the next characters are printed.
type style struct {
	fontB, bold, invert, flipped bool
	underline                    int // dots
	width, height                int // 1 to 8 times
	cjkWidth, cjkHeight          bool
	align                        byte // 0 left, 1 centre, 2 right
	spacing                      int  // line spacing in dots
	gap                          int  // between characters
	chinese                      bool
	page                         byte // code page, ESC t
	left, area                   int  // margin and width of the print area
	tabs                         []int
}

// machine is the printer behind its receive buffer: it takes complete commands
// and has dots, text and events to show for them. It is not safe for concurrent
// use and does not wait for anything.
//
// Sources: Epson ESC/POS command reference; the manuals of SP91, CT-S2000 and
// TM-T88III for what they add. Unknown commands are counted, never guessed.
type machine struct {
	dots    int
	cutter  bool
	chinese bool
	clone   bool
	maker   string
	name    string
	font    Font
	reply   func([]byte) // in-order answers
	status  func() Switches

	st      style
	line    []placed
	x       int
	bar     barcode
	qr      nativeQR
	image   *stored // GS ( L fn 112, waiting for fn 50
	ticket  *Ticket
	done    func(*Ticket)
	nextID  int
	unknown int
	now     func() time.Time
}

func (m *machine) reset() {
	m.st = style{width: 1, height: 1, spacing: 30, chinese: m.chinese, area: m.dots}
	m.line, m.x = nil, 0
	m.bar = barcode{height: 162, module: 3}
	m.qr = nativeQR{size: 3, level: "L"}
}

// current returns the ticket in the printer.
func (m *machine) current() *Ticket {
	if m.ticket == nil {
		m.nextID++
		m.ticket = &Ticket{ID: m.nextID, Begun: m.now(), paper: newPaper(m.dots)}
	}
	return m.ticket
}

func (m *machine) event(kind, format string, args ...any) {
	t := m.current()
	t.Events = append(t.Events, Event{At: m.now(), Kind: kind, Text: fmt.Sprintf(format, args...)})
	if kind == "unknown" {
		m.unknown++
	}
}

// next looks at the head of b. It returns the length of the command there and
// what to do; 0 while the command is incomplete.
func (m *machine) next(b []byte) (int, func()) {
	if len(b) == 0 {
		return 0, nil
	}
	switch b[0] {
	case 0x0A:
		return 1, m.newline
	case 0x0D, 0x00, 0x11, 0x13: // CR without auto line feed; padding; flow control
		return 1, func() {}
	case 0x09:
		return 1, m.tab
	case 0x0C, 0x18:
		return 1, func() { m.unknownCode(b[:1]) } // page mode only
	case 0x10:
		return m.dle(b)
	case 0x1B:
		return m.esc(b)
	case 0x1C:
		return m.fs(b)
	case 0x1D:
		return m.gs(b)
	}
	if b[0] < 0x20 {
		return 1, func() { m.unknownCode(b[:1]) }
	}
	return m.character(b)
}

func (m *machine) unknownCode(b []byte) { m.event("unknown", "% X", b) }

// exact is a command of n bytes in all.
func exact(b []byte, n int, run func()) (int, func()) {
	if len(b) < n {
		return 0, nil
	}
	return n, run
}

// dle skips real-time commands: they were executed when they came in.
func (m *machine) dle(b []byte) (int, func()) {
	if len(b) < 3 {
		return 0, nil
	}
	n := realTimeLen(b)
	if n == 0 {
		return 1, func() { m.unknownCode(b[:2]) }
	}
	return exact(b, n, func() {})
}

// realTimeLen is the length of the real-time command that begins with b's
// three bytes, 0 if none does.
func realTimeLen(b []byte) int {
	switch {
	case b[1] == 0x04 && b[2] >= 1 && b[2] <= 4, b[1] == 0x05 && b[2] <= 3:
		return 3
	case b[1] == 0x04 && (b[2] == 7 || b[2] == 8):
		return 4
	case b[1] == 0x14:
		switch b[2] {
		case 1, 2:
			return 5
		case 3, 7:
			return map[byte]int{3: 7, 7: 4}[b[2]]
		case 8:
			return 10
		}
	}
	return 0
}

// cut ends the ticket.
func (m *machine) cut(feed int, full bool) {
	m.flush()
	m.current().paper.feed(feed)
	if !m.cutter {
		m.event("cut", "ignored: no cutter")
		return
	}
	if m.status().CutterError {
		m.event("failed", "cutter error")
		return
	}
	m.event("cut", "full=%v", full)
	m.eject(true)
}

// eject hands over the ticket in the printer.
func (m *machine) eject(cut bool) {
	if m.ticket == nil {
		return
	}
	m.flush()
	t := m.ticket
	m.ticket = nil
	t.Cut, t.Ended, t.Height = cut, m.now(), t.paper.height()
	for _, g := range t.graphics {
		t.QR = append(t.QR, m.read(t.paper, g)...)
	}
	m.done(t)
}

// read reads the codes of one band. A tall one (whole receipts as one picture)
// is read in windows that overlap by the width of the paper, the first metre of
// it.
func (m *machine) read(p *paper, g band) (list []string) {
	for top, n := g.top, 0; top < g.bottom && n < 14; top, n = top+m.dots, n+1 {
		for _, text := range decodeAll(p.image(top, min(top+2*m.dots, g.bottom), 40)) {
			if !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
		if top+2*m.dots >= g.bottom {
			break
		}
	}
	return list
}

// graphic remembers rows with graphics; strips of one picture become one band.
func (m *machine) graphic(top, bottom int) {
	t := m.current()
	if n := len(t.graphics); n > 0 && top <= t.graphics[n-1].bottom {
		t.graphics[n-1].bottom = max(bottom, t.graphics[n-1].bottom)
		return
	}
	t.graphics = append(t.graphics, band{top, bottom})
}

// paperY is how far the ticket in the printer has come.
func (m *machine) paperY() int {
	if m.ticket == nil {
		return 0
	}
	return m.ticket.paper.y
}
