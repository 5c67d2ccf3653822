package line

import (
	"bytes"

	"tilld/scanner"
)

// maxFrame bounds what is held of an unfinished code: the longest payload with
// prefix, AIM identifier and suffix.
const maxFrame = scanner.MaxData + 32

// framer cuts a stream of bytes into codes. How the stream is chunked makes no
// difference to what comes out.
type framer struct {
	cfg     settings
	buf     []byte
	tooLong bool // dropping up to the next suffix or silence
	noise   int  // bytes since the last code that made none
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
		switch {
		case f.ends(c):
			if code, ok := f.finish(); ok {
				out = append(out, code)
			}
		case len(f.buf) > maxFrame:
			f.drop()
			f.tooLong = true
		}
	}
	return out
}

// gap is called after the configured silence. Without a suffix it ends a code.
// With one it drops what is there: a code without its end may be half a code,
// and half a code can be the number of another article.
func (f *framer) gap() (code, bool) {
	if len(f.cfg.suffix) == 0 && !f.tooLong {
		return f.finish()
	}
	f.drop()
	f.tooLong = false
	return code{}, false
}

func (f *framer) drop() {
	f.noise += len(f.buf)
	f.buf = f.buf[:0]
}

func (f *framer) ends(last byte) bool {
	if f.cfg.lineEnd {
		return last == '\r' || last == '\n'
	}
	return len(f.cfg.suffix) > 0 && bytes.HasSuffix(f.buf, f.cfg.suffix)
}

// finish makes a code of the bytes held and starts the next one. A frame with
// nothing between its ends is no code: CR LF ends one twice.
func (f *framer) finish() (code, bool) {
	raw := f.buf
	if f.tooLong {
		f.drop()
		f.tooLong = false
		return code{}, false
	}
	raw = bytes.TrimSuffix(raw, f.cfg.suffix)
	if f.cfg.lineEnd {
		raw = bytes.TrimRight(raw, "\r\n")
	}
	if len(raw) == 0 {
		f.buf = f.buf[:0]
		f.noise++
		return code{}, false
	}
	c, ok := f.cfg.payload(raw)
	if !ok {
		f.drop()
		return code{}, false
	}
	f.buf, f.noise = f.buf[:0], 0
	return c, true
}
