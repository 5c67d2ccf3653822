package tcpport_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"tilld/device"
)

// A connection that is given up ends at the other end with all that was written;
// reads wait for their deadline, and the next write connects again.
func TestRelease(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := open(t, "tcp://"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far := accept(t, l)
	if _, err := p.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := p.(device.Releaser).Release(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(far); string(got) != "one" || err != nil {
		t.Errorf("before the end %q, %v", got, err)
	}
	if err := p.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read without a connection: %v", err)
	}
	if err := p.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		b := make([]byte, 8)
		n, err := p.Read(b)
		if err != nil {
			t.Error(err)
		}
		read <- string(b[:n])
	}()
	if _, err := p.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	far = accept(t, l)
	if _, err := far.Write([]byte("heard")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "heard" {
		t.Errorf("a read that waited got %q", got)
	}
	b := make([]byte, 3)
	if _, err := io.ReadFull(far, b); string(b) != "two" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := p.(device.Releaser).Release(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := p.Write([]byte("three")); err == nil {
		t.Error("written to nobody")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Write([]byte("four")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return far
}
