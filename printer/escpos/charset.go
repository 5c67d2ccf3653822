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
// the standard is in no printer; GB2312 printers have rows A1-A9 and B0-F7 only.
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
	if c.chinese == "gb2312" && (b[1] < 0xa1 || b[0] < 0xa1 || b[0] > 0xf7 || b[0] > 0xa9 && b[0] < 0xb0) {
		return b, false
	}
	return b, true
}
