package main

import (
	"bytes"
	"image"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const height = 24

// pen draws a font into cells of one width.
type pen struct {
	font     *sfnt.Font
	size     float64 // pixels per em
	baseline int     // rows from the top
	width    int     // of the cell
	squeeze  bool    // drawn twice as wide, then narrowed to the cell
	centre   bool    // for a font whose characters are not as wide as the cell
	ink      byte    // coverage from which a dot is black
}

// draw adds the glyphs of ranges that are not in the map yet and that the font
// has. A glyph without ink, unless it is of a space, is one the font lacks.
func (p pen) draw(ranges [][2]rune, into map[rune][]byte) error {
	face, err := opentype.NewFace(p.font, &opentype.FaceOptions{Size: p.size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return err
	}
	var buf sfnt.Buffer
	for _, span := range ranges {
		for r := span[0]; r <= span[1]; r++ {
			if _, ok := into[r]; ok {
				continue
			}
			i, err := p.font.GlyphIndex(&buf, r)
			if err != nil {
				return err
			}
			if i == 0 {
				continue
			}
			dots := p.glyph(face, r)
			if len(bytes.Trim(dots, "\x00")) == 0 && r != ' ' && r != '\u00a0' && r != '\u3000' {
				continue
			}
			into[r] = dots
		}
	}
	return nil
}

func (p pen) glyph(face font.Face, r rune) []byte {
	side := 1
	if p.squeeze {
		side = 2
	}
	img := image.NewGray(image.Rect(0, 0, side*p.width, height))
	d := font.Drawer{Dst: img, Src: image.White, Face: face, Dot: fixed.P(0, p.baseline)}
	if p.centre {
		d.Dot.X = max(0, (fixed.I(side*p.width)-d.MeasureString(string(r)))/2)
	}
	d.DrawString(string(r))
	stride := (p.width + 7) / 8
	out := make([]byte, height*stride)
	for y := range height {
		for x := range p.width {
			sum := 0
			for i := range side {
				sum += int(img.GrayAt(x*side+i, y).Y)
			}
			if sum >= side*int(p.ink) {
				out[y*stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return out
}
