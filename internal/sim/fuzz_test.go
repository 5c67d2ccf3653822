package sim_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"tilld/internal/sim"
)

// Whatever comes over the line, the printer stays alive and, once its job is
// cleared, prints again.
func FuzzPrinter(f *testing.F) {
	f.Add([]byte("\x1b@\x1ba\x01text\n\x1dv0\x00\x01\x00\x02\x00\xff\x00\x1dVB\x00"))
	f.Add([]byte("\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x06\x1d(k\x05\x001P0ab\x1d(k\x03\x001Q0"))
	f.Add([]byte("\x1dk\x02123456789012\x00\x1dk\x49\x04{Bab\x10\x04\x01\x1dr\x01"))
	f.Add([]byte("\x1b*\x21\x02\x00abcdef\x1c&\xb2\xe8\x1b$\xff\xff\x1b\\\x00\x80x\n\x09\x1bD\x01\x00"))
	f.Add([]byte("\x1d8L\x0b\x00\x00\x000p0\x01\x011\x08\x00\x01\x00\xff\x1d(L\x02\x0002\x1d(H\x06\x00000001"))
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		p := sim.NewPrinter(sim.Model{})
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		stop := serveFuzz(t, p, far)
		go io.Copy(io.Discard, near)
		// Enough zeros end any command; then the job is dropped.
		for _, b := range [][]byte{data, bytes.Repeat([]byte{0}, 70_000), []byte("\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08\x1b@still here\n\x1dV\x00")} {
			if _, err := near.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		for {
			list, changed := p.Tickets(0)
			found := false
			for _, k := range list {
				for _, line := range k.Lines {
					found = found || line == "still here"
				}
			}
			if found {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				t.Fatalf("does not print any more: %+v", p.Stats())
			}
		}
		near.Close()
		stop()
	})
}

// serveFuzz runs a printer on one connection until stop.
func serveFuzz(t *testing.T, p *sim.Printer, conn net.Conn) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	l := &oneConn{conn: conn, done: ctx.Done()}
	done := make(chan struct{}, 2)
	go func() { p.Run(ctx); done <- struct{}{} }()
	go func() { p.ServeTCP(ctx, l); done <- struct{}{} }()
	return func() {
		cancel()
		<-done
		<-done
	}
}

// oneConn accepts one connection.
type oneConn struct {
	conn net.Conn
	done <-chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// Whatever a family's display was fed, it shows text again after a way out of
// every command that is in its manual.
func FuzzPole(f *testing.F) {
	f.Add("cd5220", []byte("\x1bQAhello\r\x1bQB12.00\r"))
	f.Add("cd5220", []byte("\x0c\x1bl\x14\x02x\x1f$\x01\x01y\x1b@\x0d\x0a\x08\x09\x18"))
	f.Add("epson", []byte("\x1b=\x01\x1f$\x05\x02ab\x1b@\x1bt\x01"))
	f.Add("dsp800", []byte("\x04\x01P1\x17ab\x04\x01C13\x17\x04\x01P"))
	f.Add("utc", []byte("\x1bd\x1buAhello\r\x10\x14x\x1f\x04\x40"))
	f.Fuzz(func(t *testing.T, family string, data []byte) {
		p, err := sim.NewPoleOf(family, len(data)%2 == 0)
		if err != nil {
			return
		}
		p.Feed(data)
		p.Feed(bytes.Repeat([]byte{0x0D}, 80))
		switch family {
		case "cd5220":
			p.Feed([]byte("\x0c\x1bQAall is well\r\x1bQBtotal          12.00\r"))
		case "epson":
			p.Feed([]byte("\x1b=\x02\x0call is well         total          12.00"))
		case "dsp800":
			p.Feed([]byte("\x17\x17\x17\x04\x01C1X\x17\x04\x01P1\x17all is well         total          12.00"))
		case "utc":
			p.Feed([]byte("\x1fall is well         total          12.00"))
		}
		if got := p.Rows(); got != [2]string{"all is well         ", "total          12.00"} {
			t.Errorf("%s: rows %q", family, got)
		}
	})
}

func FuzzLED8(f *testing.F) {
	f.Add([]byte("\x1b@\x02L1111\x02B0\x1bs2\x1bQA12.00\r\x18"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := sim.NewLED8()
		l.Feed(data)
		l.Feed(bytes.Repeat([]byte{0x0C}, 40))
		l.Feed([]byte("\x1bs2\x1bQA12.00\r"))
		if l.Text() != "12.00" || len(l.Lamps()) != 1 {
			t.Errorf("%q %v", l.Text(), l.Lamps())
		}
	})
}

func FuzzQRScreen(f *testing.F) {
	f.Add([]byte("JUMP(1);QBAR(0,abc);SET_TXT(0,x);BL(20);\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := sim.NewQRScreen()
		s.Feed(data)
		s.Feed([]byte("\r\nJUMP(1);QBAR(0,https://pay.example/p1);SET_TXT(0,ok);\r\n"))
		if codes := s.Codes(); len(codes) != 1 || codes[0] != "https://pay.example/p1" || s.Texts()[0] != "ok" {
			t.Errorf("%q %q", codes, s.Texts())
		}
	})
}
