package sim

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// take puts bytes into the receive buffer; real-time commands among them are
// executed now, wherever they stand. It waits while the buffer is full.
func (p *Printer) take(ctx context.Context, b []byte) error {
	for len(b) > 0 {
		p.mu.Lock()
		room := p.model.Buffer - len(p.buf)
		if p.hungry { // a command larger than the buffer is executed as it comes
			room = len(b)
		}
		n := min(len(b), max(room, 0))
		if p.sw.Deaf {
			n = 0
		}
		baud := p.sw.Baud
		if baud > 0 {
			n = min(n, max(baud/10/lineTicks, 1))
		}
		if p.cutAt > 0 && p.received+int64(n) >= p.cutAt {
			n = int(p.cutAt - p.received)
			p.accept(b[:n])
			p.cutAt = 0
			p.notify()
			p.mu.Unlock()
			return errCut
		}
		if p.sw.Off {
			p.mu.Unlock()
			return errCut
		}
		// A full buffer still hears real-time commands: on serial lines and
		// on the network alike they are looked for before the buffer.
		p.accept(b[:n])
		if n > 0 {
			p.notify()
		}
		changed := p.changed
		p.mu.Unlock()
		b = b[n:]
		if baud > 0 && n > 0 {
			if err := pause(ctx, time.Duration(n)*10*time.Second/time.Duration(baud)); err != nil {
				return err
			}
		}
		if n == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-changed:
			}
		}
	}
	return nil
}

// lineTicks is in how many pieces a slow line's second comes.
const lineTicks = 50

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

var errCut = errors.New("sim: the connection was cut")

// accept needs mu.
func (p *Printer) accept(b []byte) {
	p.received += int64(len(b))
	for _, c := range b {
		p.buf = append(p.buf, c)
		p.real = append(p.real, c)
		if p.star != nil {
			if len(p.real) > 3 {
				p.real = p.real[1:]
			}
			p.star.heard(p.real)
			continue
		}
		if p.real[0] != 0x10 {
			p.real = p.real[:0]
			continue
		}
		if len(p.real) < 3 {
			continue
		}
		n := realTimeLen(p.real)
		switch {
		case n == 0:
			p.real = p.real[:0]
			if c == 0x10 {
				p.real = append(p.real, c)
			}
		case len(p.real) == n:
			p.execRealTime(p.real)
			p.real = p.real[:0]
		}
	}
}

// execRealTime needs mu.
func (p *Printer) execRealTime(c []byte) {
	switch {
	case c[1] == 0x04 && len(c) == 3:
		if b, ok := p.sw.realTime(c[2]); ok {
			p.answer([]byte{b})
		}
	case c[1] == 0x05 && c[2] == 2: // recover, dropping what waits
		p.change(func(s *Switches) { s.CutterError = false })
		p.buf = nil
	case c[1] == 0x05 && c[2] == 1:
		p.change(func(s *Switches) { s.CutterError = false })
	case c[1] == 0x14 && c[2] == 1 && c[3] <= 1 && c[4] >= 1 && c[4] <= 8:
		p.m.event("drawer", "pin %d on %d ms, real time", 2+3*int(c[3]), int(c[4])*100)
		p.pulse()
	case c[1] == 0x14 && c[2] == 7:
		p.answer(p.sw.asb())
	case c[1] == 0x14 && c[2] == 8 && string(c[3:]) == "\x01\x03\x14\x01\x06\x02\x08":
		p.buf = nil
		p.m.line, p.m.x = nil, 0
		p.m.event("clear", "")
		p.answer([]byte{0x37, 0x25, 0})
	}
}

// attach makes w the host that hears answers, until release.
func (p *Printer) attach(w io.Writer, network bool, drop func()) (release func()) {
	out := make(chan []byte, 256)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range out {
			if _, err := w.Write(b); err != nil {
				drop()
			}
		}
	}()
	p.mu.Lock()
	p.host = func(b []byte) {
		select {
		case out <- b:
		default: // the host does not read: a printer does not wait for it
		}
	}
	p.drop = drop
	if p.star != nil && network { // there the automatic status is always on
		p.star.asb = true
		p.star.tell()
	}
	if p.untold != nil { // of several ids only the latest is sent (GS ( H)
		p.answer(p.untold)
		p.untold = nil
	}
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.host, p.drop = nil, nil
		p.mu.Unlock()
		close(out)
		<-done
	}
}

// ServeLine prints what comes over a serial line until the line closes or ctx
// ends. A cut line is unplugged and plugged in again.
func (p *Printer) ServeLine(ctx context.Context, c *Cable) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	replug := func() {
		if c.Unplug() == nil {
			time.AfterFunc(300*time.Millisecond, func() {
				if !p.Switches().Off {
					c.Plug()
				}
			})
		}
	}
	release := p.attach(c, false, func() {})
	defer release()
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch err := p.take(ctx, b[:n]); {
		case errors.Is(err, errCut):
			replug()
		case err != nil:
			return nil
		}
	}
}

// ServeTCP prints what comes over raw TCP connections, one host at a time as
// most printers do, until ctx ends. It closes l.
func (p *Printer) ServeTCP(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		p.serve(ctx, conn)
	}
}

func (p *Printer) serve(ctx context.Context, conn net.Conn) {
	var once sync.Once
	drop := func() { once.Do(func() { conn.Close() }) }
	if tcp, ok := conn.(*net.TCPConn); ok && p.Switches().Off {
		tcp.SetLinger(0)
	}
	stop := context.AfterFunc(ctx, drop)
	defer stop()
	defer drop()
	if p.Switches().Off {
		return
	}
	release := p.attach(conn, true, drop)
	defer release()
	defer drop()
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if n > 0 {
			if p.take(ctx, b[:n]) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
