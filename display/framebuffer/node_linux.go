package framebuffer

import (
	"errors"
	"io"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tilld/device"
)

// node is an open /dev/fbN.
type node struct{ raw syscall.RawConn }

// kernelOf finds the kernel's calls behind a port.
func kernelOf(p device.Port) (kernel, error) {
	conn, ok := device.As[syscall.Conn](p)
	if !ok {
		return nil, errors.New("the address leads to no framebuffer: write fb:///dev/fb0")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &node{raw}, nil
}

// Ioctl implements kernel.
func (n *node) Ioctl(request uint, arg []byte) (err error) {
	pointer := unsafe.Pointer(unsafe.SliceData(arg))
	cerr := n.raw.Control(func(fd uintptr) {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(pointer)); errno != 0 {
			err = errno
		}
	})
	return errors.Join(cerr, err)
}

// WriteAt implements kernel. Pictures are written, not mapped: a write tells the
// controller's driver what has changed, and fails once the controller is gone.
func (n *node) WriteAt(b []byte, off int64) (sent int, err error) {
	cerr := n.raw.Control(func(fd uintptr) {
		for sent < len(b) && err == nil {
			var k int
			k, err = unix.Pwrite(int(fd), b[sent:], off+int64(sent))
			sent += max(k, 0)
			switch {
			case errors.Is(err, unix.EINTR):
				err = nil
			case err == nil && k == 0:
				err = io.ErrShortWrite
			}
		}
	})
	return sent, errors.Join(cerr, err)
}
