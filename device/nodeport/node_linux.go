package nodeport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/internal/who"
	"tilld/internal/fault"
)

// node is an open device node. The runtime's poller gives it deadlines and ends
// a Read that waits when it is closed; not those of cameras, which have neither.
type node struct {
	*os.File
	id device.Identity
}

// open opens a node of a subsystem.
func open(name, path string, id device.Identity, subsystem string) (device.Port, error) {
	openFile, waits := pollable, true
	switch subsystem {
	case "graphics":
		waits = false
	case "video4linux":
		openFile, waits = unpolled, false
	}
	f, err := openFile(path, os.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		f, err = openFile(path, os.O_RDONLY) // a scanner's input node may be for reading only
	}
	if err != nil {
		return nil, who.Fault(name, path, err)
	}
	st, err := f.Stat()
	if err == nil && st.Mode()&fs.ModeCharDevice == 0 {
		err = fmt.Errorf("%s is no device", path)
	}
	another := waits && errors.Is(f.SetDeadline(time.Time{}), os.ErrNoDeadline) // /dev/null and its like have nothing to wait for
	if subsystem == "video4linux" && err == nil {
		another = !video(f)
	}
	if err == nil && another {
		err = fmt.Errorf("%s is a device of another kind", path)
	}
	if err != nil {
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", errors.Join(err, f.Close()))
	}
	return &node{f, id}, nil
}

func pollable(path string, mode int) (*os.File, error) {
	return os.OpenFile(path, mode|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// unpolled opens a node that the poller must not have: many cameras take it for
// the wish to read their pictures, and are busy for whoever wants to set them up.
func unpolled(path string, mode int) (*os.File, error) {
	fd, err := unix.Open(path, mode|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// video reports whether a node is one of Video4Linux: VIDIOC_QUERYCAP.
func video(f *os.File) bool {
	const vidiocQuerycap = 0x80685600
	var capability [104]byte
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), vidiocQuerycap, uintptr(unsafe.Pointer(&capability)))
	return errno == 0
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
