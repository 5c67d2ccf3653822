package escpos

import (
	"bytes"
)

// Strip takes out of another program's bytes what the printer must not get from
// them: kicks of the cash drawer, which become typed commands, and questions
// about its status, whose answers nobody would hear and which would be mistaken
// for answers to ours. kicks is how many of the first there were. Everything else stays
// as it is, pictures and length-prefixed data included; [Screen] has the last
// word on them when the job is printed. The result shares no memory with data.
func Strip(data []byte) (clean []byte, kicks int) {
	clean = make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		n, what := command(data[i:])
		n = min(n, len(data)-i)
		switch what {
		case opensDrawer:
			kicks++
		case question:
		default:
			clean = append(clean, data[i:i+n]...)
		}
		i += n
	}
	return clean, kicks
}

// Questions calls ask with each question about the printer's status that stands
// between the commands of data, in order: DLE EOT n, GS r n, GS I n and GS a n.
// It returns how many bytes at the end may be the beginning of a command that is
// not complete; they are to be looked at again with what follows.
func Questions(data []byte, ask func(q []byte)) (rest int) {
	for i := 0; i < len(data); {
		n, what := command(data[i:])
		if i+n > len(data) || what == cutShort {
			return len(data) - i
		}
		if what == question {
			ask(data[i : i+n])
		}
		i += n
	}
	return 0
}

// CutAt reports whether data ends with a command that cuts the paper.
func CutAt(data []byte) bool {
	for _, end := range []string{"\x1dV\x00", "\x1dV\x01", "\x1dV0", "\x1dV1", "\x1bi", "\x1bm"} {
		if bytes.HasSuffix(data, []byte(end)) {
			return true
		}
	}
	n := len(data)
	return n >= 4 && data[n-4] == gs && data[n-3] == 'V' && (data[n-2] == 'A' || data[n-2] == 'B')
}

// meaning is what a command is to a dialect.
type meaning int

const (
	other meaning = iota
	opensDrawer
	question
	cutShort // the rest of the command is missing
)

// command returns how long the command at the start of b is, which may be more
// than there is, and what it means. A byte that begins no command stands for
// itself.
func command(b []byte) (n int, what meaning) {
	if head, size, err := pictureAt(b); err != nil {
		return len(b), cutShort
	} else if head > 0 {
		return head + size, other
	}
	if b[0] != esc && b[0] != gs && b[0] != fs && b[0] != dle {
		return 1, other
	}
	if len(b) < 2 {
		return 1, cutShort
	}
	n, what = 2, other
	switch b[0] {
	case dle:
		n, what = realtime(b)
	case esc:
		n, what = escape(b)
	case gs:
		n, what = group(b)
	case fs:
		n += fsBytes[b[1]]
		if b[1] == '(' {
			n = prefixed(b)
		}
	}
	if n > len(b) && what == other {
		return len(b), cutShort
	}
	return n, what
}

// realtime measures DLE EOT n (with one more byte for n 7, 8 and 18), DLE ENQ n
// and DLE DC4 fn.
func realtime(b []byte) (int, meaning) {
	switch b[1] {
	case 0x04:
		if len(b) > 2 && (b[2] == 7 || b[2] == 8 || b[2] == 18) {
			return 4, question
		}
		return 3, question
	case 0x05:
		return 3, question // asks to go on after an error: our part to decide
	case 0x14:
		if len(b) > 2 && b[2] == 1 {
			return 5, opensDrawer
		}
		return 3, other
	}
	return 1, other
}

func escape(b []byte) (int, meaning) {
	switch b[1] {
	case 'p':
		return 5, opensDrawer
	case 'u', 'v': // status in the way of old models
		return 3 - int(b[1]-'u'), question
	case 'D':
		if end := bytes.IndexByte(b[2:], 0); end >= 0 && end <= 32 {
			return 2 + end + 1, other
		}
		return 2, other
	case '(':
		return prefixed(b), other
	}
	return 2 + escBytes[b[1]], other
}

func group(b []byte) (int, meaning) {
	switch b[1] {
	case 'r', 'I', 'a':
		return 3, question
	case '(':
		n := prefixed(b)
		if len(b) > 2 && b[2] == 'H' { // process id, and others that are answered
			return n, question
		}
		return n, other
	case 'V':
		if len(b) > 2 && b[2] >= 'A' {
			return 4, other
		}
		return 3, other
	case 'k':
		return barcode(b), other
	}
	return 2 + gsBytes[b[1]], other
}

// prefixed measures GS ( x, ESC ( x and FS ( x with their length.
func prefixed(b []byte) int {
	if len(b) < 5 {
		return len(b) + 1 // cut short
	}
	return 5 + int(b[3]) + int(b[4])<<8
}

// barcode measures GS k in both forms.
func barcode(b []byte) int {
	switch {
	case len(b) < 4:
		return len(b) + 1
	case b[2] >= 'A':
		return 4 + int(b[3])
	}
	if end := bytes.IndexByte(b[3:], 0); end >= 0 {
		return 3 + end + 1
	}
	return len(b) + 1
}

// Bytes that follow the name of a command, for those that have a fixed number of
// them; source: the tables of Epson's ESC/POS application programming guide.
var (
	escBytes = map[byte]int{
		' ': 1, '!': 1, '$': 2, '%': 1, '-': 1, '3': 1, '=': 1, '?': 1, 'A': 1, 'B': 2, 'E': 1, 'G': 1, 'J': 1, 'K': 1, 'M': 1,
		'R': 1, 'S': 0, 'T': 1, 'V': 1, 'W': 8, '\\': 2, 'a': 1, 'c': 2, 'd': 1, 'e': 1, 'r': 1, 't': 1, '{': 1,
	}
	gsBytes = map[byte]int{
		'!': 1, '$': 2, '/': 1, 'B': 1, 'H': 1, 'L': 2, 'P': 2, 'Q': 1, 'T': 1, 'W': 2, '\\': 2, 'b': 1, 'f': 1, 'h': 1, 'w': 1,
	}
	fsBytes = map[byte]int{'!': 1, '-': 1, 'C': 1, 'S': 2, 'W': 1, 'p': 2}
)
