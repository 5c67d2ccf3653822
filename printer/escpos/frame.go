package escpos

import (
	"bytes"
	"fmt"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/internal/atlas"
	"tilld/internal/fault"
	"tilld/internal/qr"
	"tilld/printer/data"
	"tilld/printer/layout"
)

// frame builds the bytes of one job.
type frame struct {
	cfg  Config
	set  charset
	page layout.Page
	out  []byte
	line layout.Style // style the printer is in
	feed int          // line spacing it is in, dots
}

// build returns the bytes that print page, from the reset to the last feed. A
// code whose dots do not read as what they should is refused.
func build(cfg Config, page layout.Page) ([]byte, error) {
	f := frame{cfg: cfg, page: page, set: charset{cfg.Chinese, charmaps()[cfg.CodePage], simplifiedchinese.GB18030.NewEncoder()}}
	if err := f.reset(); err != nil {
		return nil, err
	}
	cut := false
	for _, row := range page.Rows {
		cut = false
		switch row := row.(type) {
		case layout.TextRow:
			if err := f.text(row); err != nil {
				return nil, err
			}
		case layout.Picture:
			if err := f.picture(row); err != nil {
				return nil, err
			}
		case layout.Space:
			f.space(row.Height)
		case layout.CutRow:
			f.cut()
			cut = true
		case layout.Kick:
			f.out = append(f.out, kick(row.Pin)...)
		}
	}
	if !cut && page.Dots() > 0 {
		f.space(cfg.Feed * layout.LineDots) // out from under the cover
	}
	return f.out, nil
}

// reset brings the printer into a known state. ESC @ is not enough: it leaves
// copies with a Chinese character set in Chinese mode.
func (f *frame) reset() error {
	f.out = append(f.out, esc, '@', esc, 'R', 0)
	if f.set.chinese == "none" {
		n, err := pageNumber(f.cfg)
		if err != nil {
			return err
		}
		f.out = append(f.out, fs, '.', esc, 't', n)
	} else {
		f.out = append(f.out, fs, '&')
	}
	f.spacing(layout.LineDots)
	f.line = layout.Style{Width: 1, Height: 1}
	return nil
}

func pageNumber(cfg Config) (byte, error) {
	public, err := data.Printers()
	if err != nil {
		return 0, err
	}
	for _, id := range []string{cfg.Base, "default"} {
		if n, ok := public[id].CodePages[cfg.CodePage]; ok {
			return byte(n), nil
		}
	}
	return 0, fault.New(fault.Config, "printer", "print", fmt.Errorf("the model has no code page %s", cfg.CodePage))
}

func (f *frame) spacing(dots int) {
	n := dots * f.cfg.Units
	if dots == f.feed || n > 255 {
		return
	}
	f.feed = dots
	f.out = append(f.out, esc, '3', byte(n))
}

// space feeds blank paper.
func (f *frame) space(dots int) {
	for units := dots * f.cfg.Units; units > 0; units -= 255 {
		f.out = append(f.out, esc, 'J', byte(min(units, 255)))
	}
}

// text sends a row in the printer's own characters, or as dots when it lacks one
// of them.
func (f *frame) text(row layout.TextRow) error {
	encoded := make([][]byte, len(row.Runs))
	native := !row.Ruled
	for i, run := range row.Runs {
		b, ok := f.set.encode(run.Text)
		if !ok || !f.cfg.Large && (run.Width > 2 || run.Height > 2) {
			native = false
			break
		}
		encoded[i] = b
	}
	if !native && f.cfg.Raster != "none" {
		glyphs, err := atlas.Load()
		if err != nil {
			return fault.New(fault.Corrupt, "printer", "print", err)
		}
		f.dots(row.Draw(glyphs, f.page), true)
		return nil
	}
	f.spacing(row.Dots())
	for i, run := range row.Runs {
		if encoded[i] == nil {
			encoded[i] = f.substitute(run.Text)
		}
		f.style(run.Style)
		f.out = append(f.out, encoded[i]...)
	}
	f.style(layout.Style{Width: 1, Height: 1})
	f.out = append(f.out, lf)
	f.spacing(layout.LineDots)
	return nil
}

