package star

import (
	"fmt"

	"tilld/internal/atlas"
	"tilld/internal/fault"
	"tilld/internal/qr"
	"tilld/printer/layout"
)

const (
	esc = 0x1b
	gs  = 0x1d
	lf  = 0x0a

	strip     = 24  // rows of a picture in line mode, and a good piece in StarPRNT
	feedBelow = 120 // dots from the head to the tear bar, where there is no cutter
)

// build returns the bytes that print page.
func build(cfg Config, page layout.Page) ([]byte, error) {
	glyphs, err := atlas.Load()
	if err != nil {
		return nil, fault.New(fault.Corrupt, "printer", "print", err)
	}
	out := []byte{esc, '@'}
	if cfg.Language == "line" {
		out = append(out, esc, '0') // no white between the pieces of a picture
	}
	paper := layout.NewBitmap(cfg.Dots, 0) // what is drawn and not yet sent
	grow := func(h int) (y int) {
		y = paper.H
		paper.H += h
		paper.Pix = append(paper.Pix, make([]byte, h*paper.Stride())...)
		return y
	}
	flush := func() {
		out = appendPicture(out, cfg.Language, paper)
		paper = layout.NewBitmap(cfg.Dots, 0)
	}
	cut := false
	for _, row := range page.Rows {
		cut = false
		switch row := row.(type) {
		case layout.TextRow:
			y := grow(row.Dots())
			paper.Paste(row.Draw(glyphs, page), 0, y)
		case layout.Picture:
			y := grow(row.Dots())
			paper.Paste(row.Bits, layout.Left(row.Align, row.Bits.W, cfg.Dots), y)
			if err := verify(paper, y, row); err != nil {
				return nil, err
			}
		case layout.Space:
			grow(row.Height)
		case layout.CutRow:
			if cfg.Cut == "none" {
				grow(feedBelow)
			}
			flush()
			out = append(out, cutBytes(cfg.Cut)...)
			cut = true
		case layout.Kick:
			flush()
			out = append(out, kick(row.Pin)...)
		}
	}
	if !cut && page.Dots() > 0 {
		grow(feedBelow)
	}
	flush()
	return out, nil
}

// verify reads a code from the dots that will be sent.
func verify(paper *layout.Bitmap, from int, p layout.Picture) error {
	if p.Payload == "" {
		return nil
	}
	part := &layout.Bitmap{W: paper.W, H: paper.H - from, Pix: paper.Pix[from*paper.Stride():]}
	wide := layout.NewBitmap(part.W+160, part.H) // the white paper beside it
	wide.Paste(part, 80, 0)
	got, err := "", error(nil)
	if p.Symbology == "qr" {
		got, err = qr.Read(wide.Gray())
	} else {
		got, err = qr.ReadBars(wide.Gray(), p.Symbology)
	}
	if err != nil || got != p.Payload {
		return fault.New(fault.Refused, "printer", "print", fmt.Errorf("the %s code does not read back from its dots", p.Symbology))
	}
	return nil
}

// appendPicture sends dots in pieces of strip rows.
func appendPicture(out []byte, language string, b *layout.Bitmap) []byte {
	w := b.Stride()
	for y := 0; y < b.H; y += strip {
		h := min(strip, b.H-y)
		data := b.Pix[y*w : (y+h)*w]
		if language == "starprnt" {
			out = append(out, esc, gs, 'S', 1, byte(w), byte(w>>8), byte(h), byte(h>>8), 0)
			out = append(out, data...)
			continue
		}
		out = append(out, esc, 'k', byte(w), byte(w>>8))
		out = append(out, data...)
		out = append(out, make([]byte, (strip-h)*w)...)
		out = append(out, lf)
	}
	return out
}

// span is the length of the command at the start of a job of ours: a picture with
// the line feed that prints it, or something short.
func span(b []byte) int {
	switch {
	case len(b) >= 9 && b[0] == esc && b[1] == gs && b[2] == 'S':
		return 9 + (int(b[4])|int(b[5])<<8)*(int(b[6])|int(b[7])<<8)
	case len(b) >= 4 && b[0] == esc && b[1] == 'k':
		return 4 + (int(b[2])|int(b[3])<<8)*strip + 1
	case len(b) >= 2 && b[0] == esc && (b[1] == '@' || b[1] == '0'):
		return 2
	}
	return len(b) // the end: cut, drawer, proof
}

func cutBytes(how string) []byte {
	switch how {
	case "partial":
		return []byte{esc, 'd', 3}
	case "full":
		return []byte{esc, 'd', 2}
	}
	return nil
}

// kick opens the drawer on the first (pin 2) or second (pin 5) output: pulses of
// 200 ms.
func kick(pin int) []byte {
	if pin == 5 {
		return []byte{0x1a}
	}
	return []byte{esc, 0x07, 20, 20, 0x07}
}
