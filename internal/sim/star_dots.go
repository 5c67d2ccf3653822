package sim

import (
	"bytes"
	"strconv"
)

// bitImage is ESC letter n1 n2 and data of a size that n tells.
func (s *star) bitImage(b []byte, head int, size func(n int) int, run func(n int, d []byte)) (int, func()) {
	if len(b) < head {
		return 0, nil
	}
	n := int(b[2]) + int(b[3])<<8
	total := head + size(n)
	if total > maxCommand {
		return head, func() { s.unknownCode(b[:head]) }
	}
	if len(b) < total {
		return 0, nil
	}
	return total, func() { run(n, b[head:total]) }
}

// rows reads dots that come row by row, stride bytes each.
func rows(d []byte, stride int) func(x, y int) bool {
	return func(x, y int) bool { return d[y*stride+x/8]&(0x80>>(x%8)) != 0 }
}

// columnsOf reads dots that come column by column, deep bytes each.
func columnsOf(d []byte, deep int) func(x, y int) bool {
	return func(x, y int) bool { return d[x*deep+y/8]&(0x80>>(y%8)) != 0 }
}

// place puts a picture into the line: it is aligned and printed with it. What
// does not fit is lost. The dots are drawn when the line is printed, so they are
// kept as a picture of their own.
func (s *star) place(at func(x, y int) bool, w, h, wide, tall int) {
	data := make([]byte, (w*wide+7)/8*h*tall)
	stride := (w*wide + 7) / 8
	for y := range h * tall {
		for x := range w * wide {
			if at(x/wide, y/tall) {
				data[y*stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	s.pics = append(s.pics, linePicture{x: s.x, s: stored{w: w * wide, h: h * tall, scaleX: 1, scaleY: 1, data: data}})
	s.x += w * wide
}

// linePicture is a bit image in the line buffer.
type linePicture struct {
	x int
	s stored
}

// printPictures prints a line that holds pictures, and its text.
func (s *star) printPictures(feed int) {
	pics, end := s.pics, s.x
	s.pics = nil
	t, shift, tall := s.current(), s.shift(min(end, s.area())), 0
	for _, p := range pics {
		tall = max(tall, p.s.h)
		dots := rows(p.s.data, (p.s.w+7)/8)
		for y := range p.s.h {
			for x := range p.s.w {
				if p.x+x < s.area() && dots(x, y) {
					t.paper.set(shift+p.x+x, y)
				}
			}
		}
	}
	s.graphic(t.paper.y, t.paper.y+tall)
	if len(s.line) > 0 {
		s.print(max(feed, tall))
		return
	}
	t.paper.feed(max(feed, tall))
	s.x = 0
}

// rasterMode is what ESC * r A to ESC * r B encloses: a row of dots a command.
type rasterMode struct {
	on   bool
	left int
	top  int // row where the present block began
	eot  int // ESC * r E: 1 does not cut at the end
}

// enterRaster takes ESC * r A and, outside raster mode, the settings that may come
// before it.
func (s *star) enterRaster(b []byte) (int, func()) {
	if len(b) < 4 {
		return 0, nil
	}
	if b[2] != 'r' {
		return 3, func() { s.unknownCode(b[:3]) }
	}
	if b[3] == 'A' {
		return 4, func() {
			s.flush()
			s.raster = rasterMode{on: true, top: s.current().paper.y}
		}
	}
	return s.rasterSetting(b)
}

// rasterSetting is ESC * r, a letter or two, digits, NUL; R, A, B and C have
// neither digits nor NUL.
func (s *star) rasterSetting(b []byte) (int, func()) {
	switch b[3] {
	case 'A', 'R':
		return 4, func() { s.raster.left = 0 }
	case 'C':
		return 4, func() {}
	case 'B':
		return 4, func() {
			s.endBlock()
			s.raster.on = false
		}
	}
	end := bytes.IndexByte(b[4:], 0)
	switch {
	case end < 0 && len(b) > 20:
		return 4, func() { s.unknownCode(b[:4]) }
	case end < 0:
		return 0, nil
	}
	letter, digits := b[3], b[4:4+end]
	if letter == 'm' && len(digits) > 0 {
		letter, digits = digits[0], digits[1:]
	}
	n, err := strconv.Atoi(string(digits))
	return 5 + end, func() {
		switch {
		case err != nil && !bytes.ContainsRune(digits, '.'):
			s.unknownCode(b[:4])
		case letter == 'Y':
			s.current().paper.feed(min(n, maxPaper))
		case letter == 'l':
			s.raster.left = n * 8
		case letter == 'E':
			s.raster.eot = n
		case letter == 'D' && n > 0:
			s.drawer(2+3*(n-1)&5, 20)
		}
	}
}

// inRaster takes what may stand in raster mode. Text has no meaning there.
func (s *star) inRaster(b []byte) (int, func()) {
	switch b[0] {
	case 'b', 'k':
		if len(b) < 3 {
			return 0, nil
		}
		n := 3 + int(b[1]) + int(b[2])<<8
		if len(b) < n {
			return 0, nil
		}
		return n, func() {
			t, dots := s.current(), rows(b[3:n], n-3)
			for x := range (n - 3) * 8 {
				if dots(x, 0) {
					t.paper.set(s.raster.left+x, 0)
				}
			}
			if b[0] == 'b' {
				t.paper.feed(1)
			}
		}
	case 0x1B:
		if len(b) < 3 {
			return 0, nil
		}
		switch {
		case b[1] == '*' && b[2] == 'r':
			if len(b) < 4 {
				return 0, nil
			}
			return s.rasterSetting(b)
		case b[1] == 0x0C && (b[2] == 0 || b[2] == 4):
			return 3, func() {
				s.endBlock()
				if b[2] == 0 {
					s.cut(120, false)
				}
				s.raster.top = s.current().paper.y
			}
		case b[1] == 0x1E:
			return s.escRS(b)
		case b[1] == 0x06:
			return 3, func() {}
		case b[1] == 0x1D && b[2] == 0x03:
			return exact(b, 6, func() { s.printEndCounter(b[3], b[4], b[5]) })
		}
		return 2, func() { s.unknownCode(b[:2]) }
	case 0x00, 0x04, 0x05, 0x0A, 0x0D:
		return 1, func() {}
	case 0x17:
		return 1, s.updateETB
	case 0x07, 0x1C:
		return 1, func() { s.drawer(2, s.pulse[0]) }
	case 0x1A, 0x19:
		return 1, func() { s.drawer(5, 20) }
	}
	return 1, func() { s.unknownCode(b[:1]) }
}

// endBlock notes that what was drawn since the mode began is one picture.
func (s *star) endBlock() {
	if t := s.current(); t.paper.y > s.raster.top {
		s.event("raster", "%d rows", t.paper.y-s.raster.top)
		s.graphic(s.raster.top, t.paper.y)
		s.raster.top = t.paper.y
	}
}
