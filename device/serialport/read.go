package serialport

import (
	"errors"
	"fmt"
	"os"
)

// Read implements [device.Port]: it returns at least one byte, or an error;
// os.ErrDeadlineExceeded past the deadline.
func (p *port) Read(b []byte) (int, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	if p.guard == nil {
		return p.readPumped(b)
	}
	for {
		if len(p.rest) > 0 { // put aside by a writer that waited for XON
			n := copy(b, p.rest)
			p.rest = p.rest[n:]
			return n, nil
		}
		if err := p.guard.waitRead(); err != nil {
			return 0, p.fail(err)
		}
		n, err := guarded(p.line.Read, b)
		if errors.Is(err, errPanic) {
			n, err = p.guard.read(b) // a high descriptor number is no reason to be deaf
		}
		if err != nil {
			return n, p.fail(err)
		}
		if p.flow == sieved && n > 0 {
			if n = sieve(b[:n], &p.stopped); n == 0 {
				continue
			}
		}
		if n > 0 {
			return n, nil
		}
		// Readable, yet nothing there: hung up, or somebody else took the bytes.
		if err := p.guard.alive(); err != nil {
			return 0, p.fail(err)
		}
	}
}

// readPumped reads through a goroutine of its own, for systems on which nothing
// tells beforehand whether a backend's Read will block.
func (p *port) readPumped(b []byte) (int, error) {
	if p.isClosed() {
		return 0, os.ErrClosed
	}
	if p.rd.Over() {
		return 0, os.ErrDeadlineExceeded
	}
	if p.reader == nil {
		p.reader = make(chan chunkRead)
		go p.pump(p.reader)
	}
	for len(p.rest) == 0 {
		select {
		case <-p.closed:
			return 0, os.ErrClosed
		case <-p.rd.Passed():
			return 0, os.ErrDeadlineExceeded
		case c, ok := <-p.reader:
			if !ok {
				return 0, p.fail(errGone)
			}
			if c.err != nil {
				return 0, p.fail(c.err)
			}
			p.rest = c.data
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// pump reads until the port is closed or fails.
func (p *port) pump(out chan<- chunkRead) {
	defer close(out)
	for !p.isClosed() {
		b := make([]byte, 4096)
		n, err := guarded(p.line.Read, b)
		if n > 0 {
			select {
			case out <- chunkRead{data: b[:n]}:
			case <-p.closed:
				return
			}
		}
		if err != nil {
			select {
			case out <- chunkRead{err: err}:
			case <-p.closed:
			}
			return
		}
	}
}

// guarded turns a panic of a backend into an error. go.bug.st/serial waits with
// select(2) and panics when its descriptor's number is 1024 or more.
func guarded(f func([]byte) (int, error), b []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return f(b)
}
