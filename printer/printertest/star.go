package printertest

import (
	"image"
	"slices"
	"sync"
	"testing"

	"tilld/device"
)

// Star is a virtual Star printer for dots: pictures of StarPRNT and line mode,
// cut, drawer, status, counters of what is printed. Its paper is 576 dots wide.
type Star struct {
	Mute      bool // never answers
	PaperLeft int  // dots of paper that are left, 0 for enough

	m   Machine // its paper and its cable
	mu  sync.Mutex
	buf []byte

	NoProof bool // knows neither ETB nor ESC GS ETX
	etb     int
	ends    byte
	tail    []byte // for what is done on reception
}

// Plug returns a port to the printer.
func (s *Star) Plug(t testing.TB) device.Port {
	s.m.take, s.m.PaperLeft = s.write, s.PaperLeft
	return s.m.Plug(t)
}

// SetMute has the printer answer from now on, or not.
func (s *Star) SetMute(mute bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Mute = mute
}

// SetPaper takes the paper out or puts new paper in; then what waited is printed.
func (s *Star) SetPaper(in bool) {
	s.m.SetPaper(in)
	s.write(nil)
}

func (s *Star) Lines() []string    { return s.m.Lines() }
func (s *Star) Events() []string   { return s.m.Events() }
func (s *Star) Drawer() int        { return s.m.Drawer() }
func (s *Star) Cuts() int          { return s.m.Cuts() }
func (s *Star) Paper() *image.Gray { return s.m.Paper() }

// write takes bytes as they arrive.
func (s *Star) write(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.buf = append(s.buf, p...)
	for _, c := range p { // the status is asked for in real time
		if s.tail = append(s.tail, c); len(s.tail) > 3 {
			s.tail = s.tail[1:]
		}
		if string(s.tail) == "\x1b\x06\x01" {
			s.status()
		}
	}
	for len(s.buf) > 0 && !s.m.empty {
		n := s.step(s.buf)
		if n == 0 {
			return
		}
		s.buf = s.buf[n:]
	}
}

func (s *Star) step(b []byte) int {
	has := func(head ...byte) bool { return len(b) >= len(head) && slices.Equal(b[:len(head)], head) }
	switch {
	case b[0] == 0x1b && len(b) < 2, has(0x1b, 0x1d) && len(b) < 3:
		return 0
	case has(0x1b, '@'), has(0x1b, '0'):
		return 2
	case has(0x1b, 0x06):
		if len(b) < 3 {
			return 0
		}
		return 3
	case has(0x17) && !s.NoProof:
		s.etb = (s.etb + 1) % 32
		return 1
	case has(0x1b, 0x1e):
		if len(b) < 4 {
			return 0
		}
		if b[2] == 'E' {
			s.etb = 0
		}
		return 4
	case has(0x1b, 0x1d, 0x03):
		if len(b) < 6 {
			return 0
		}
		if s.ends += b[3]; !s.NoProof && !s.Mute {
			s.m.reply(append(slices.Clone(b[:6]), s.ends, 0))
		}
		return 6
	case has(0x1b, 0x07):
		if len(b) < 4 {
			return 0
		}
		return 4
	case has(0x07), has(0x1a):
		s.m.drawer++
		s.m.event("drawer")
		return 1
	case has(0x1b, 'd'):
		if len(b) < 3 {
			return 0
		}
		s.m.cuts++
		s.m.event("cut")
		return 3
	case has(0x1b, 0x1d, 'S'):
		if len(b) < 9 {
			return 0
		}
		return s.picture(b, 9, int(b[4])|int(b[5])<<8, int(b[6])|int(b[7])<<8)
	case has(0x1b, 'k'):
		if len(b) < 4 {
			return 0
		}
		return s.picture(b, 4, int(b[2])|int(b[3])<<8, 24)
	case has(0x0a):
		return 1
	}
	s.m.event("unknown %02x", b[0])
	return 1
}

func (s *Star) picture(b []byte, head, w, h int) int {
	if len(b) < head+w*h {
		return 0
	}
	img := s.m.strip(h)
	for y := range h {
		for x := range 8 * w {
			if b[head+y*w+x/8]&(0x80>>(x%8)) != 0 {
				dot(img, x, y)
			}
		}
	}
	return head + w*h
}

// status sends a frame of nine bytes.
func (s *Star) status() {
	if s.Mute {
		return
	}
	f := []byte{0x23, 0x06, 0, 0, 0, 0, 0, byte(s.etb&7<<1 | s.etb>>3<<5), 0}
	if s.m.empty {
		f[2] |= 0x08
		f[5] |= 0x08
	}
	s.m.reply(f)
}
