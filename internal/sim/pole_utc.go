package sim

// utc is the command set of Logic Controls' displays, standard and enhanced:
// ESC d switches to the enhanced one, US resets.
func (p *Pole) utc(b []byte) int {
	switch c := b[0]; {
	case p.cursor(c):
	case c == 0x1F: // reset
		p.clear()
		p.enhanced = false
	case c == 0x10: // DLE n: cell 0 to 27h
		if len(b) < 2 {
			return 0
		}
		if b[1] > 0x27 {
			return p.odd(2)
		}
		p.x, p.y = int(b[1])%20, int(b[1])/20
		return 2
	case c == 0x04: // EOT n: brightness
		return params(b, 2)
	case c >= 0x11 && c <= 0x14: // overwrite, scroll, cursor on, off
	case c == 0x1B:
		return p.utcEscape(b)
	case c < 0x20:
		p.unknown++
	default:
		p.put(c)
	}
	return 1
}

func (p *Pole) utcEscape(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] == 'd':
		p.enhanced = true
		return 2
	case b[1] == 'u' && p.enhanced:
		return p.text(b, nil)
	}
	return p.odd(2)
}