// substitute is for printers without graphics: what they lack becomes '?', or
// the plain character closest to it.
func (f *frame) substitute(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := f.set.encode(string(r))
		switch {
		case ok:
		case r == '│':
			b = []byte("|")
		case r >= '─' && r <= '┿':
			b = []byte("-")
		case plain[r] != 0:
			b = []byte{plain[r], ' '}[:layout.Columns(r, f.page.Caps)]
		default:
			b = []byte("?")
			if layout.Columns(r, f.page.Caps) == 2 {
				b = []byte("??")
			}
		}
		out = append(out, b...)
	}
	return out
}

// plain are ASCII characters for those that receipts often have.
var plain = map[rune]byte{
	'×': 'x', '•': '*', '·': '.', '…': '.', '–': '-', '—': '-', '‘': '\'', '’': '\'', '“': '"', '”': '"',
}

// style switches what differs. Chinese characters have size and underline
// commands of their own, which copies need and others take as the same thing.
func (f *frame) style(s layout.Style) {
	chinese := f.set.chinese != "none"
	if s.Bold != f.line.Bold {
		f.out = append(f.out, esc, 'E', bit(s.Bold))
	}
	if s.Underline != f.line.Underline {
		f.out = append(f.out, esc, '-', bit(s.Underline))
		if chinese {
			f.out = append(f.out, fs, '-', bit(s.Underline))
		}
	}
	if s.Invert != f.line.Invert {
		f.out = append(f.out, gs, 'B', bit(s.Invert))
	}
	if s.Width != f.line.Width || s.Height != f.line.Height {
		if chinese {
			f.out = append(f.out, fs, '!', bit(s.Width == 2)<<2|bit(s.Height == 2)<<3)
		}
		f.out = append(f.out, gs, '!', byte(s.Width-1)<<4|byte(s.Height-1))
	}
	f.line = s
}

func bit(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// cut feeds to the cutter and cuts; without one it feeds out of the cover.
func (f *frame) cut() {
	switch f.cfg.Cut {
	case "partial":
		f.out = append(f.out, gs, 'V', 66, 0)
	case "full":
		f.out = append(f.out, gs, 'V', 65, 0)
	default:
		f.space(f.cfg.Feed * layout.LineDots)
	}
}

// kick is the pulse that opens a drawer: 50 ms on, 500 ms off.
func kick(pin int) []byte {
	m := byte(0)
	if pin == 5 {
		m = 1
	}
	return []byte{esc, 'p', m, 25, 250}
}

// picture sends dots and reads codes back from the very bytes that were made.
func (f *frame) picture(p layout.Picture) error {
	if p.Rule && f.cfg.Raster == "none" {
		mark := byte('-')
		if p.Double {
			mark = '='
		}
		long := min((p.Bits.W+layout.CellDots-1)/layout.CellDots, f.cfg.Columns)
		left := layout.Left(p.Align, long, f.cfg.Columns)
		f.out = append(f.out, bytes.Repeat([]byte{' '}, left)...)
		f.out = append(f.out, bytes.Repeat([]byte{mark}, long)...)
		f.out = append(f.out, lf)
		return nil
	}
	align := map[string]byte{"center": 1, "right": 2}[string(p.Align)]
	if align != 0 {
		f.out = append(f.out, esc, 'a', align)
	}
	if p.Module > 0 && f.cfg.QR == "native" {
		if err := readable(p.Bits, p); err != nil {
			return err
		}
		f.nativeQR(p)
		if align != 0 {
			f.out = append(f.out, esc, 'a', 0)
		}
		return nil
	}
	from := len(f.out)
	f.dots(p.Bits, align == 0)
	made := f.out[from:]
	if align != 0 {
		f.out = append(f.out, esc, 'a', 0)
	}
	if p.Payload == "" {
		return nil
	}
	return verify(made, p, f.cfg.Units)
}

// verify decodes the picture in the commands.
func verify(made []byte, p layout.Picture, units int) error {
	bits, err := readRaster(made, units)
	if err != nil {
		return fault.New(fault.Corrupt, "printer", "print", err)
	}
	return readable(bits, p)
}

// readable decodes a code from its dots.
func readable(bits *layout.Bitmap, p layout.Picture) error {
	got, err := "", error(nil)
	if p.Symbology == "qr" {
		got, err = qr.Read(bits.Gray())
	} else {
		wide := layout.NewBitmap(bits.W+160, bits.H) // the white paper beside it
		wide.Paste(bits, 80, 0)
		got, err = qr.ReadBars(wide.Gray(), p.Symbology)
	}
	if err != nil || got != p.Payload {
		return fault.New(fault.Refused, "printer", "print", fmt.Errorf("the %s code does not read back from its dots", p.Symbology))
	}
	return nil
}
