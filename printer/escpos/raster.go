package escpos

import (
	"bytes"
	"errors"

	"tilld/printer/layout"
)

const (
	dle = 0x10
	eot = 0x04
	lf  = 0x0a
	esc = 0x1b
	fs  = 0x1c
	gs  = 0x1d
)

// dots sends a picture as GS v 0 in strips, blank rows above and below as feed.
// The white at its right is not sent if the picture starts at the left edge.
func (f *frame) dots(b *layout.Bitmap, trim bool) {
	first, last := 0, b.H
	for first < last && b.Blank(first) {
		first++
	}
	for last > first && b.Blank(last-1) {
		last--
	}
	f.space(first)
	from := len(f.out)
	body := rows(b, first, last, trim)
	mode := byte(0)
	if f.cfg.Raster == "double" {
		if half, ok := halve(body); ok {
			body, mode = half, 3
		}
	}
	f.out = appendRaster(f.out, body, mode, f.cfg.Strip)
	scrub(f.out[from:])
	f.space(b.H - last)
}

// rows returns rows first to last; trim leaves the white at the right of all out.
func rows(b *layout.Bitmap, first, last int, trim bool) *layout.Bitmap {
	wide := 0
	if !trim {
		wide = b.Stride()
	}
	for y := first; y < last; y++ {
		row := b.Pix[y*b.Stride() : (y+1)*b.Stride()]
		wide = max(wide, len(bytes.TrimRight(row, "\x00")))
	}
	out := layout.NewBitmap(wide*8, last-first)
	for y := range out.H {
		copy(out.Pix[y*wide:(y+1)*wide], b.Pix[(first+y)*b.Stride():])
	}
	return out
}

// halve returns the picture at half its size when every dot is doubled both ways.
func halve(b *layout.Bitmap) (*layout.Bitmap, bool) {
	if b.H%2 != 0 {
		return nil, false
	}
	out := layout.NewBitmap((b.W/2+7)/8*8, b.H/2)
	for y := range out.H {
		for x := range b.W / 2 {
			dot := b.Dot(2*x, 2*y)
			if b.Dot(2*x+1, 2*y) != dot || b.Dot(2*x, 2*y+1) != dot || b.Dot(2*x+1, 2*y+1) != dot {
				return nil, false
			}
			if dot {
				out.Set(x, y)
			}
		}
	}
	return out, true
}

// appendRaster adds GS v 0 commands of at most strip rows.
func appendRaster(out []byte, b *layout.Bitmap, mode byte, strip int) []byte {
	w := b.Stride()
	for y := 0; y < b.H && w > 0; y += strip {
		n := min(strip, b.H-y)
		out = append(out, gs, 'v', '0', mode, byte(w), byte(w>>8), byte(n), byte(n>>8))
		out = append(out, b.Pix[y*w:(y+n)*w]...)
	}
	return out
}

// scrub changes one dot wherever picture data would read as a real-time command:
// a printer acts on those even inside a picture, and one of them opens the
// drawer. It returns how many dots it changed.
func scrub(raster []byte) int {
	n := 0
	for i := 0; i+2 < len(raster); i++ {
		if raster[i] != dle {
			continue
		}
		second, third := raster[i+1], raster[i+2]
		switch {
		case second == eot && third >= 1 && third <= 8,
			second == 0x05 && third <= 3,
			second == 0x14 && third >= 1 && third <= 8:
			raster[i] ^= 1 // 10 becomes 11, which begins no command
			n++
		}
	}
	return n
}

// readRaster draws what a sequence of GS v 0 and ESC J commands prints.
func readRaster(made []byte, units int) (*layout.Bitmap, error) {
	var parts []*layout.Bitmap
	w, h := 0, 0
	for len(made) > 0 {
		switch {
		case len(made) >= 3 && made[0] == esc && made[1] == 'J':
			parts = append(parts, layout.NewBitmap(0, int(made[2])/units))
			h += int(made[2]) / units
			made = made[3:]
		case len(made) >= 8 && made[0] == gs && made[1] == 'v' && made[2] == '0':
			wide, high := int(made[4])+int(made[5])<<8, int(made[6])+int(made[7])<<8
			size := wide * high
			if len(made) < 8+size {
				return nil, errors.New("raster data cut short")
			}
			bits := &layout.Bitmap{W: 8 * wide, H: high, Pix: made[8 : 8+size]}
			if made[3] == 3 {
				bits = double(bits)
			}
			parts = append(parts, bits)
			w, h = max(w, bits.W), h+bits.H
			made = made[8+size:]
		default:
			return nil, errors.New("not raster data")
		}
	}
	out := layout.NewBitmap(w, h)
	y := 0
	for _, p := range parts {
		out.Paste(p, 0, y)
		y += p.H
	}
	return out, nil
}

func double(b *layout.Bitmap) *layout.Bitmap {
	out := layout.NewBitmap(2*b.W, 2*b.H)
	for y := range b.H {
		for x := range b.W {
			if b.Dot(x, y) {
				out.Fill(2*x, 2*y, 2, 2)
			}
		}
	}
	return out
}
