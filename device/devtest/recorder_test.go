package devtest_test

import (
	"io"
	"testing"

	"tilld/device/devtest"
)

// far is the device's end of a Recorder.
type far struct {
	p    *devtest.Recorder
	seen int
}

func (f *far) Write(b []byte) (int, error) { f.p.Feed(b); return len(b), nil }

func (f *far) Read(b []byte) (int, error) {
	for {
		if w := f.p.Wrote(); len(w) > f.seen {
			n := copy(b, w[f.seen:])
			f.seen += n
			return n, nil
		}
	}
}

func TestRecorderIsAPort(t *testing.T) {
	devtest.Port(t, func(*testing.T) devtest.Pair {
		p := new(devtest.Recorder)
		return devtest.Pair{Near: p, Far: &far{p: p}, Unplug: func() { p.End(io.EOF); p.Fail(io.ErrClosedPipe) }}
	})
}
