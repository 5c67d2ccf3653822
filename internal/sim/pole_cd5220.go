package sim

// cd5220 is the command set of the Partner Tech CD5220 manual, with the
// Epson-style cursor commands that it shares.
func (p *Pole) cd5220(b []byte) int {
	switch c := b[0]; {
	case p.cursor(c):
	case c == 0x0B: // HOM
		p.x, p.y = 0, 0
	case c == 0x0C: // CLR, also ends string mode
		p.clear()
	case c == 0x18: // CAN: clear line
		p.blank(p.y)
		p.x = 0
	case c == 0x1B:
		return p.cd5220Escape(b)
	case c == 0x1F:
		return p.us(b)
	case c < 0x20:
		p.unknown++
	default:
		p.put(c)
	}
	return 1
}

func (p *Pole) cd5220Escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '@': // initialise
		p.clear()
		return 2
	case 'Q': // ESC Q A|B text CR: write a whole line; C, D: marquee
		return p.text(b, []byte{0x0C, 0x18})
	case 'l': // ESC l x y
		if len(b) >= 4 {
			p.place(int(b[2]), int(b[3]))
		}
		return params(b, 4)
	case '*', '_', 'c', 'f', 't', 'R', '=', '#', '[': // brightness, cursor, code tables, selection, cursor keys
		return params(b, 3)
	case 0x11, 0x12, 0x13: // overwrite, vertical, horizontal scroll
		return 2
	}
	return p.odd(2)
}

// us handles US sequences, the ones with an Epson heritage.
func (p *Pole) us(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case 0x01, 0x02, 0x03, '@':
		return 2
	case 'X', 'E', 'C', 'r':
		return params(b, 3)
	case '$':
		if len(b) >= 4 {
			p.place(int(b[2]), int(b[3]))
		}
		return params(b, 4)
	}
	return p.odd(2)
}
