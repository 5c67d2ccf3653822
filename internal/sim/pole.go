package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Pole is a character pole display of two rows by twenty columns. Which command
// set it obeys is set as by the DIP switches of a real one.
type Pole struct {
	obey    func(*Pole, []byte) int // executes the command at the head, returns its length, 0 while it is incomplete
	chinese bool

	mu         sync.Mutex
	cells      [2][20]byte
	x, y       int
	deselected bool // ESC = n: what comes is for the printer behind the display
	enhanced   bool // UTC
	buf        []byte
	unknown    int
	changed    chan struct{}
}

// families are the command sets a pole display can be switched to.
var families = map[string]func(*Pole, []byte) int{
	"cd5220": (*Pole).cd5220, "epson": (*Pole).epson, "dsp800": (*Pole).dsp800, "utc": (*Pole).utc,
}

// Families returns the names of the command sets.
func Families() []string { return []string{"cd5220", "epson", "dsp800", "utc"} }

// NewPole returns a blank display with the CD5220 command set.
func NewPole() *Pole { return newPole((*Pole).cd5220, false) }

// NewPoleOf returns a blank display of a family; a Chinese one has a GB font, in
// which a character takes two cells.
func NewPoleOf(family string, chinese bool) (*Pole, error) {
	obey, ok := families[family]
	if !ok {
		return nil, fmt.Errorf("sim: no pole display %q, there are %v", family, Families())
	}
	return newPole(obey, chinese), nil
}

func newPole(obey func(*Pole, []byte) int, chinese bool) *Pole {
	p := &Pole{obey: obey, chinese: chinese, changed: make(chan struct{})}
	p.clear()
	return p
}

// Rows returns the two lines of 20 cells, as a person reads them: on a display
// without a Chinese font each byte from 80 on is an odd letter.
func (p *Pole) Rows() [2]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rows [2]string
	for y, cells := range p.cells {
		rows[y] = p.read(cells[:])
	}
	return rows
}

func (p *Pole) read(cells []byte) string {
	if p.chinese {
		if s, err := simplifiedchinese.GB18030.NewDecoder().Bytes(cells); err == nil {
			return string(s)
		}
	}
	r := make([]rune, len(cells))
	for i, c := range cells {
		r[i] = rune(c)
	}
	return string(r)
}

// Changed returns a channel that is closed at the next change.
func (p *Pole) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// Unknown counts bytes that are no part of any command or text of the family.
func (p *Pole) Unknown() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unknown
}

// Run shows what comes over the line until it ends.
func (p *Pole) Run(line io.Reader) error { return run(line, p.Feed) }

// run feeds a display from its line until that ends.
func run(line io.Reader, feed func([]byte)) error {
	b := make([]byte, 256)
	for {
		n, err := line.Read(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		feed(b[:n])
	}
}

// Feed takes bytes as they come; a torn command waits for its rest.
func (p *Pole) Feed(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = append(p.buf, b...)
	for len(p.buf) > 0 {
		n := p.obey(p, p.buf)
		if n == 0 {
			break
		}
		p.buf = p.buf[n:]
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// odd counts a code that is none, of n bytes.
func (p *Pole) odd(n int) int {
	p.unknown++
	return n
}

// params returns n if b has so many bytes, else 0: wait for the rest.
func params(b []byte, n int) int {
	if len(b) < n {
		return 0
	}
	return n
}

// cursor does what the control codes do that all families but DSP800 share; it
// reports false for others.
func (p *Pole) cursor(c byte) bool {
	switch c {
	case 0x08: // BS
		p.move(-1)
	case 0x09: // HT: right
		p.move(1)
	case 0x0A: // LF: down
		p.y = 1 - p.y
	case 0x0D: // CR
		p.x = 0
	default:
		return false
	}
	return true
}

// place puts the cursor into column x of row y, counted from 1.
func (p *Pole) place(x, y int) {
	if x < 1 || x > 20 || y < 1 || y > 2 {
		p.unknown++
		return
	}
	p.x, p.y = x-1, y-1
}

func (p *Pole) put(c byte) {
	p.cells[p.y][p.x] = c
	p.move(1)
}

func (p *Pole) move(d int) {
	at := (p.y*20 + p.x + d + 40) % 40
	p.x, p.y = at%20, at/20
}

func (p *Pole) blank(row int) { copy(p.cells[row][:], strings.Repeat(" ", 20)) }

func (p *Pole) clear() {
	p.blank(0)
	p.blank(1)
	p.x, p.y = 0, 0
}

// write replaces a whole row; text that does not fit is lost.
func (p *Pole) write(row int, text []byte) {
	p.blank(row)
	for i, c := range text[:min(20, len(text))] {
		if c < 0x20 {
			p.unknown++
			c = ' '
		}
		p.cells[row][i] = c
	}
}

// text is the string command that CD5220 and enhanced UTC share: three bytes,
// the last of which names the row, a text, CR. ends are the codes that break it
// off; they are left for the next command.
func (p *Pole) text(b, ends []byte) int {
	if len(b) < 3 {
		return 0
	}
	row := int(b[2]) - 'A'
	for i, c := range b[3:] {
		switch {
		case c == 0x0D:
			if row == 0 || row == 1 {
				p.write(row, b[3:3+i])
			}
			return i + 4
		case slices.Contains(ends, c):
			return p.odd(i + 3)
		}
	}
	if len(b) > 3+64 { // no device waits for ever for its CR
		return p.odd(len(b))
	}
	return 0
}
