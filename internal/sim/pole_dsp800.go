package sim

// dsp800 is the command set EOT SOH, a letter, its parameters, ETB. Cells are
// numbered from 31h (upper left) to 58h (lower right). A command whose ETB is
// not where it belongs ends there: the device would answer NAK.
func (p *Pole) dsp800(b []byte) int {
	switch c := b[0]; {
	case c == 0x04:
		return p.dsp800Command(b)
	case c == 0x17: // an ETB that ends nothing
	case c < 0x20:
		p.unknown++
	default:
		p.put(c)
	}
	return 1
}

// dsp800Params is how many parameters each command has.
var dsp800Params = map[byte]int{'%': 0, 'A': 1, 'C': 2, 'P': 1, 'M': 1, 'S': 1, 'W': 1}

func (p *Pole) dsp800Command(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] != 0x01:
		return p.odd(2)
	case len(b) < 3:
		return 0
	}
	n, known := dsp800Params[b[2]]
	if !known {
		return p.odd(3)
	}
	end := 3 + n
	for i := 3; i < min(end, len(b)); i++ {
		if b[i] == 0x17 {
			return p.odd(i + 1)
		}
	}
	if len(b) <= end {
		return 0
	}
	if b[end] != 0x17 {
		return p.odd(end)
	}
	switch b[2] {
	case '%':
		p.clear()
	case 'P':
		if at := int(b[3]) - 0x31; at >= 0 && at < 40 {
			p.x, p.y = at%20, at/20
		} else {
			p.unknown++
		}
	case 'C':
		for at := max(0, int(b[3])-0x31); at <= min(39, int(b[4])-0x31); at++ {
			p.cells[at/20][at%20] = ' '
		}
	}
	return end + 1
}
