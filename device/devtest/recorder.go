// Package devtest has the fake ports that driver tests are written on, and the
// contract of [device.Port] as runnable tests.
package devtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"tilld/device/internal/deadline"
)

// Recorder is a port that keeps what a driver writes and hands out what the
// test feeds. Set the exported fields before use; the zero value records
// everything and has nothing to read. Reads wait for more, for the deadline or
// for Close, as on a real port. Safe for concurrent use.
type Recorder struct {
	// FailAfter is the number of bytes accepted before writes fail; negative or
	// zero with a nil FailWith means never.
	FailAfter int
	// FailWith is what writes fail with once FailAfter bytes are accepted.
	FailWith error
	// Answer, if not nil, is called with every write; what it returns is fed.
	Answer func(written []byte) []byte

	mu     sync.Mutex
	wrote  bytes.Buffer
	feed   []byte
	end    error         // what Read returns once feed is empty; nil: wait
	more   chan struct{} // closed at the next change
	closed bool
	rd, wr deadline.Deadline
}

// Wrote returns all bytes written since the last Reset.
func (p *Recorder) Wrote() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrote.String()
}

// Reset forgets what was written, so that a test can skip the opening frames.
func (p *Recorder) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote.Reset()
}

// Feed has b read by the driver, after what was fed before.
func (p *Recorder) Feed(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.feed = append(p.feed, b...)
	p.notify()
}

// End has reads fail with err once everything fed has been read; io.EOF is an
// unplugged device.
func (p *Recorder) End(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = err
	p.notify()
}

// Fail has writes fail from now on.
func (p *Recorder) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.FailAfter, p.FailWith = 0, err
	p.wrote.Reset()
}

// Closed reports whether the driver has closed the port.
func (p *Recorder) Closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Recorder) notify() {
	if p.more != nil {
		close(p.more)
		p.more = nil
	}
}

// Write implements [device.Port].
func (p *Recorder) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return 0, os.ErrClosed
	case p.wr.Over():
		return 0, os.ErrDeadlineExceeded
	case p.FailWith != nil && p.wrote.Len()+len(b) > p.FailAfter:
		n, _ := p.wrote.Write(b[:max(0, p.FailAfter-p.wrote.Len())])
		return n, p.FailWith
	}
	n, _ := p.wrote.Write(b)
	if p.Answer != nil {
		p.feed = append(p.feed, p.Answer(bytes.Clone(b))...)
		p.notify()
	}
	return n, nil
}

// Read implements [device.Port].
func (p *Recorder) Read(b []byte) (int, error) {
	for {
		p.mu.Lock()
		switch {
		case p.closed:
			p.mu.Unlock()
			return 0, os.ErrClosed
		case p.rd.Over():
			p.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(p.feed) > 0:
			n := copy(b, p.feed)
			p.feed = p.feed[n:]
			p.mu.Unlock()
			return n, nil
		case p.end != nil:
			err := p.end
			p.mu.Unlock()
			return 0, err
		}
		if p.more == nil {
			p.more = make(chan struct{})
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.rd.Passed():
		}
	}
}

// SetDeadline implements [device.Port].
func (p *Recorder) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline bounds Reads only.
func (p *Recorder) SetReadDeadline(t time.Time) error {
	if p.Closed() {
		return os.ErrClosed
	}
	p.rd.Set(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notify() // a waiting Read asks for the new deadline
	return nil
}

// SetWriteDeadline bounds Writes only.
func (p *Recorder) SetWriteDeadline(t time.Time) error {
	if p.Closed() {
		return os.ErrClosed
	}
	p.wr.Set(t)
	return nil
}

// Close implements [device.Port].
func (p *Recorder) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	p.closed = true
	p.notify()
	return nil
}

var _ io.ReadWriteCloser = (*Recorder)(nil)
