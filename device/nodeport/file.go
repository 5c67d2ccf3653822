package nodeport

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"sync"
	"time"

	"tilld/device"
	"tilld/device/internal/deadline"
	"tilld/device/internal/who"
	"tilld/internal/fault"
)

// OpenFile opens a file:// address. A directory gives a port that only has a
// Path. Anything else is a file that writes are appended to; it is made, for
// this user only, when it is not there. There is never anything to read.
func OpenFile(_ context.Context, u *url.URL) (device.Port, error) {
	name := "file://" + u.Path
	if u.Host != "" || len(u.Path) < 2 || u.RawQuery != "" {
		err := errors.New("write file:///directory/file, with three slashes")
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", err)
	}
	p := &file{path: u.Path, closed: make(chan struct{})}
	st, err := os.Stat(u.Path)
	if err == nil && st.IsDir() {
		return p, nil
	}
	p.f, err = os.OpenFile(u.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, who.Fault(name, u.Path, err)
	}
	return p, nil
}

type file struct {
	path   string
	f      *os.File // nil for a directory
	rd, wr deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

// Path implements [Pather].
func (p *file) Path() string { return p.path }

// Read waits for the deadline or for Close.
func (p *file) Read([]byte) (int, error) {
	select {
	case <-p.closed:
		return 0, os.ErrClosed
	case <-p.rd.Passed():
		return 0, os.ErrDeadlineExceeded
	}
}

// Write appends to the file.
func (p *file) Write(b []byte) (int, error) {
	select {
	case <-p.closed:
		return 0, os.ErrClosed
	default:
	}
	switch {
	case p.wr.Over():
		return 0, os.ErrDeadlineExceeded
	case p.f == nil:
		return 0, &os.PathError{Op: "write", Path: p.path, Err: io.ErrUnexpectedEOF}
	}
	return p.f.Write(b)
}

// SetDeadline implements [device.Port].
func (p *file) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline bounds Reads only.
func (p *file) SetReadDeadline(t time.Time) error { return p.set(&p.rd, t) }

// SetWriteDeadline bounds Writes only.
func (p *file) SetWriteDeadline(t time.Time) error { return p.set(&p.wr, t) }

func (p *file) set(d *deadline.Deadline, t time.Time) error {
	select {
	case <-p.closed:
		return os.ErrClosed
	default:
	}
	d.Set(t)
	return nil
}

// Close implements [device.Port].
func (p *file) Close() error {
	err := os.ErrClosed
	p.once.Do(func() {
		close(p.closed)
		err = nil
		if p.f != nil {
			err = p.f.Close()
		}
	})
	return err
}
