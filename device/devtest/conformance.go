package devtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"tilld/device"
)

// Pair is a port and the device's end of its cable.
type Pair struct {
	Near device.Port
	Far  io.ReadWriter
	// Unplug pulls the cable; nil when that cannot be done.
	Unplug func()
}

// soon bounds what must happen at once; generous, for machines under load.
const soon = 10 * time.Second

// Port runs the contract of [device.Port] on pairs made by open.
func Port(t *testing.T, open func(t *testing.T) Pair) {
	t.Run("carries every byte both ways", func(t *testing.T) {
		p := open(t)
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		go p.Far.Write(all)
		got := make([]byte, 256)
		p.Near.SetDeadline(time.Now().Add(soon))
		if _, err := io.ReadFull(p.Near, got); err != nil || !bytes.Equal(got, all) {
			t.Errorf("read %x, error %v", got, err)
		}
		far := make(chan []byte, 1)
		go func() {
			b := make([]byte, 256)
			io.ReadFull(p.Far, b)
			far <- b
		}()
		if n, err := p.Near.Write(all); n != 256 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		if b := receive(t, far); !bytes.Equal(b, all) {
			t.Errorf("the device got %x", b)
		}
	})
	t.Run("a read ends at its deadline", func(t *testing.T) {
		p := open(t)
		p.Near.SetDeadline(time.Now().Add(30 * time.Millisecond))
		n, err := p.Near.Read(make([]byte, 10))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read = %d, %v, want 0 and a deadline error", n, err)
		}
		p.Near.SetDeadline(time.Now().Add(soon))
		go p.Far.Write([]byte("a"))
		if n, err := p.Near.Read(make([]byte, 10)); n != 1 || err != nil {
			t.Errorf("then Read = %d, %v, want the port to go on", n, err)
		}
	})
	t.Run("a deadline set later ends a read that waits", func(t *testing.T) {
		p := open(t)
		done := make(chan error, 1)
		go func() { _, err := p.Near.Read(make([]byte, 10)); done <- err }()
		p.Near.SetDeadline(time.Unix(1, 0))
		if err := receive(t, done); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v, want a deadline error", err)
		}
	})
	t.Run("a write's deadline does not end a read that waits", func(t *testing.T) {
		p := open(t)
		p.Near.SetDeadline(time.Time{})
		done := make(chan error, 1)
		go func() { _, err := io.ReadFull(p.Near, make([]byte, 1)); done <- err }()
		device.SetWriteDeadline(p.Near, time.Unix(1, 0))
		p.Far.Write([]byte("a"))
		if err := receive(t, done); err != nil {
			t.Errorf("the read ended with %v", err)
		}
	})
	t.Run("past the deadline nothing is written", func(t *testing.T) {
		p := open(t)
		p.Near.SetDeadline(time.Unix(1, 0))
		if n, err := p.Near.Write([]byte("late")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v", n, err)
		}
	})
	t.Run("close ends a read that waits", func(t *testing.T) {
		p := open(t)
		started := make(chan struct{})
		done := make(chan error, 1)
		go func() { close(started); _, err := p.Near.Read(make([]byte, 10)); done <- err }()
		<-started
		if err := p.Near.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := receive(t, done); err == nil {
			t.Error("Read returned without an error")
		}
	})
	t.Run("after close everything fails and nothing blocks", func(t *testing.T) {
		p := open(t)
		p.Near.Close()
		done := make(chan error, 3)
		go func() { _, err := p.Near.Read(make([]byte, 1)); done <- err }()
		go func() { _, err := p.Near.Write([]byte("x")); done <- err }()
		go func() { done <- p.Near.SetDeadline(time.Time{}) }()
		for range 3 {
			if err := receive(t, done); err == nil {
				t.Error("no error after Close")
			}
		}
	})
	t.Run("two goroutines may write", func(t *testing.T) {
		p := open(t)
		p.Near.SetDeadline(time.Now().Add(soon))
		go func() {
			var wg sync.WaitGroup
			for _, c := range []string{"a", "b"} {
				wg.Go(func() {
					for range 50 {
						p.Near.Write(bytes.Repeat([]byte(c), 20))
					}
				})
			}
			wg.Wait()
		}()
		got := make([]byte, 2000)
		far := make(chan error, 1)
		go func() { _, err := io.ReadFull(p.Far, got); far <- err }()
		if err := receive(t, far); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(got); i += 20 {
			if !bytes.Equal(got[i:i+20], bytes.Repeat(got[i:i+1], 20)) {
				t.Fatalf("writes are mixed: %q", got[i:i+20])
			}
		}
	})
	unplugged(t, open)
}

func unplugged(t *testing.T, open func(t *testing.T) Pair) {
	t.Run("unplugging ends a read that waits, and is not a deadline", func(t *testing.T) {
		p := open(t)
		if p.Unplug == nil {
			return
		}
		done := make(chan error, 1)
		go func() { _, err := p.Near.Read(make([]byte, 10)); done <- err }()
		p.Unplug()
		if err := receive(t, done); err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v, want one that says the device is gone", err)
		}
	})
	t.Run("unplugging fails writes", func(t *testing.T) {
		p := open(t)
		if p.Unplug == nil {
			return
		}
		p.Unplug()
		p.Near.SetDeadline(time.Now().Add(soon))
		var err error
		for range 100 { // TCP needs a round trip to notice
			if _, err = p.Near.Write(make([]byte, 100)); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v, want one that says the device is gone", err)
		}
	})
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		t.Fatal("still waiting after ", soon)
		panic("not reached")
	}
}
