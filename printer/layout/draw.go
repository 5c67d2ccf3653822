package layout

import "tilld/internal/atlas"

// Draw returns the row as dots, dots wide. Characters that the atlas does not
// have become hollow boxes.
func (t TextRow) Draw(set *atlas.Set, page Page) *Bitmap {
	b := NewBitmap(page.Caps.Dots, t.Dots())
	base := b.H - (LineDots - 24) // lower edge of the characters, all on one line
	if t.Thin {
		base = b.H
	}
	x := 0
	for _, run := range t.Runs {
		from := x
		for _, r := range run.Text {
			if up, down, left, right, ok := arms(r); ok && t.Ruled {
				stroke(b, x, up, down, left, right)
				x += CellDots
				continue
			}
			columns := Columns(r, page.Caps)
			drawGlyph(b, set, r, run.Style, x, base-24*run.Height, columns)
			x += columns * CellDots * run.Width
		}
		if run.Underline {
			b.Fill(from, base, x-from, 2)
		}
		if run.Invert {
			b.Flip(from, base-24*run.Height-2, x-from, 24*run.Height+4)
		}
	}
	return b
}

// stroke draws one box character over the whole height of the row.
func stroke(b *Bitmap, x int, up, down, left, right bool) {
	const thick = 2
	cx, cy := x+CellDots/2-thick/2, b.H/2-thick/2
	if up {
		b.Fill(cx, 0, thick, cy+thick)
	}
	if down {
		b.Fill(cx, cy, thick, b.H-cy)
	}
	if left {
		b.Fill(x, cy, CellDots/2+thick/2, thick)
	}
	if right {
		b.Fill(cx, cy, CellDots/2+thick/2, thick)
	}
}

// drawGlyph draws r in the slot of so many columns at x, y.
func drawGlyph(b *Bitmap, set *atlas.Set, r rune, s Style, x, y, columns int) {
	w := columns * CellDots * s.Width
	switch r {
	case ' ', '\u3000':
		return
	case '¥':
		if columns == 2 {
			r = '￥'
		}
	case '—':
		if columns == 2 {
			b.Fill(x, y+11*s.Height, w, 2*s.Height)
			return
		}
	}
	g, weight, ok := set.Glyph(r, columns, s.Bold)
	if !ok {
		hollow(b, x, y, w, s)
		return
	}
	x += (w - g.Width*s.Width) / 2
	dots := &Bitmap{W: g.Width, H: atlas.Height, Pix: g.Rows}
	if s.Width%2 == 0 && s.Height%2 == 0 {
		dots, s.Width, s.Height = smooth(dots), s.Width/2, s.Height/2
	}
	for j := range dots.H {
		for i := range dots.W {
			if !dots.Dot(i, j) {
				continue
			}
			wide := s.Width
			if s.Bold && !weight {
				wide++
			}
			b.Fill(x+i*s.Width, y+j*s.Height, wide, s.Height)
		}
	}
}

// smooth doubles a glyph and fills the corners of its steps (the Scale2x rule).
func smooth(g *Bitmap) *Bitmap {
	out := NewBitmap(2*g.W, 2*g.H)
	for y := range g.H {
		for x := range g.W {
			up, left, right, down := g.Dot(x, y-1), g.Dot(x-1, y), g.Dot(x+1, y), g.Dot(x, y+1)
			quarter := [4]bool{g.Dot(x, y), g.Dot(x, y), g.Dot(x, y), g.Dot(x, y)}
			if up != down && left != right {
				quarter = [4]bool{
					pick(left == up, up, quarter[0]), pick(up == right, right, quarter[1]),
					pick(left == down, left, quarter[2]), pick(down == right, right, quarter[3]),
				}
			}
			for i, on := range quarter {
				if on {
					out.Set(2*x+i%2, 2*y+i/2)
				}
			}
		}
	}
	return out
}

func pick(cond, yes, no bool) bool {
	if cond {
		return yes
	}
	return no
}

// hollow stands for a character without a glyph.
func hollow(b *Bitmap, x, y, w int, s Style) {
	left, top, wide, high := x+2, y+3*s.Height, w-4, 18*s.Height
	b.Fill(left, top, wide, 1)
	b.Fill(left, top+high-1, wide, 1)
	b.Fill(left, top, 1, high)
	b.Fill(left+wide-1, top, 1, high)
}
