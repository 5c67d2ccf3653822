package line

import (
	"bytes"

	"tilld/scanner"
	"tilld/scanner/internal/reading"
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
	c.data = reading.UTF8(raw, s.encoding)
	return c, len(c.data) > 0 && len(c.data) <= scanner.MaxData
}

func letter(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }
