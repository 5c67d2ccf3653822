package framebuffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/bits"
)

// kernel is what a port to a framebuffer can do besides being a port: Linux's
// fbdev calls, so that a simulator can stand in for them.
type kernel interface {
	// Ioctl does request with the structure arg, which it may fill.
	Ioctl(request uint, arg []byte) error
	// WriteAt writes into the picture's memory.
	WriteAt(b []byte, off int64) (int, error)
}

// Requests and structures of <linux/fb.h>.
const (
	getVar  = 0x4600 // FBIOGET_VSCREENINFO
	getFix  = 0x4602 // FBIOGET_FSCREENINFO
	pan     = 0x4606 // FBIOPAN_DISPLAY, with a var structure
	blank   = 0x4611 // FBIOBLANK
	varSize = 160
	fixSize = 80
)

// field is where a colour lies in a pixel.
type field struct{ offset, length uint }

// mode is how pictures lie in memory.
type mode struct {
	width, height    int // pixels
	bits             int // of a pixel: 16, 24 or 32
	red, green, blue field
	stride           int // bytes from row to row
	pages            int // 1, or 2 when one can be drawn while the other is shown
	raw              []byte
}

// bytes is the memory that the pages take.
func (m mode) bytes() int { return m.pages * m.height * m.stride }

// readMode asks the kernel and checks what it says.
func readMode(k kernel) (mode, error) {
	v, f := make([]byte, varSize), make([]byte, fixSize)
	if err := k.Ioctl(getVar, v); err != nil {
		return mode{}, fmt.Errorf("FBIOGET_VSCREENINFO: %w", err)
	}
	if err := k.Ioctl(getFix, f); err != nil {
		return mode{}, fmt.Errorf("FBIOGET_FSCREENINFO: %w", err)
	}
	return parseMode(v, f, bits.UintSize/8)
}

// parseMode reads the two structures; word is the size of the kernel's long.
func parseMode(v, f []byte, word int) (mode, error) {
	u32 := func(b []byte, at int) int { return int(binary.NativeEndian.Uint32(b[at:])) }
	colour := func(at int) field { return field{uint(u32(v, at)), uint(u32(v, at+4))} }
	m := mode{
		width: u32(v, 0), height: u32(v, 4), bits: u32(v, 24),
		red: colour(32), green: colour(44), blue: colour(56), pages: 1, raw: v,
	}
	// id[16], smem_start (long), smem_len, type, type_aux, visual, xpanstep (u16), ypanstep (u16), ywrapstep (u16), line_length
	memory, step := u32(f, 16+word), binary.NativeEndian.Uint16(f[16+word+18:])
	m.stride = u32(f, 16+word+24)
	switch {
	case m.width < 160 || m.height < 120 || m.width > 4096 || m.height > 4096:
		return m, fmt.Errorf("a picture of %d x %d pixels", m.width, m.height)
	case m.bits != 16 && m.bits != 24 && m.bits != 32:
		return m, fmt.Errorf("%d bits a pixel, want 16, 24 or 32", m.bits)
	case m.stride < m.width*m.bits/8 || m.stride > 1<<16:
		return m, fmt.Errorf("rows of %d bytes for %d pixels of %d bits", m.stride, m.width, m.bits)
	case memory < m.height*m.stride:
		return m, fmt.Errorf("%d bytes of memory for %d rows of %d bytes", memory, m.height, m.stride)
	}
	for _, c := range []field{m.red, m.green, m.blue} {
		if c.length < 1 || c.length > 8 || c.offset+c.length > uint(m.bits) {
			return m, errors.New("colours that are not 1 to 8 bits of a pixel")
		}
	}
	if u32(v, 12) >= 2*m.height && step > 0 && m.height%int(step) == 0 && memory >= 2*m.height*m.stride {
		m.pages = 2
	}
	return m, nil
}

// panTo is the var structure that shows a page.
func (m mode) panTo(page int) []byte {
	v := append([]byte(nil), m.raw...)
	binary.NativeEndian.PutUint32(v[16:], 0)
	binary.NativeEndian.PutUint32(v[20:], uint32(page*m.height))
	return v
}

// put writes a row of colours (0xRRGGBB) into dst.
func (m mode) put(dst []byte, row []uint32) {
	n := m.bits / 8
	for x, c := range row {
		p := c>>16&0xff>>(8-m.red.length)<<m.red.offset | c>>8&0xff>>(8-m.green.length)<<m.green.offset | c&0xff>>(8-m.blue.length)<<m.blue.offset
		switch n {
		case 2:
			binary.LittleEndian.PutUint16(dst[2*x:], uint16(p))
		case 3:
			dst[3*x], dst[3*x+1], dst[3*x+2] = byte(p), byte(p>>8), byte(p>>16)
		default:
			binary.LittleEndian.PutUint32(dst[4*x:], p)
		}
	}
}

// changed yields where the rows of a picture begin and end that differ from what
// was there before (nil: all do), neighbours together.
func (m mode) changed(was, is []byte) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		if was == nil {
			yield(0, len(is))
			return
		}
		from := -1
		for at := 0; at < len(is); at += m.stride {
			same := bytes.Equal(was[at:at+m.stride], is[at:at+m.stride])
			switch {
			case !same && from < 0:
				from = at
			case same && from >= 0:
				if !yield(from, at) {
					return
				}
				from = -1
			}
		}
		if from >= 0 {
			yield(from, len(is))
		}
	}
}
