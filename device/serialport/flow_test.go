package serialport

import (
	"errors"
	"io"
	"net/url"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/internal/fault"
)

// modem is a line with a DSR signal, which no pty has.
type modem struct {
	devtest.Recorder
	mu  sync.Mutex
	dsr bool
}

func (m *modem) ready() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.dsr }
func (m *modem) set(on bool) { m.mu.Lock(); defer m.mu.Unlock(); m.dsr = on }

// A printer whose buffer is full drops DSR.
func TestDsr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(modem)
		p := newPort("ttyS1", m, nil, "dtrdsr", device.Identity{}, func(bool) {})
		p.SetDeadline(time.Now().Add(time.Second))
		began := time.Now()
		if n, err := p.Write([]byte("receipt")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("not ready: Write = %d, %v after %v", n, err, time.Since(began))
		}
		p.SetDeadline(time.Now().Add(time.Minute))
		time.AfterFunc(3*time.Second, func() { m.set(true) })
		began = time.Now()
		if n, err := p.Write([]byte("receipt")); n != 7 || err != nil || m.Wrote() != "receipt" || time.Since(began) > 3100*time.Millisecond {
			t.Errorf("ready after 3 s: Write = %d, %v after %v, wrote %q", n, err, time.Since(began), m.Wrote())
		}
		m.set(false)
		go func() { time.Sleep(time.Second); p.Close() }()
		if _, err := p.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed while waiting: %v", err)
		}
	})
}

// Where there is no guard the system's list of ports says who is there.
func TestPresenceWithoutGuard(t *testing.T) {
	p := newPort("COM3", new(modem), nil, "none", device.Identity{}, func(bool) {})
	if err := p.Alive(); err != nil {
		t.Errorf("nobody to ask: %v", err)
	}
	p.here = func() error { return errGone }
	if err := p.Alive(); !errors.Is(err, errGone) {
		t.Errorf("not listed any more: %v", err)
	}
	p.Close()
	if err := p.Alive(); err != nil {
		t.Errorf("closed: %v", err)
	}
}

// lines that lie about what they wrote must not make Write spin or claim success.
type shortWriter struct {
	modem
	per int
	err error
}

func (s *shortWriter) Write(b []byte) (int, error) {
	n, _ := s.Recorder.Write(b[:min(len(b), s.per)])
	return n, s.err
}

func TestShortWrites(t *testing.T) {
	s := &shortWriter{per: 100}
	p := newPort("ttyS1", s, nil, "none", device.Identity{}, func(bool) {})
	if n, err := p.Write(make([]byte, 1000)); n != 1000 || err != nil || len(s.Wrote()) != 1000 {
		t.Errorf("Write = %d, %v, the line got %d", n, err, len(s.Wrote()))
	}
	s.per = 0
	if n, err := p.Write(make([]byte, 10)); n != 0 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a line that takes nothing: %d, %v", n, err)
	}
	s.per, s.err = 3, io.ErrUnexpectedEOF
	if n, err := p.Write(make([]byte, 10)); n != 3 || !errors.Is(err, errGone) {
		t.Errorf("a line that fails in the middle: %d, %v", n, err)
	}
}

// stuckLine takes nothing until it is told to, as a device does whose firmware
// hangs, or a driver that says it has room and has none.
type stuckLine struct {
	modem
	takes chan struct{}
}

func (s *stuckLine) Write(b []byte) (int, error) {
	<-s.takes
	return s.Recorder.Write(b)
}

// The bytes of a Write that ran out of time still go first, as they were when
// it was called.
func TestBytesLeftBehindGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuckLine{takes: make(chan struct{})}
		p := newPort("ttyS1", s, nil, "none", device.Identity{}, func(bool) {})
		p.SetDeadline(time.Now().Add(time.Second))
		frame := []byte("first")
		if n, err := p.Write(frame); n != 5 || !errors.Is(err, os.ErrDeadlineExceeded) { // they are on their way
			t.Errorf("Write = %d, %v", n, err)
		}
		copy(frame, "wrong")
		p.SetDeadline(time.Now().Add(time.Second))
		if n, err := p.Write([]byte("second")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("still stuck: Write = %d, %v", n, err)
		}
		p.SetDeadline(time.Now().Add(time.Minute))
		time.AfterFunc(time.Second, func() { close(s.takes) })
		if n, err := p.Write([]byte("third")); n != 5 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		synctest.Wait()
		if got := s.Wrote(); got != "firstthird" {
			t.Errorf("the line got %q", got)
		}
		p.Close()
	})
}

// A line that hangs costs one descriptor until it is through, however often it
// is opened again.
func TestStuckLineIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuckLine{takes: make(chan struct{})}
		opened := 0
		o := New(t.TempDir())
		o.acquire = func(settings) (line, *guard, error) { opened++; return s, nil, nil }
		open := func() (device.Port, error) {
			u, err := url.Parse("serial:///dev/ttyS1")
			if err != nil {
				t.Fatal(err)
			}
			return o.Open(t.Context(), u)
		}
		p, err := open()
		if err != nil {
			t.Fatal(err)
		}
		p.SetDeadline(time.Now().Add(time.Second))
		p.Write([]byte("receipt"))
		began := time.Now()
		if err := p.Close(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(began))
		}
		for range 10 {
			if _, err := open(); fault.KindOf(err) != fault.Timeout || device.StateOf(err) != device.Silent {
				t.Errorf("open while stuck: %v, want kind timeout", err)
			}
		}
		if s.Closed() || opened != 1 {
			t.Errorf("closed under a blocked write: %v; opened %d times", s.Closed(), opened)
		}
		close(s.takes)
		synctest.Wait()
		if !s.Closed() {
			t.Error("not closed once the write was through")
		}
		if _, err := open(); err != nil || opened != 2 {
			t.Errorf("afterwards: %v, opened %d times", err, opened)
		}
	})
}
