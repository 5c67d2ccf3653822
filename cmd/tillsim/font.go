package main

import (
	"image"
	"image/color"

	"tilld/internal/atlas"
	"tilld/internal/sim"
)

// receiptFont is what the simulated printers have in their ROM: the glyphs of
// the product, which need no font on the machine, then the system's.
func receiptFont() sim.Font {
	set, err := atlas.Load()
	if err != nil {
		return sim.SystemFonts()
	}
	return append(sim.Fonts{&romFont{set}}, sim.SystemFonts()...)
}

type romFont struct{ set *atlas.Set }

// Glyph scales the 24-dot glyph to the cell, dot by dot.
func (f *romFont) Glyph(r rune, w, h int) (*image.Alpha, bool) {
	columns := 1
	if 3*w > 2*h {
		columns = 2
	}
	g, _, ok := f.set.Glyph(r, columns, false)
	if !ok { // a Chinese character in double height
		g, _, ok = f.set.Glyph(r, 2, false)
	}
	if !ok {
		return nil, false
	}
	mask := image.NewAlpha(image.Rect(0, 0, w, h))
	for y := range h {
		row := g.Rows[y*atlas.Height/h*g.Stride():]
		for x := range w {
			if i := x * g.Width / w; row[i/8]&(0x80>>(i%8)) != 0 {
				mask.SetAlpha(x, y, color.Alpha{A: 0xFF})
			}
		}
	}
	return mask, true
}
