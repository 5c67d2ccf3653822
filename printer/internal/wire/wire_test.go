package wire_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer/internal/wire"
)

func pipe(t *testing.T) (*wire.Wire, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	return &wire.Wire{Port: near, Name: "printer-1", Chunk: 64, Waits: func() bool { return false }}, far
}

// A printer that takes a byte every five seconds is slow, not stuck.
func TestTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := pipe(t)
		go func() {
			for range 20 {
				time.Sleep(5 * time.Second)
				far.Read(make([]byte, 1))
			}
		}()
		sent, err := w.Write(t.Context(), "print", make([]byte, 20))
		if sent != 20 || err != nil {
			t.Errorf("%d bytes, %v", sent, err)
		}
	})
}

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := pipe(t)
		go far.Read(make([]byte, 6))
		start := time.Now()
		sent, err := w.Write(t.Context(), "print", make([]byte, 20))
		took := time.Since(start)
		if sent != 6 || fault.KindOf(err) != fault.Timeout || took < wire.StallLimit || took > wire.StallLimit+time.Second {
			t.Errorf("%d bytes in %v, %v", sent, took, err)
		}
		if _, ok := device.AdviceOf(err); !ok {
			t.Error("no advice")
		}
	})
}

// While a person is needed, only ctx ends the wait.
func TestWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := pipe(t)
		w.Waits = func() bool { return true }
		go func() {
			time.Sleep(time.Minute)
			far.Read(make([]byte, 20))
		}()
		if sent, err := w.Write(t.Context(), "print", make([]byte, 20)); sent != 20 || err != nil {
			t.Errorf("%d bytes, %v", sent, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := w.Write(ctx, "print", make([]byte, 20)); fault.KindOf(err) != fault.Timeout || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, far := pipe(t)
		var heard strings.Builder
		w.Heard = func(b []byte) { heard.Write(b) }
		w.Pause = 20 * time.Millisecond
		go func() {
			buf := make([]byte, 64)
			for {
				if _, err := far.Read(buf); err != nil {
					return
				}
				far.Write([]byte("ok"))
			}
		}()
		start := time.Now()
		if sent, err := w.Write(t.Context(), "print", make([]byte, 256)); sent != 256 || err != nil {
			t.Errorf("%d bytes, %v", sent, err)
		}
		if took := time.Since(start); took != 60*time.Millisecond {
			t.Errorf("four chunks with pauses took %v", took)
		}
		if err := w.Listen(t.Context(), "print", time.Now().Add(time.Second)); err != nil || heard.String() != "okokokok" {
			t.Errorf("heard %q, %v", heard.String(), err)
		}
		far.Close()
		if err := w.Listen(t.Context(), "print", time.Now().Add(time.Second)); fault.KindOf(err) != fault.Absent {
			t.Errorf("after the end: %v", err)
		}
		if _, err := w.Write(t.Context(), "print", []byte("x")); fault.KindOf(err) != fault.Absent {
			t.Errorf("write after the end: %v", err)
		}
	})
}

// Bytes that a TCP stack still holds were not taken by the printer.
func TestDrained(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	w := &wire.Wire{Port: near, Name: "printer-1", Chunk: 4096, Waits: func() bool { return false }}
	for full := 0; full < 2; { // until both ends are full
		near.SetDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := near.Write(make([]byte, 1<<16))
		if err != nil && !os.IsTimeout(err) {
			t.Fatal(err)
		}
		if full++; n > 0 {
			full = 0
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.Drained(ctx, "print", nil); fault.KindOf(err) != fault.Timeout {
		t.Errorf("with bytes in the socket: %v, want timeout", err)
	}
	go func() {
		buf := make([]byte, 1<<20)
		for {
			if _, err := far.Read(buf); err != nil {
				return
			}
		}
	}()
	if err := w.Drained(t.Context(), "print", nil); err != nil {
		t.Errorf("once all is read: %v", err)
	}
}
