package cd5220

import (
	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/display"
)

// appendRow appends ESC Q row, exactly 20 cells of text, CR. Every byte of the
// text is printable or half of a Chinese character, so that no product name can
// end the string and begin a command.
func (d *panel) appendRow(frame []byte, row byte, text string) []byte {
	frame = append(frame, esc, 'Q', row)
	room := columns
	for _, r := range text {
		cell := d.encode(r)
		if len(cell) > room {
			break
		}
		frame = append(frame, cell...)
		room -= len(cell)
	}
	for ; room > 0; room-- {
		frame = append(frame, ' ')
	}
	return append(frame, cr)
}

// encode returns the one or two bytes, which are also the cells, of r; '?' for
// what the panel does not have.
func (d *panel) encode(r rune) []byte {
	if r >= ' ' && r <= '~' {
		return []byte{byte(r)}
	}
	if r == '¥' {
		r = '￥' // the half-width sign has no two-byte code
	}
	if d.cfg.Charset == "gb18030" && display.RuneCells(r) == 2 {
		if b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(string(r))); err == nil && len(b) == 2 {
			return b
		}
	}
	return []byte{'?'}
}

// Has implements [display.Charset].
func (d *panel) Has(r rune) bool { return r == '?' || d.encode(r)[0] != '?' }
