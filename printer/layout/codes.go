package layout

import (
	"strings"

	"tilld/internal/qr"
	"tilld/printer"
)

// Sizes of codes on paper, in dots a module. Below four a phone's camera has
// trouble at 203 dpi (DENSO WAVE: four dots or more, 0.5 mm).
const (
	minModule = 4
	maxModule = 8
	sideMM    = 34 // side that is aimed at when none is asked for
	minBar    = 2
	maxBar    = 3
	barQuiet  = 10 // modules of white beside a linear code
	edgeDots  = 24 // white paper beside the printable dots that counts as quiet
)

// qr lays out a QR code with its caption.
func (c *composer) qr(b printer.QR) error {
	if c.page.Caps.TextOnly {
		return refuse("a QR code on a printer that prints no dots")
	}
	code, err := qr.Make(b.Payload, qr.Level(b.Level))
	if err != nil {
		return refuse("QR code: %w", err)
	}
	size, native, err := c.nativeSize(code, b)
	if err != nil {
		return err
	}
	module, err := c.module(size, b)
	if err != nil {
		return err
	}
	side := (code.Size + 2*qr.Quiet) * module
	bits := NewBitmap((side+15)/16*16, side)
	left := (bits.W - side) / 2 &^ 1
	for y := range code.Size {
		for x := range code.Size {
			if code.At(x, y) {
				bits.Fill(left+(x+qr.Quiet)*module, (y+qr.Quiet)*module, module, module)
			}
		}
	}
	if limit := c.page.Caps.Dots / 16 * 16; bits.W > limit { // only white is lost
		bits = bits.crop(left/8*8, limit)
	}
	align := b.Align
	if align == "" {
		align = printer.Center
	}
	picture := Picture{Bits: bits, Align: align, Payload: b.Payload, Symbology: "qr"}
	if native {
		picture.Module, picture.White, picture.Level = module, qr.Quiet*module, string(code.Level)
	}
	c.add(picture)
	if b.Caption != "" {
		c.text(printer.Text{Line: b.Caption, Align: align})
	}
	return nil
}

// nativeSize is the size in modules that a code may have on this printer. A
// printer that makes the code itself may choose byte mode where ours chose a
// denser one. What is not ASCII is never left to it: printers guess Kanji.
func (c *composer) nativeSize(code qr.Code, b printer.QR) (size int, native bool, err error) {
	if !c.page.Caps.NativeQR || !plain(b.Payload) {
		return code.Size, false, nil
	}
	worst, err := qr.Make(strings.Repeat("a", len(b.Payload)), code.Level)
	if err != nil { // longer than byte mode can hold
		return code.Size, false, nil
	}
	return max(code.Size, worst.Size), true, nil
}

// module chooses the dots a module: what is asked for if it is legible and fits,
// else the nearest size that does.
func (c *composer) module(size int, b printer.QR) (int, error) {
	fits := c.page.Caps.Dots / (size + 2*qr.Quiet)
	if fits < minModule {
		return 0, refuse("a QR code of %d modules for %d bytes is too dense for %d dots of paper: it would have %d dots a module, %d are needed; shorten the text or lower the level",
			size, len(b.Payload), c.page.Caps.Dots, fits, minModule)
	}
	dpi := c.page.Caps.DPI
	if dpi == 0 {
		dpi = 203
	}
	want := b.Module
	if want == 0 {
		mm := b.MM
		if mm <= 0 {
			mm = sideMM
		}
		want = min((min(mm, 200)*dpi*10/254+size/2)/size, maxModuleFor(b))
	}
	module := min(max(want, minModule), fits)
	if c.page.Caps.Double {
		module &^= 1
	}
	return module, nil
}

// maxModuleFor bounds a size that was chosen for the caller; one that was asked
// for in millimetres may be larger.
func maxModuleFor(b printer.QR) int {
	if b.MM > 0 {
		return 16
	}
	return maxModule
}

// barcode lays out a linear code with its text.
func (c *composer) barcode(b printer.Barcode) error {
	if c.page.Caps.TextOnly {
		return refuse("a barcode on a printer that prints no dots")
	}
	bars, err := qr.MakeBars(b.Symbology, b.Data)
	if err != nil {
		return refuse("barcode: %w", err)
	}
	modules := len(bars.Modules)
	fits := min((c.page.Caps.Dots+2*edgeDots)/(modules+2*barQuiet), c.page.Caps.Dots/8*8/modules)
	scale := min(fits, maxBar)
	if b.Module > 0 {
		scale = min(fits, min(max(b.Module, minBar), 4))
	}
	if scale < minBar {
		return refuse("a %s of %d bars is too wide for %d dots of paper", b.Symbology, len(bars.Modules), c.page.Caps.Dots)
	}
	dpi := c.page.Caps.DPI
	if dpi == 0 {
		dpi = 203
	}
	mm := b.HeightMM
	if mm <= 0 {
		mm = 10
	}
	height := min(mm, 50) * dpi * 10 / 254
	bits := NewBitmap((modules*scale+7)/8*8, height)
	left := (bits.W - modules*scale) / 2
	for i, bar := range bars.Modules {
		if bar {
			bits.Fill(left+i*scale, 0, scale, height)
		}
	}
	align := b.Align
	if align == "" {
		align = printer.Center
	}
	c.add(Space{Height: 4}, Picture{Bits: bits, Align: align, Payload: bars.Text, Symbology: b.Symbology})
	if b.HRI {
		c.add(Space{Height: 4})
		c.text(printer.Text{Line: bars.Text, Align: align})
	}
	return nil
}

// crop returns w dots of each row from x on; both are whole bytes.
func (b *Bitmap) crop(x, w int) *Bitmap {
	out := NewBitmap(w, b.H)
	for y := range b.H {
		copy(out.Pix[y*out.Stride():(y+1)*out.Stride()], b.Pix[y*b.Stride()+x/8:(y+1)*b.Stride()])
	}
	return out
}
