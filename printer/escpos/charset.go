package escpos

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"tilld/printer/layout"
)

// charset turns characters into the bytes that the printer has glyphs for.
type charset struct {
	chinese string // gbk, gb2312, none
	page    *charmap.Charmap
	gb      *encoding.Encoder // GB18030; it keeps no state
}

// charmaps are the code pages that text can be encoded in, by their names in the
// capability data.
func charmaps() map[string]*charmap.Charmap {
	return map[string]*charmap.Charmap{
		"CP437": charmap.CodePage437, "CP850": charmap.CodePage850, "CP852": charmap.CodePage852, "CP855": charmap.CodePage855,
		"CP858": charmap.CodePage858, "CP860": charmap.CodePage860, "CP862": charmap.CodePage862, "CP863": charmap.CodePage863,
		"CP865": charmap.CodePage865, "CP866": charmap.CodePage866,
		"CP1250": charmap.Windows1250, "CP1251": charmap.Windows1251, "CP1252": charmap.Windows1252, "CP1253": charmap.Windows1253,
		"CP1254": charmap.Windows1254, "CP1257": charmap.Windows1257,
	}
}

// encode returns the bytes for text, or false when the printer lacks a character
// of it. What is returned never holds a byte below 20h or 7Fh, whatever the text
// is: the check stands after the conversion.
func (c charset) encode(text string) ([]byte, bool) {
	out := make([]byte, 0, 2*len(text))
	for _, r := range text {
		switch {
		case r >= ' ' && r <= '~':
			out = append(out, byte(r))
		case c.chinese != "none":
			b, ok := c.hanzi(r)
			if !ok {
				return nil, false
			}
			out = append(out, b[0], b[1])
		default:
			b, ok := c.page.EncodeRune(r)
			if !ok || b < 0x80 {
				return nil, false
			}
			out = append(out, b)
		}
	}
	return out, true
}

// hanzi returns the two bytes of a character in GB18030. The four-byte part of
// the standard is in no printer.
// Letters with accents are in the set, but as wide as a Chinese character: they
// look better as dots.
func (c charset) hanzi(r rune) (b [2]byte, ok bool) {
	if r == '¥' {
		r = '￥'
	}
	if layout.Accented(r) {
		return b, false
	}
	var src [utf8.UTFMax]byte
	var dst [8]byte
	n, _, err := c.gb.Transform(dst[:], src[:utf8.EncodeRune(src[:], r)], true)
	if err != nil || n != 2 {
		return b, false
	}
	b = [2]byte(dst[:2])
	if b[0] < 0x81 || b[0] > 0xfe || b[1] < 0x40 || b[1] == 0x7f || b[1] > 0xfe {
		return b, false
	}
	if b[0] == 0xfe && b[1] >= 0x50 { // rare characters (䶮) that GB18030 added: many printers of GBK leave them blank
		return b, false
	}
	if c.chinese == "gb2312" && !inGB2312(b[0], b[1]) {
		return b, false
	}
	return b, true
}

// inGB2312 reports whether GB 2312-80 has a character at these two bytes: rows A1
// to A9 and B0 to F7, without the places in them that GBK has filled later (€, ⅲ,
// ︵), which its printers leave blank.
func inGB2312(row, cell byte) bool {
	within := func(list ...byte) bool {
		for i := 0; i < len(list); i += 2 {
			if cell >= list[i] && cell <= list[i+1] {
				return true
			}
		}
		return false
	}
	switch {
	case row == 0xa2:
		return within(0xb1, 0xe2, 0xe5, 0xee, 0xf1, 0xfc)
	case row == 0xa4:
		return within(0xa1, 0xf3)
	case row == 0xa5:
		return within(0xa1, 0xf6)
	case row == 0xa6:
		return within(0xa1, 0xb8, 0xc1, 0xd8)
	case row == 0xa7:
		return within(0xa1, 0xc1, 0xd1, 0xf1)
	case row == 0xa8:
		return within(0xa1, 0xba, 0xc5, 0xe9)
	case row == 0xa9:
		return within(0xa4, 0xef)
	case row == 0xd7:
		return within(0xa1, 0xf9)
	}
	return (row == 0xa1 || row == 0xa3 || row >= 0xb0 && row <= 0xf7) && within(0xa1, 0xfe)
}
