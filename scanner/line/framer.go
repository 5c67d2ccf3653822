package line

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/scanner"
)

// maxFrame bounds what is held of an unfinished code: the longest payload, its
// prefix, its AIM identifier and its suffix.
const maxFrame = scanner.MaxData + 32

// framer cuts a stream of bytes into codes. How the stream is chunked makes no
// difference to what comes out.
type framer struct {
	cfg     settings
	buf     []byte
	tooLong bool  // dropping up to the next suffix or gap
	dropped int64 // bytes that became no code
}

type code struct {
	aim  string
	data []byte
}

// pending reports whether an unfinished code is held.
func (f *framer) pending() bool { return len(f.buf) > 0 || f.tooLong }

// feed takes the next bytes and returns the codes that they complete.
func (f *framer) feed(b []byte) []code {
	var out []code
	for _, c := range b {
		f.buf = append(f.buf, c)
		if f.ends() {
			if code, ok := f.finish(); ok {
				out = append(out, code)
			}
		} else if len(f.buf) > maxFrame {
			f.dropped += int64(len(f.buf))
			f.buf, f.tooLong = f.buf[:0], true
		}
	}
	return out
}

// gap is called after the configured silence: it ends a code when there is no
// suffix, and drops an unfinished one otherwise.
func (f *framer) gap() (code, bool) {
	if len(f.cfg.suffix) == 0 && !f.tooLong {
		return f.finish()
	}
	f.dropped += int64(len(f.buf))
	f.buf, f.tooLong = f.buf[:0], false
	return code{}, false
}

func (f *framer) ends() bool {
	if f.cfg.anyEnd {
		last := f.buf[len(f.buf)-1]
		return last == '\r' || last == '\n'
	}
	return len(f.cfg.suffix) > 0 && bytes.HasSuffix(f.buf, f.cfg.suffix)
}

// finish makes a code of the bytes held and starts the next one.
func (f *framer) finish() (code, bool) {
	raw := f.buf
	f.buf = f.buf[:0]
	if f.tooLong {
		f.tooLong = false
		return code{}, false
	}
	if f.cfg.anyEnd {
		raw = bytes.TrimRight(raw, "\r\n")
	} else {
		raw = bytes.TrimSuffix(raw, f.cfg.suffix)
	}
	if len(f.cfg.prefix) > 0 {
		i := bytes.LastIndex(raw, f.cfg.prefix)
		if i < 0 {
			f.dropped += int64(len(raw))
			return code{}, false
		}
		raw = raw[i+len(f.cfg.prefix):]
	}
	var c code
	if f.cfg.aim && len(raw) >= 3 && raw[0] == ']' {
		c.aim, raw = string(raw[:3]), raw[3:]
	}
	if len(raw) == 0 || len(raw) > scanner.MaxData {
		return code{}, false
	}
	c.data = f.cfg.toUTF8(raw)
	return c, true
}

// toUTF8 returns a copy of the payload in UTF-8.
func (s settings) toUTF8(raw []byte) []byte {
	if utf8.Valid(raw) {
		return bytes.Clone(raw)
	}
	if s.encoding == "gb18030" {
		if b, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw); err == nil {
			return b
		}
	}
	b, err := charmap.ISO8859_1.NewDecoder().Bytes(raw)
	if err != nil {
		return bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	return b
}
