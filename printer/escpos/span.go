package escpos

import (
	"bytes"
	"fmt"
)

// params are the bytes after the letter of the commands that have a fixed number
// of them, other than one. Source: Epson ESC/POS command reference.
var params = map[[2]byte]int{
	{esc, '@'}: 0, {esc, '2'}: 0, {esc, '<'}: 0, {esc, 'L'}: 0, {esc, 0x0c}: 0, {esc, 'S'}: 0, {esc, 'i'}: 0, {esc, 'm'}: 0, {esc, 'u'}: 1, {esc, 'v'}: 0,
	{esc, '$'}: 2, {esc, '\\'}: 2, {esc, 'B'}: 2, {esc, 'c'}: 2, {esc, 'p'}: 3, {esc, 'W'}: 8,
	{gs, 'L'}: 2, {gs, 'W'}: 2, {gs, 'P'}: 2, {gs, '$'}: 2, {gs, '\\'}: 2, {gs, ':'}: 0, {gs, '^'}: 3,
	{fs, '&'}: 0, {fs, '.'}: 0, {fs, 'S'}: 2, {fs, 'p'}: 2,
	{dle, 0x14}: 3,
}

// span is the length of the command or the character at the start of b, which is
// not empty; more than b has when it is cut short. What is not known counts as a
// command with one byte after its letter.
func span(b []byte) int {
	switch {
	case b[0] >= 0x81 && b[0] != 0xff: // first half of a Chinese character; alone it is text as well
		return min(2, len(b))
	case b[0] != esc && b[0] != gs && b[0] != fs && b[0] != dle:
		return 1
	case len(b) == 1:
		return 2
	}
	if head, size := sized(b); head > 0 {
		return head + size
	}
	switch k := [2]byte{b[0], b[1]}; k {
	case [2]byte{esc, 'D'}: // tab stops end with NUL
		return upTo(b, 2)
	case [2]byte{gs, 'k'}:
		if len(b) >= 3 && b[2] <= 6 {
			return upTo(b, 3)
		}
		if len(b) < 4 {
			return 4
		}
		return 4 + int(b[3])
	case [2]byte{gs, 'V'}:
		if len(b) >= 3 && b[2] >= 'A' {
			return 4
		}
		return 3
	default:
		if n, ok := params[k]; ok {
			return 2 + n
		}
		return 3
	}
}

func upTo(b []byte, from int) int {
	if i := bytes.IndexByte(b[min(from, len(b)):], 0); i >= 0 {
		return from + i + 1
	}
	return len(b) + 1
}

// sized returns the lengths of the head and the data of a command that says how
// much data it has; head is 0 for all others.
func sized(b []byte) (head, size int) {
	at := func(i int) int {
		if i < len(b) {
			return int(b[i])
		}
		return 0
	}
	switch {
	case bytes.HasPrefix(b, []byte{gs, 'v', '0'}):
		return 8, (at(4) | at(5)<<8) * (at(6) | at(7)<<8)
	case bytes.HasPrefix(b, []byte{esc, '*'}):
		size = at(3) | at(4)<<8
		if at(2) >= 32 {
			size *= 3
		}
		return 5, size
	case bytes.HasPrefix(b, []byte{gs, '*'}):
		return 4, at(2) * at(3) * 8
	case bytes.HasPrefix(b, []byte{gs, '('}), bytes.HasPrefix(b, []byte{fs, '('}), bytes.HasPrefix(b, []byte{esc, '('}):
		return 5, at(3) | at(4)<<8
	case bytes.HasPrefix(b, []byte{gs, '8', 'L'}):
		return 7, at(3) | at(4)<<8 | at(5)<<16 | at(6)<<24
	}
	return 0, 0
}

// tail says how bytes made elsewhere end: how many bytes the last command lacks,
// and whether there is text that no line feed prints.
func tail(b []byte) (short int, text bool) {
	for len(b) > 0 {
		n := span(b)
		if n > len(b) {
			return n - len(b), text
		}
		switch {
		case b[0] >= 0x20:
			text = true
		case b[0] == lf, b[0] == 0x0c, bytes.HasPrefix(b, []byte{gs, 'V'}), bytes.HasPrefix(b, []byte{gs, 'v'}):
			text = false
		case b[0] == esc && n > 1 && bytes.IndexByte([]byte("@dJim"), b[1]) >= 0:
			text = false
		}
		b = b[n:]
	}
	return 0, text
}

// away reports whether bytes end with another device selected (ESC = n, a pole
// display whose cable goes through the printer): the printer ignores everything
// from there on.
func away(b []byte) (is bool) {
	for len(b) > 0 {
		if len(b) >= 3 && b[0] == esc && b[1] == '=' {
			is = b[2]&1 == 0
		}
		b = b[min(span(b), len(b)):]
	}
	return is
}

// maxShort is how many bytes a command may lack to be completed.
const maxShort = 255

// finish completes a command that is cut short with zeros, selects the printer
// again where another device was, and ends a line of text that is still in the
// printer's buffer, where the next job's ESC @ would erase it. Bytes that end cleanly are returned as they are; fault.Refused when
// much is missing.
func finish(b []byte) ([]byte, error) {
	short, text := tail(b)
	if short > maxShort {
		return nil, refuseRaw(fmt.Errorf("the last command is cut short: %d bytes are missing", short))
	}
	if short > 0 {
		b = append(bytes.Clone(b), make([]byte, short)...)
		_, text = tail(b)
	}
	if away(b) {
		b = append(bytes.Clone(b), esc, '=', 1)
	}
	if text {
		b = append(bytes.Clone(b), lf)
	}
	return b, nil
}

// headed puts head before b and behind each cut in it that is not the last.
func headed(b, head []byte) []byte {
	out := bytes.Clone(head)
	for len(b) > 0 {
		n := min(span(b), len(b))
		cut := b[0] == gs && n > 1 && b[1] == 'V' || b[0] == esc && n > 1 && (b[1] == 'i' || b[1] == 'm')
		out, b = append(out, b[:n]...), b[n:]
		if cut && prints(b) {
			out = append(out, head...)
		}
	}
	return out
}

// prints reports whether there is text or a picture in b.
func prints(b []byte) bool {
	for len(b) > 0 {
		head, _ := sized(b)
		if b[0] > 0x20 && b[0] != 0x7f || head > 0 || bytes.HasPrefix(b, []byte{gs, 'k'}) {
			return true
		}
		b = b[min(span(b), len(b)):]
	}
	return false
}
