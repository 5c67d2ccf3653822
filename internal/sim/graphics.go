package sim

// stored is a picture waiting in the printer's memory (GS ( L fn 112).
type stored struct {
	w, h   int // dots
	scaleX int
	scaleY int
	data   []byte // rows, MSB left
}

// maxCommand bounds one command in bytes; the largest that manuals allow is a
// raster of 2,303 rows.
const maxCommand = 1 << 20

// raster takes GS v 0: m xL xH yL yH data, x in bytes, y in dots.
func (m *machine) raster(b []byte) (int, func()) {
	if b[2] != '0' {
		return 3, func() { m.unknownCode(b[:3]) }
	}
	if len(b) < 8 {
		return 0, nil
	}
	stride, rows := int(b[4])+int(b[5])<<8, int(b[6])+int(b[7])<<8
	n := 8 + stride*rows
	if n > maxCommand {
		return 8, func() { m.unknownCode(b[:8]) }
	}
	if len(b) < n {
		return 0, nil
	}
	mode := b[3] & 3
	return n, func() {
		if len(m.line) > 0 { // only at the beginning of a line
			m.event("failed", "raster in the middle of a line")
			return
		}
		s := &stored{w: stride * 8, h: rows, scaleX: 1 + int(mode&1), scaleY: 1 + int(mode>>1), data: b[8:n]}
		m.event("raster", "%dx%d dots", s.w*s.scaleX, s.h*s.scaleY)
		m.blit(s)
	}
}

// graphics executes GS ( L and GS 8 L.
func (m *machine) graphics(a []byte) {
	if len(a) < 2 || a[0] != 48 {
		m.event("unknown", "graphics % X", a[:min(len(a), 4)])
		return
	}
	switch fn := a[1]; fn {
	case 112, 64: // store raster graphics: 48 112 a bx by c xL xH yL yH data
		if len(a) < 10 {
			m.event("unknown", "graphics: short")
			return
		}
		w, h := int(a[6])+int(a[7])<<8, int(a[8])+int(a[9])<<8
		if want := (w + 7) / 8 * h; len(a)-10 != want {
			m.event("failed", "graphics: %d bytes for %dx%d dots", len(a)-10, w, h)
			return
		}
		m.image = &stored{w: w, h: h, scaleX: max(int(a[3]), 1), scaleY: max(int(a[4]), 1), data: a[10:]}
	case 50, 2: // print what was stored
		if m.image == nil {
			m.event("failed", "graphics: nothing stored")
			return
		}
		if len(m.line) > 0 {
			m.event("failed", "graphics in the middle of a line")
			return
		}
		m.event("raster", "%dx%d dots", m.image.w*m.image.scaleX, m.image.h*m.image.scaleY)
		m.blit(m.image)
		m.image = nil
	case 48, 49, 51, 52: // capacity, density
	default:
		m.event("unknown", "graphics fn %d", fn)
	}
}

// blit prints a picture at the head, aligned, and feeds by its height.
func (m *machine) blit(s *stored) {
	t := m.current()
	stride := (s.w + 7) / 8
	shift := m.shift(s.w * s.scaleX)
	for y := range s.h * s.scaleY {
		row := s.data[y/s.scaleY*stride:]
		for x := range s.w * s.scaleX {
			if i := x / s.scaleX; row[i/8]&(0x80>>(i%8)) != 0 {
				t.paper.set(shift+x, y)
			}
		}
	}
	m.graphic(t.paper.y, t.paper.y+s.h*s.scaleY)
	t.paper.feed(s.h * s.scaleY)
}

// shift is where something w dots wide begins.
func (m *machine) shift(w int) int {
	switch m.st.align {
	case 1:
		return m.st.left + max((m.area()-w)/2, 0)
	case 2:
		return m.st.left + max(m.area()-w, 0)
	}
	return m.st.left
}

// columns takes ESC *: m nL nH and columns of 1 or 3 bytes, top to bottom.
func (m *machine) columns(b []byte) (int, func()) {
	if len(b) < 5 {
		return 0, nil
	}
	bytes, wide := 1, 2 // single density: each dot twice as wide
	switch b[2] {
	case 0:
	case 1:
		wide = 1
	case 32:
		bytes = 3
	case 33:
		bytes, wide = 3, 1
	default:
		return 3, func() { m.unknownCode(b[:3]) }
	}
	count := int(b[3]) + int(b[4])<<8
	n := 5 + count*bytes
	if len(b) < n {
		return 0, nil
	}
	tall := 1
	if bytes == 1 {
		tall = 3
	}
	return n, func() {
		t := m.current()
		for i := range count {
			for bit := range bytes * 8 {
				if b[5+i*bytes+bit/8]&(0x80>>(bit%8)) == 0 {
					continue
				}
				for d := range wide * tall {
					t.paper.set(m.st.left+m.x+i*wide+d%wide, bit*tall+d/wide)
				}
			}
		}
		m.x += count * wide
		m.graphic(t.paper.y, t.paper.y+24)
	}
}
