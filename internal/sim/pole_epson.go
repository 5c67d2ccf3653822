package sim

// epson is the ESC/POS command set of Epson's DM-D displays. NUL and other codes
// without a meaning are ignored, as the manuals say. ESC = n takes the display
// off the cable, or puts it back on: n with the second bit set is for it.
func (p *Pole) epson(b []byte) int {
	if p.deselected {
		if b[0] != 0x1B {
			return 1
		}
		if len(b) > 1 && b[1] != '=' {
			return 1
		}
		return p.selectDisplay(b)
	}
	switch c := b[0]; {
	case p.cursor(c):
	case c == 0x0B: // HOM
		p.x, p.y = 0, 0
	case c == 0x0C: // CLR
		p.clear()
	case c == 0x18: // CAN: clear line
		p.blank(p.y)
		p.x = 0
	case c == 0x1B:
		return p.epsonEscape(b)
	case c == 0x1F:
		return p.us(b)
	case c == 0x00:
	case c < 0x20:
		p.unknown++
	default:
		p.put(c)
	}
	return 1
}

func (p *Pole) epsonEscape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '@':
		p.clear()
		return 2
	case '=':
		return p.selectDisplay(b)
	case 't', 'R', '%', '?', '#': // code table, national set, user-defined characters, family
		return params(b, 3)
	}
	return p.odd(2)
}

func (p *Pole) selectDisplay(b []byte) int {
	if len(b) >= 3 {
		p.deselected = b[2]&2 == 0
	}
	return params(b, 3)
}
