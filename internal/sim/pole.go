package sim

import (
	"io"
	"strings"
	"sync"
)

// Pole is a 2x20 character pole display with the CD5220 command set (Partner
// Tech CD5220 manual; the Epson-style cursor commands that it shares).
type Pole struct {
	mu      sync.Mutex
	cells   [2][20]rune
	x, y    int
	buf     []byte
	unknown int
	frames  int
	changed chan struct{}
}

// NewPole returns a blank display.
func NewPole() *Pole {
	p := &Pole{changed: make(chan struct{})}
	p.clear()
	return p
}

// Rows returns the two lines of 20 cells.
func (p *Pole) Rows() [2]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return [2]string{string(p.cells[0][:]), string(p.cells[1][:])}
}

// Changed returns a channel that is closed at the next change.
func (p *Pole) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// Unknown counts bytes that are no part of any command or text of a CD5220.
func (p *Pole) Unknown() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unknown
}

// Run shows what comes over the line until it ends.
func (p *Pole) Run(line io.Reader) error {
	b := make([]byte, 256)
	for {
		n, err := line.Read(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		p.Feed(b[:n])
	}
}

// Feed takes bytes as they come; a torn command waits for its rest.
func (p *Pole) Feed(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = append(p.buf, b...)
	for len(p.buf) > 0 {
		n := p.step(p.buf)
		if n == 0 {
			break
		}
		p.buf = p.buf[n:]
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// step executes the command at the head of b and returns its length, 0 while
// it is incomplete.
func (p *Pole) step(b []byte) int {
	switch c := b[0]; c {
	case 0x08: // BS
		p.move(-1)
	case 0x09: // HT: right
		p.move(1)
	case 0x0A: // LF: down
		p.y = 1 - p.y
	case 0x0B: // HOM
		p.x, p.y = 0, 0
	case 0x0C: // CLR, also ends string mode
		p.clear()
	case 0x0D: // CR
		p.x = 0
	case 0x18: // CAN: clear line
		p.blank(p.y)
		p.x = 0
	case 0x1B:
		return p.escape(b)
	case 0x1F:
		return p.us(b)
	default:
		if c < 0x20 {
			p.unknown++
			return 1
		}
		p.put(rune(c))
	}
	return 1
}

// escape handles ESC sequences.
func (p *Pole) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '@': // initialise
		p.clear()
		return 2
	case 'Q': // ESC Q A|B text CR: write a whole line; C, D: marquee
		return p.line(b)
	case 'l': // ESC l x y
		if len(b) < 4 {
			return 0
		}
		if x, y := int(b[2]), int(b[3]); x >= 1 && x <= 20 && y >= 1 && y <= 2 {
			p.x, p.y = x-1, y-1
		} else {
			p.unknown++
		}
		return 4
	case '*', '_', 'c', 'f', 't', 'R', '=', '#': // brightness, cursor, code tables, selection
		if len(b) < 3 {
			return 0
		}
		return 3
	case '[': // ESC [ A…: cursor keys
		if len(b) < 3 {
			return 0
		}
		return 3
	case 0x11, 0x12, 0x13: // overwrite, vertical, horizontal scroll
		return 2
	}
	p.unknown++
	return 2
}

// line handles ESC Q A and ESC Q B. Text longer than the line is lost.
func (p *Pole) line(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	row := int(b[2]) - 'A'
	for i, c := range b[3:] {
		if c == 0x0D {
			if row == 0 || row == 1 {
				p.write(row, b[3:3+i])
			}
			return i + 4
		}
		if c == 0x0C || c == 0x18 { // ends string mode without a CR
			p.unknown++
			return i + 3
		}
	}
	if len(b) > 3+64 { // no device waits for ever for its CR
		p.unknown++
		return len(b)
	}
	return 0
}

// us handles US sequences, the ones with an Epson heritage.
func (p *Pole) us(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case 0x01, 0x02, 0x03, '@':
		return 2
	case 'X', 'E', 'C', 'r':
		if len(b) < 3 {
			return 0
		}
		return 3
	case '$':
		if len(b) < 4 {
			return 0
		}
		if x, y := int(b[2]), int(b[3]); x >= 1 && x <= 20 && y >= 1 && y <= 2 {
			p.x, p.y = x-1, y-1
		} else {
			p.unknown++
		}
		return 4
	}
	p.unknown++
	return 2
}

func (p *Pole) write(row int, text []byte) {
	p.blank(row)
	for i, c := range text {
		if i == 20 {
			break
		}
		if c < 0x20 {
			p.unknown++
			c = ' '
		}
		p.cells[row][i] = rune(c)
	}
	p.frames++
}

func (p *Pole) put(r rune) {
	p.cells[p.y][p.x] = r
	p.move(1)
}

func (p *Pole) move(d int) {
	at := (p.y*20 + p.x + d + 40) % 40
	p.x, p.y = at%20, at/20
}

func (p *Pole) blank(row int) {
	copy(p.cells[row][:], []rune(strings.Repeat(" ", 20)))
}

func (p *Pole) clear() {
	p.blank(0)
	p.blank(1)
	p.x, p.y = 0, 0
}
