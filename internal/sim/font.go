package sim

import (
	"image"
	"os"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Font draws the characters of a printer's ROM. Glyph returns a mask of w by h
// dots: a dot is black where its alpha is 0x80 or more. ok is false for a
// character the font does not have.
type Font interface {
	Glyph(r rune, w, h int) (mask *image.Alpha, ok bool)
}

// Fonts asks each font in turn.
type Fonts []Font

// Glyph returns the first font's glyph that there is.
func (f Fonts) Glyph(r rune, w, h int) (*image.Alpha, bool) {
	for _, one := range f {
		if mask, ok := one.Glyph(r, w, h); ok {
			return mask, true
		}
	}
	return nil, false
}

// SystemFonts is Go Mono for Latin text and, when the machine has one of the
// usual Chinese fonts, that for the rest. Without one the printer draws boxes.
func SystemFonts() Fonts {
	list := Fonts{NewFont(gomono.TTF)}
	for _, path := range []string{
		"/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
		"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
		"/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
		"/usr/share/fonts/opentype/unifont/unifont.otf",
		"/System/Library/Fonts/PingFang.ttc",
	} {
		if data, err := os.ReadFile(path); err == nil {
			return append(list, NewFont(data))
		}
	}
	return list
}

// outline is a TrueType or OpenType font, parsed when first used.
type outline struct {
	mu    sync.Mutex
	data  []byte
	font  *opentype.Font
	faces map[[2]int]font.Face
	drawn map[drawn]*image.Alpha
}

type drawn struct {
	r    rune
	w, h int
}

// NewFont makes a Font of a TTF, OTF or TTC file's bytes. Bytes that are no
// font make a font without glyphs.
func NewFont(data []byte) Font {
	return &outline{data: data, faces: map[[2]int]font.Face{}, drawn: map[drawn]*image.Alpha{}}
}

// Glyph draws r upright in a cell, its baseline four fifths down.
func (o *outline) Glyph(r rune, w, h int) (*image.Alpha, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if mask, ok := o.drawn[drawn{r, w, h}]; ok {
		return mask, true
	}
	face := o.face(w, h)
	if face == nil {
		return nil, false
	}
	advance, ok := face.GlyphAdvance(r)
	if !ok {
		return nil, false
	}
	mask := image.NewAlpha(image.Rect(0, 0, w, h))
	left := max((fixed.I(w)-advance)/2, 0)
	drawer := font.Drawer{Dst: mask, Src: image.Opaque, Face: face, Dot: fixed.Point26_6{X: left, Y: fixed.I(h * 4 / 5)}}
	drawer.DrawString(string(r))
	o.drawn[drawn{r, w, h}] = mask
	return mask, true
}

// face needs mu. A glyph that is twice as wide as a Latin one fills its cell;
// Latin ones are as tall as the cell is wide allows.
func (o *outline) face(w, h int) font.Face {
	if f, ok := o.faces[[2]int{w, h}]; ok {
		return f
	}
	if o.font == nil {
		if len(o.data) == 0 {
			return nil
		}
		set, err := opentype.ParseCollection(o.data)
		o.data = nil
		if err != nil {
			return nil
		}
		if o.font, err = set.Font(0); err != nil {
			return nil
		}
	}
	size := float64(w) * 0.95
	if w < h {
		size = float64(w) * 1.6
	}
	face, err := opentype.NewFace(o.font, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil
	}
	o.faces[[2]int{w, h}] = face
	return face
}
