package line

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/scanner"
)

// payload takes prefix and AIM identifier off a frame; false when it is none.
// The result shares no memory with raw.
func (s settings) payload(raw []byte) (code, bool) {
	// A break on the line, or a scanner that is switched on, sends NULs. No code
	// contains one.
	raw = bytes.Trim(raw, "\x00")
	if bytes.IndexByte(raw, 0) >= 0 {
		return code{}, false
	}
	if len(s.prefix) > 0 {
		i := 0
		if s.prefix[0] < ' ' {
			// What stands before the last prefix is a code that never ended.
			i = max(0, bytes.LastIndex(raw, s.prefix))
		}
		var ok bool
		if raw, ok = bytes.CutPrefix(raw[i:], s.prefix); !ok {
			return code{}, false
		}
	}
	c := code{framed: len(s.prefix) > 0}
	if s.aim && len(raw) > 2 && raw[0] == ']' && letter(raw[1]) && raw[2] > ' ' && raw[2] <= '~' {
		c.aim, c.framed, raw = string(raw[:3]), true, raw[3:]
	}
	c.data = s.toUTF8(raw)
	return c, len(c.data) > 0 && len(c.data) <= scanner.MaxData
}

func letter(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }

// toUTF8 returns a copy of the payload in UTF-8. Most QR codes are UTF-8, many
// Chinese ones GB18030; the two are told apart because text in one is hardly
// ever valid in the other.
func (s settings) toUTF8(raw []byte) []byte {
	if utf8.Valid(raw) {
		return bytes.Clone(raw)
	}
	if s.encoding == "gb18030" {
		b, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
		if err == nil && !bytes.ContainsRune(b, utf8.RuneError) {
			return b
		}
	}
	out := make([]byte, 0, 2*len(raw))
	for _, b := range raw {
		out = utf8.AppendRune(out, charmap.ISO8859_1.DecodeByte(b))
	}
	return out
}
