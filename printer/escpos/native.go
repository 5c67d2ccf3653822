package escpos

import "tilld/printer/layout"

// nativeQR has the printer make the symbol itself (GS ( k, Epson's reference for
// cn 49): model 2, module size, level, data, print. The quiet zone above and
// below is fed; at the sides it is paper, since the code is aligned by the
// printer and the layout has made sure of the room.
func (f *frame) nativeQR(p layout.Picture) {
	level := map[string]byte{"L": 48, "M": 49, "Q": 50, "H": 51}[p.Level]
	f.space(p.White)
	f.symbol(65, 50, 0)
	f.symbol(67, byte(p.Module))
	f.symbol(69, level)
	f.symbol(80, append([]byte{48}, p.Payload...)...)
	f.symbol(81, 48)
	f.space(p.White)
}

// symbol adds one function of GS ( k for QR codes.
func (f *frame) symbol(fn byte, args ...byte) {
	n := len(args) + 2
	f.out = append(f.out, gs, '(', 'k', byte(n), byte(n>>8), 49, fn)
	f.out = append(f.out, args...)
}

// slowLine is the speed in baud up to which a serial line counts as slow: a code
// as dots takes more than two seconds there.
const slowLine = 38400
