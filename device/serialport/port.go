package serialport

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tilld/device"
	"tilld/device/internal/deadline"
)

const (
	// poll is how long a backend's Read may block: the smallest time-out that
	// tarm has (VTIME counts tenths of a second).
	poll = 100 * time.Millisecond
	// chunk is how much is handed to the line at once: what every driver has room
	// for once it says that it takes data (the kernel's WAKEUP_CHARS).
	chunk = 256
	// drain is how long Close lets the last bytes leave: 300 bytes at 9600 baud.
	drain = 300 * time.Millisecond
	// closing is how long Close waits for the kernel before it goes on without.
	closing = time.Second
)

var (
	errBusy    = errors.New("held by another program")
	errSetting = errors.New("setting not possible")
	errGone    = errors.New("the line is gone (unplugged)")
	errPanic   = errors.New("the serial module panicked")
)

// port is an open line. Data goes through the backend; the guard says when it
// can go without blocking.
type port struct {
	name  string // address without settings, for messages
	line  line
	guard *guard // nil on systems without one
	flow  string
	id    device.Identity
	left  func(stuck bool) // called when the descriptors are left behind, and when they are closed after all
	here  func() error     // looks for the adapter where there is no guard; may be nil

	rd, wr deadline.Deadline
	closed chan struct{}
	once   sync.Once

	stopped atomic.Bool // the device has said XOFF to a line that is sieved

	reading sync.Mutex // one Read at a time
	reader  chan chunkRead
	rest    []byte

	writing sync.Mutex // one Write at a time
	pending chan chunkWrite
}

type chunkRead struct {
	data []byte
	err  error
}

type chunkWrite struct {
	n   int
	err error
}

func newPort(name string, l line, g *guard, flow string, id device.Identity, left func(bool)) *port {
	return &port{name: name, line: l, guard: g, flow: flow, id: id, left: left, closed: make(chan struct{})}
}

// Identity implements [device.Identified].
func (p *port) Identity() device.Identity { return p.id }

// Alive implements [device.Prober].
func (p *port) Alive() error {
	look := p.here
	if p.guard != nil {
		look = p.guard.alive
	}
	if look == nil || p.isClosed() {
		return nil
	}
	if err := look(); err != nil && !p.isClosed() {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// SetDeadline implements [device.Port].
func (p *port) SetDeadline(t time.Time) error {
	if p.isClosed() {
		return os.ErrClosed
	}
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline bounds Reads only.
func (p *port) SetReadDeadline(t time.Time) error {
	if p.isClosed() {
		return os.ErrClosed
	}
	p.rd.Set(t)
	if p.guard != nil {
		return p.guard.setReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline bounds Writes only.
func (p *port) SetWriteDeadline(t time.Time) error {
	if p.isClosed() {
		return os.ErrClosed
	}
	p.wr.Set(t)
	if p.guard != nil {
		return p.guard.setWriteDeadline(t)
	}
	return nil
}

func (p *port) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// fail names the line in an error, and tells our own Close from an unplugging.
func (p *port) fail(err error) error {
	switch {
	case p.isClosed():
		return os.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	default:
		return fmt.Errorf("%s: %w", p.name, err)
	}
}

// Close implements [device.Port]. It lets the last bytes leave for a moment,
// drops what the device does not take, and never blocks longer than about 1.5 s.
func (p *port) Close() error {
	err := os.ErrClosed
	p.once.Do(func() { err = p.close() })
	return err
}

func (p *port) close() error {
	p.settle()
	close(p.closed)
	p.rd.Set(time.Unix(1, 0))
	p.wr.Set(time.Unix(1, 0))
	if p.guard != nil {
		// Ends waits; fails only when the line is gone.
		p.guard.setReadDeadline(time.Unix(1, 0))
		p.guard.setWriteDeadline(time.Unix(1, 0))
	}
	done := make(chan error, 1)
	go func() { done <- p.release() }()
	late := time.NewTimer(closing)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		// A writer or the kernel hangs in the line. release goes on by itself;
		// the line cannot be opened again until it is through.
		p.left(true)
		go func() { <-done; p.left(false) }()
		return fmt.Errorf("%s: %w: still closing", p.name, os.ErrDeadlineExceeded)
	}
}

// settle waits until the output buffer is empty, for at most [drain], and then
// drops the rest.
func (p *port) settle() {
	if p.guard == nil {
		return
	}
	end := time.Now().Add(drain)
	for p.guard.queued() > 0 && p.guard.alive() == nil {
		if time.Now().After(end) {
			p.guard.discard() // a line that is gone has nothing to drop
			return
		}
		pause := time.NewTimer(5 * time.Millisecond)
		<-pause.C
	}
}

// release closes the descriptors once nobody uses them: a number closed under a
// blocked call can belong to another file a moment later.
func (p *port) release() error {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.reader != nil {
		for range p.reader { // its goroutine ends within one poll
		}
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.pending != nil {
		if p.guard != nil {
			p.guard.discard() // makes room, so that the blocked write ends
		}
		<-p.pending
	}
	if p.guard == nil {
		return p.line.Close()
	}
	// Errors of claim and close say that the line is gone, which is what we want.
	p.guard.claim(false)
	err := p.line.Close()
	return errors.Join(err, p.guard.close())
}
