package framebuffer

import (
	"errors"
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

// Map implements kernel.
func (n *node) Map(length int) (b []byte, err error) {
	cerr := n.raw.Control(func(fd uintptr) {
		b, err = unix.Mmap(int(fd), 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	})
	return b, errors.Join(cerr, err)
}

// Unmap gives memory back that Map returned.
func (n *node) Unmap(b []byte) error { return unix.Munmap(b) }
