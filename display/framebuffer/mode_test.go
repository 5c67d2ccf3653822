package framebuffer

import (
	"encoding/binary"
	"testing"
)

// structures are what a kernel says of an 800x480 panel with RGB565, two pages and
// rows of 1664 bytes; word is the size of its long.
func structures(word int) (v, f []byte) {
	v, f = make([]byte, varSize), make([]byte, fixSize)
	put := binary.NativeEndian.PutUint32
	for at, n := range map[int]uint32{0: 800, 4: 480, 8: 800, 12: 960, 24: 16, 32: 11, 36: 5, 44: 5, 48: 6, 56: 0, 60: 5} {
		put(v[at:], n)
	}
	put(f[16+word:], 2*480*1664)
	binary.NativeEndian.PutUint16(f[16+word+18:], 1)
	put(f[16+word+24:], 1664)
	return v, f
}

func TestParseMode(t *testing.T) {
	for _, word := range []int{4, 8} {
		v, f := structures(word)
		m, err := parseMode(v, f, word)
		if err != nil || m.width != 800 || m.height != 480 || m.bits != 16 || m.stride != 1664 || m.pages != 2 || m.green != (field{5, 6}) {
			t.Errorf("long of %d bytes: %+v, %v", word, m, err)
		}
	}
	for name, spoil := range map[string]func(v, f []byte){
		"no size":         func(v, _ []byte) { clear(v[:8]) },
		"8 bits":          func(v, _ []byte) { v[24] = 8 },
		"short rows":      func(_, f []byte) { binary.NativeEndian.PutUint32(f[48:], 1599) },
		"little memory":   func(_, f []byte) { binary.NativeEndian.PutUint32(f[24:], 480*1664-1) },
		"colours outside": func(v, _ []byte) { v[32] = 12 },
		"no colour":       func(v, _ []byte) { v[60] = 0 },
	} {
		v, f := structures(8)
		spoil(v, f)
		if m, err := parseMode(v, f, 8); err == nil {
			t.Errorf("%s: no error, %+v", name, m)
		}
	}
	v, f := structures(8)
	f[42] = 0 // ypanstep: it cannot turn pages
	if m, err := parseMode(v, f, 8); err != nil || m.pages != 1 {
		t.Errorf("%+v, %v, want one page", m, err)
	}
}

// Whatever the kernel says, a mode that is taken can be drawn in.
func FuzzParseMode(f *testing.F) {
	v, x := structures(8)
	f.Add(v, x, true)
	v, x = structures(4)
	f.Add(v, x, false)
	f.Fuzz(func(t *testing.T, v, x []byte, long bool) {
		if len(v) != varSize || len(x) != fixSize {
			return
		}
		word := 4
		if long {
			word = 8
		}
		m, err := parseMode(v, x, word)
		if err != nil {
			return
		}
		if m.bytes() < m.height*m.width*m.bits/8 || m.bytes() > 2*4096<<16 {
			t.Fatalf("%+v", m)
		}
		row := make([]uint32, m.width)
		for i := range row {
			row[i] = 0xffffff
		}
		m.put(make([]byte, m.width*m.bits/8), row)
	})
}
