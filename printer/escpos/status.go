package escpos

import "tilld/printer"

// Bits of the answers to DLE EOT n (Epson TM-L60II, Citizen CT-S2000, Samsung
// SRP-350, HPRT) and of automatic status back (Epson TM-T88III p. 143).
const (
	drawerBit  = 0x04 // n=1; ASB byte 1: level of pin 3 of the drawer's plug
	offlineBit = 0x08 // n=1; ASB byte 1

	coverBit    = 0x04 // n=2
	paperEndBit = 0x20 // n=2: stopped by paper end

	mechanicBit = 0x04 // n=3
	cutterBit   = 0x08 // n=3
	fatalBit    = 0x20 // n=3
	hotBit      = 0x40 // n=3

	nearEndBits = 0x0c // n=4
	endBits     = 0x60 // n=4
)

// health is what a printer says about itself; want is "" when it can print.
type health struct {
	want printer.Want
	low  bool // near end of paper
	// drawer is the level of the drawer's switch; which means open is a setting.
	drawer bool
}

// judge reads the answers to DLE EOT 1 to 4; 0 stands for one that did not come.
func judge(n1, n2, n3, n4 byte) health {
	h := health{low: n4&nearEndBits != 0, drawer: n1&drawerBit != 0}
	switch {
	case n2&coverBit != 0:
		h.want = printer.WantCover
	case n4&endBits != 0 || n2&paperEndBit != 0:
		h.want = printer.WantPaper
	case n3&(cutterBit|mechanicBit) != 0:
		h.want = printer.WantCutter
	case n3&fatalBit != 0:
		h.want = printer.WantRepair
	case n3&hotBit != 0:
		h.want = printer.WantCool
	case n1&offlineBit != 0:
		h.want = printer.WantOnline
	}
	return h
}

// judgeASB reads four bytes of automatic status.
func judgeASB(b []byte) health {
	h := health{low: b[2]&0x03 != 0, drawer: b[0]&drawerBit != 0}
	switch {
	case b[0]&0x20 != 0:
		h.want = printer.WantCover
	case b[2]&0x0c != 0:
		h.want = printer.WantPaper
	case b[1]&0x0c != 0:
		h.want = printer.WantCutter
	case b[1]&0x20 != 0:
		h.want = printer.WantRepair
	case b[1]&0x40 != 0:
		h.want = printer.WantCool
	case b[0]&0x08 != 0:
		h.want = printer.WantOnline
	}
	return h
}
