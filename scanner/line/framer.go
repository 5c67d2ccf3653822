package line

import (
	"bytes"
	"time"

	"tilld/scanner"
	"tilld/scanner/torn"
)

// maxFrame bounds what is held of an unfinished code: the longest payload with
// prefix, AIM identifier and suffix.
const maxFrame = scanner.MaxData + 32

// pardon is how much noise one code makes up for: far more than there is between
// codes, and less than there is between what looks like codes in noise.
const pardon = 512

// framer cuts a stream of bytes into codes. How the stream is chunked makes no
// difference to what comes out.
type framer struct {
	cfg     settings
	buf     []byte
	tooLong bool // dropping up to the next suffix or silence
	noise   int  // bytes that made no code, less what codes have made up for
	tear    torn.Tear
}

type code struct {
	aim    string
	data   []byte
	framed bool // its beginning was seen: a prefix, an AIM identifier
}

// pending reports whether an unfinished code is held.
func (f *framer) pending() bool { return len(f.buf) > 0 || f.tooLong }

// feed takes the bytes that arrived at that time and returns the codes that they
// complete.
func (f *framer) feed(at time.Time, b []byte) []code {
	var out []code
	for _, c := range b {
		f.buf = append(f.buf, c)
		switch {
		case f.ends(c):
			if code, ok := f.finish(at); ok {
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
// and half a code can be the number of another article. So can the other half,
// should it still come: see [torn.Tear].
func (f *framer) gap(at time.Time) (code, bool) {
	if len(f.cfg.suffix) == 0 {
		return f.finish(at)
	}
	f.giveUp(at)
	f.drop()
	f.tooLong = false
	return code{}, false
}

// giveUp remembers that what is held will not be finished.
func (f *framer) giveUp(at time.Time) {
	if f.tooLong {
		f.tear.Noise(at)
		return
	}
	f.tear.Begin(f.buf, at)
}

// cut is called when the port fails: what is held will not be finished here.
func (f *framer) cut(at time.Time) {
	if f.pending() && len(f.cfg.suffix) > 0 {
		f.giveUp(at)
	}
}

// hold leaves a note of what is held, see [torn.Tear.Hold].
func (f *framer) hold(at time.Time) { f.tear.Hold(f.buf, f.tooLong, at) }

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
func (f *framer) finish(at time.Time) (code, bool) {
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
		f.tear.Believe(nil, false, at) // the end of the torn code, late
		f.buf = f.buf[:0]
		f.noise++
		return code{}, false
	}
	c, ok := f.cfg.payload(raw)
	if !ok || !f.tear.Believe(c.data, c.framed, at) {
		f.drop()
		return code{}, false
	}
	f.buf, f.noise = f.buf[:0], max(0, f.noise-pardon)
	return c, true
}
