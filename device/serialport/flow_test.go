package serialport

import (
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/device/devtest"
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
