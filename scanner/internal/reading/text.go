package reading

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/scanner"
)

// CheckEncoding says what is wrong with the name of an encoding.
func CheckEncoding(name string) error {
	if name != "gb18030" && name != "latin1" {
		return fmt.Errorf("encoding is %q, want gb18030 or latin1", name)
	}
	return nil
}

// UTF8 returns a copy of a payload in UTF-8. Most QR codes are UTF-8, many
// Chinese ones GB18030; the two are told apart because text in one is hardly
// ever valid in the other. What is neither is taken for Latin-1, unless
// it has control characters that no text has: that is noise, and UTF8 returns
// nil. Where Latin-1 is configured anything goes.
func UTF8(raw []byte, encoding string) []byte {
	if utf8.Valid(raw) {
		return bytes.Clone(raw)
	}
	if encoding == "gb18030" {
		b, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
		if err == nil && !bytes.ContainsRune(b, utf8.RuneError) {
			return b
		}
		for _, c := range raw {
			if unprintable(c) {
				return nil
			}
		}
	}
	out := make([]byte, 0, 2*len(raw))
	for _, b := range raw {
		out = utf8.AppendRune(out, charmap.ISO8859_1.DecodeByte(b))
	}
	return out
}

// unprintable reports whether a byte is a control character in Latin-1 other
// than those which codes have: tab, line ends, and the separators of ISO 15434.
func unprintable(c byte) bool {
	switch c {
	case 0x04, '\t', '\n', '\r', 0x1c, 0x1d, 0x1e, 0x1f:
		return false
	}
	return c < ' ' || 0x7f <= c && c < 0xa0
}

// CutAIM splits an AIM identifier ("]Q1") off the beginning of a payload; "" if
// there is none.
func CutAIM(raw []byte) (aim string, rest []byte) {
	if len(raw) >= 3 && IsAIM(raw[:3]) {
		return string(raw[:3]), raw[3:]
	}
	return "", raw
}

// IsAIM reports whether three bytes are an AIM identifier: "]", the letter of
// the symbology, a modifier.
func IsAIM(b []byte) bool {
	letter := 'A' <= b[1] && b[1] <= 'Z' || 'a' <= b[1] && b[1] <= 'z'
	return b[0] == ']' && letter && b[2] > ' ' && b[2] <= '~'
}

// Whole makes a code of a payload; false when nothing is left, when it is too
// long, or when it holds a NUL, which no code does, or is no text at all.
func Whole(aim string, raw []byte, encoding string) (Code, bool) {
	if len(raw) == 0 || len(raw) > scanner.MaxData || bytes.IndexByte(raw, 0) >= 0 {
		return Code{}, false
	}
	c := Code{AIM: aim, Data: UTF8(raw, encoding)}
	return c, len(c.Data) > 0 && len(c.Data) <= scanner.MaxData
}
