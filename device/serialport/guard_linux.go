package serialport

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guard is a second, non-blocking descriptor of the same line, watched by the
// runtime's poller. It says when the backend can read
// without blocking and when the line takes data, ends waits at a deadline or at
// Close, notices an unplugged adapter, and holds the locks.
type guard struct {
	f  *os.File
	rc syscall.RawConn
}

func openGuard(node string) (*guard, error) {
	f, err := os.OpenFile(node, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.EBUSY) {
			return nil, errors.Join(errBusy, err)
		}
		return nil, err
	}
	g := &guard{f: f}
	if g.rc, err = f.SyscallConn(); err == nil {
		err = f.SetDeadline(time.Time{}) // fails when the node cannot be polled
	}
	if err == nil {
		err = g.do(func(fd int) error {
			_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			return err
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: not a serial line", errSetting), err, f.Close())
	}
	return g, nil
}

// do runs f with the descriptor.
func (g *guard) do(f func(fd int) error) error {
	var err error
	if cerr := g.rc.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// waitRead returns once there is something to read, or the line is gone
// (errGone), or at the deadline or Close.
func (g *guard) waitRead() error {
	var state int16
	if err := g.rc.Read(func(fd uintptr) bool { state = pollNow(int(fd), unix.POLLIN); return state != 0 }); err != nil {
		return err
	}
	return gone(state)
}

// waitWrite returns once the line takes data.
func (g *guard) waitWrite() error {
	var state int16
	if err := g.rc.Write(func(fd uintptr) bool { state = pollNow(int(fd), unix.POLLOUT); return state != 0 }); err != nil {
		return err
	}
	if state&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
		return errGone
	}
	return nil
}

// alive returns errGone once the adapter is unplugged.
func (g *guard) alive() error {
	var state int16
	if err := g.rc.Control(func(fd uintptr) { state = pollNow(int(fd), 0) }); err != nil {
		return err
	}
	return gone(state)
}

// read takes what is there without the backend.
func (g *guard) read(b []byte) (n int, err error) {
	err = g.do(func(fd int) error {
		n, err = unix.Read(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			n, err = 0, nil
		}
		return err
	})
	return max(n, 0), err
}

func gone(state int16) error {
	if state&unix.POLLIN == 0 && state&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
		return errGone
	}
	return nil
}

func pollNow(fd int, events int16) int16 {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(p, 0)
		switch {
		case err == nil:
			return p[0].Revents
		case !errors.Is(err, unix.EINTR):
			return unix.POLLERR
		}
	}
}

func (g *guard) setReadDeadline(t time.Time) error  { return g.f.SetReadDeadline(t) }
func (g *guard) setWriteDeadline(t time.Time) error { return g.f.SetWriteDeadline(t) }

// configure sets what neither backend can: the kernel's own flow control, and
// that closing the line does not wait for a device that takes no data.
func (g *guard) configure(flow string) error {
	return g.do(func(fd int) error {
		neverLinger(fd)
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		t.Iflag &^= unix.IXON | unix.IXOFF | unix.IXANY
		t.Cflag &^= unix.CRTSCTS
		switch flow {
		case "xonxoff":
			t.Iflag |= unix.IXON | unix.IXOFF
			t.Cc[unix.VSTART], t.Cc[unix.VSTOP] = 0x11, 0x13
		case "rtscts":
			t.Cflag |= unix.CRTSCTS
		}
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
}

// queued is the number of bytes that wait in the line's output buffer.
func (g *guard) queued() int {
	n := 0
	_ = g.do(func(fd int) (err error) { n, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ); return err }) // unknown counts as none
	return n
}

// discard drops the output buffer.
func (g *guard) discard() error {
	return g.do(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) })
}

func (g *guard) close() error { return g.f.Close() }
