package tcpport

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"tilld/device"
)

var (
	_ device.Port     = (*port)(nil)
	_ device.Releaser = (*port)(nil)
)

// port is a connection that can be given up between two uses: many printers
// serve one till at a time. The next Write connects again.
type port struct {
	addr string

	mu          sync.Mutex
	conn        net.Conn      // nil while given up
	read, write time.Time     // deadlines
	woken       chan struct{} // closed when a deadline or conn changes
	closed      bool

	life context.Context // ends with Close
	end  context.CancelFunc
}

func newPort(addr string, conn net.Conn) *port {
	p := &port{addr: addr, conn: conn, woken: make(chan struct{})}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// wake needs mu.
func (p *port) wake() {
	close(p.woken)
	p.woken = make(chan struct{})
}

// Release ends the connection; what the other end has taken stays taken.
func (p *port) Release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil
	}
	err := p.conn.Close()
	p.conn = nil
	p.wake()
	return err
}

// Write connects again if the connection was given up.
func (p *port) Write(b []byte) (int, error) {
	conn, err := p.connected()
	if err != nil {
		return 0, err
	}
	return conn.Write(b)
}

func (p *port) connected() (net.Conn, error) {
	p.mu.Lock()
	conn, closed, deadline := p.conn, p.closed, p.write
	p.mu.Unlock()
	if closed {
		return nil, net.ErrClosed
	}
	if conn != nil {
		return conn, nil
	}
	ctx := p.life
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	conn, err := dialer().DialContext(ctx, "tcp", p.addr)
	if p.life.Err() != nil && err != nil {
		return nil, net.ErrClosed
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	if err := errors.Join(conn.SetReadDeadline(p.read), conn.SetWriteDeadline(p.write)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	p.conn = conn
	p.wake()
	return conn, nil
}

// Read waits for the deadline while the connection is given up: nothing can
// come.
func (p *port) Read(b []byte) (int, error) {
	for {
		p.mu.Lock()
		conn, closed, deadline, woken := p.conn, p.closed, p.read, p.woken
		p.mu.Unlock()
		switch {
		case closed:
			return 0, net.ErrClosed
		case conn != nil:
			n, err := conn.Read(b)
			if n == 0 && errors.Is(err, net.ErrClosed) && p.gone(conn) {
				continue // given up under the read
			}
			return n, err
		}
		if deadline.IsZero() {
			<-woken
			continue
		}
		left := time.NewTimer(time.Until(deadline))
		select {
		case <-woken:
			left.Stop()
		case <-left.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// gone reports whether a connection was given up and the port is still open.
func (p *port) gone(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && p.conn != conn
}

func (p *port) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline and SetWriteDeadline bound one of the two alone.
func (p *port) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = t
	p.wake()
	if p.conn == nil {
		return nil
	}
	return p.conn.SetReadDeadline(t)
}

func (p *port) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write = t
	if p.conn == nil {
		return nil
	}
	return p.conn.SetWriteDeadline(t)
}

func (p *port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	p.end()
	p.wake()
	if p.conn == nil {
		return nil
	}
	return p.conn.Close()
}

// CloseWrite tells the other end that nothing more comes.
func (p *port) CloseWrite() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.conn.(*net.TCPConn); ok {
		return c.CloseWrite()
	}
	return nil
}

// SyscallConn is of the connection as it is now.
func (p *port) SyscallConn() (syscall.RawConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, net.ErrClosed
}
