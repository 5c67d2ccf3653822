package nodeport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/internal/who"
	"tilld/internal/fault"
)

// node is an open device node. The runtime's poller gives it deadlines and ends
// a Read that waits when it is closed.
type node struct {
	*os.File
	id device.Identity
}

// open opens a node. waits says that nodes of its kind have something to wait
// for; one that has not is another kind of device.
func open(name, path string, id device.Identity, waits bool) (device.Port, error) {
	const flags = unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.OpenFile(path, os.O_RDONLY|flags, 0) // a scanner's input node may be for reading only
	}
	if err != nil {
		return nil, who.Fault(name, path, err)
	}
	st, err := f.Stat()
	if err == nil && st.Mode()&fs.ModeCharDevice == 0 {
		err = fmt.Errorf("%s is no device", path)
	}
	if err == nil && waits && errors.Is(f.SetDeadline(time.Time{}), os.ErrNoDeadline) { // /dev/null and its like
		err = fmt.Errorf("%s is a device of another kind", path)
	}
	if err != nil {
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", errors.Join(err, f.Close()))
	}
	return &node{f, id}, nil
}

// Path implements [Pather].
func (n *node) Path() string { return n.Name() }

// Identity implements [device.Identified].
func (n *node) Identity() device.Identity { return n.id }

// Alive implements [device.Prober].
func (n *node) Alive() error {
	rc, err := n.SyscallConn()
	if err != nil {
		return err
	}
	p := []unix.PollFd{{}}
	if cerr := rc.Control(func(fd uintptr) { p[0].Fd = int32(fd); _, err = unix.Poll(p, 0) }); cerr != nil {
		return nil // closed by its owner
	}
	if err == nil && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
		return fmt.Errorf("%s: %w", n.Name(), syscall.ENODEV)
	}
	return nil
}
