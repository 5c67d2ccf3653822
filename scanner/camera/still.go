package camera

import "image"

// still notices frames that show what the one before showed: a camera looks at an
// empty counter most of the day, and looking for codes in vain is what costs most.
type still struct {
	last    []byte // brightness on a grid
	skipped int
}

const (
	gridX, gridY = 64, 36
	// sameness is the mean difference of brightness, of 255, up to which two
	// frames are the same: noise, not a hand.
	sameness = 3
)

// same reports whether the frame is like the last one that it was called with,
// but at most for so many frames in a row.
func (s *still) same(g *image.Gray, most int) bool {
	grid := make([]byte, 0, gridX*gridY)
	for y := range gridY {
		for x := range gridX {
			grid = append(grid, mean(g, x, y))
		}
	}
	if s.last != nil && s.skipped < most && alike(grid, s.last) {
		s.skipped++
		return true
	}
	s.last, s.skipped = grid, 0
	return false
}

// alike compares two grids; a code at the edge changes few of their cells, so a
// cell that differs much is a difference as well.
func alike(a, b []byte) bool {
	sum := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		d = max(d, -d)
		if d > 12*sameness {
			return false
		}
		sum += d
	}
	return sum <= sameness*len(a)
}

// mean is the brightness of one cell, of up to 16 of its pixels.
func mean(g *image.Gray, cellX, cellY int) byte {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	sum := 0
	for i := range 16 {
		x := (cellX*4 + i%4) * w / (4 * gridX)
		y := (cellY*4 + i/4) * h / (4 * gridY)
		sum += int(g.Pix[y*g.Stride+x])
	}
	return byte(sum / 16)
}
