package sim

import (
	"image"
	"image/color"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// QRScreen is a small screen that draws a code itself, with the ASCII commands of
// "QRVIEW" HMI screens: commands end with ';', a line of them with CR LF, and a
// line is obeyed as a whole. Page 0 is a logo, page 1 has one code and three lines.
type QRScreen struct {
	mu      sync.Mutex
	page    int
	payload string
	texts   [3]string
	buf     []byte
	unknown int
	changed chan struct{}
}

// screenSide is the side of the picture of a code in pixels.
const screenSide = 240

// NewQRScreen returns a screen that shows its logo.
func NewQRScreen() *QRScreen { return &QRScreen{changed: make(chan struct{})} }

// Texts returns the three lines that can be seen; none on the logo page.
func (s *QRScreen) Texts() [3]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.page != 1 {
		return [3]string{}
	}
	return s.texts
}

// Codes returns what a phone reads off the screen.
func (s *QRScreen) Codes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.page != 1 || s.payload == "" {
		return nil
	}
	modules, err := encodeQR([]byte(s.payload), "L")
	if err != nil {
		return nil
	}
	scale := screenSide / (len(modules) + 8)
	if scale < 2 {
		return nil // no camera makes it out
	}
	img := image.NewGray(image.Rect(0, 0, screenSide, screenSide))
	for y := range screenSide {
		for x := range screenSide {
			my, mx := y/scale-4, x/scale-4
			dark := my >= 0 && mx >= 0 && my < len(modules) && mx < len(modules) && modules[my][mx]
			if !dark {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	text, err := DecodeQR(img)
	if err != nil {
		return nil
	}
	return []string{text}
}

// Changed returns a channel that is closed at the next change.
func (s *QRScreen) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Unknown counts commands that there are not.
func (s *QRScreen) Unknown() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unknown
}

// Run shows what comes over the line until it ends.
func (s *QRScreen) Run(line io.Reader) error { return run(line, s.Feed) }

// maxLine is the screen's receive buffer in bytes; a longer line is lost.
const maxLine = 4096

// Feed takes bytes as they come.
func (s *QRScreen) Feed(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range b {
		s.buf = append(s.buf, c)
		switch n := len(s.buf); {
		case c == '\n' && n > 1 && s.buf[n-2] == '\r':
			s.obey(string(s.buf[:n-2]))
			s.buf = s.buf[:0]
		case n > maxLine:
			s.unknown++
			s.buf = s.buf[:0]
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

var command = regexp.MustCompile(`^([A-Z_]+)\(([0-9]+)(?:,([^)]*))?\)$`)

func (s *QRScreen) obey(line string) {
	for c := range strings.SplitSeq(line, ";") {
		if c == "" {
			continue
		}
		m := command.FindStringSubmatch(c)
		if m == nil {
			s.unknown++
			continue
		}
		n, err := strconv.Atoi(m[2])
		switch {
		case err != nil:
			s.unknown++
		case m[1] == "JUMP" && n <= 1:
			s.page = n
		case m[1] == "QBAR" && n == 0:
			s.payload = m[3]
		case m[1] == "SET_TXT" && n < len(s.texts):
			text, err := simplifiedchinese.GB18030.NewDecoder().String(m[3])
			if err != nil {
				s.unknown++
			}
			s.texts[n] = text
		case m[1] == "BL" && n <= 255:
		default:
			s.unknown++
		}
	}
}
