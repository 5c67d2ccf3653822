package hidpos

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/internal/fault"
)

// Requests of hidraw (linux/hidraw.h).
const (
	hidiocgrdescsize = 0x80044801
	hidiocgrdesc     = 0x90044802
	hidiocsfeature2  = 0xc0024806 // two bytes
	maxDescriptor    = 4096
)

// prepare returns the device's report descriptor, after switching the mode on if
// enable is set. A port that is no hidraw node (a simulator, a network bridge)
// has none: nil.
func prepare(p device.Port, name string, enable bool) ([]byte, error) {
	conn, ok := device.As[syscall.Conn](p)
	if !ok {
		return nil, nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, device.PlugIn.Fault(fault.Absent, name, "open", err)
	}
	var desc struct {
		size  uint32
		value [maxDescriptor]byte
	}
	none := false
	var ferr error
	err = raw.Control(func(fd uintptr) {
		if none = ioctl(fd, hidiocgrdescsize, unsafe.Pointer(&desc.size)) != nil; none {
			return
		}
		if enable {
			report := [2]byte{0xfe, 0x01}
			ferr = ioctl(fd, hidiocsfeature2, unsafe.Pointer(&report))
		}
		if ferr == nil {
			desc.size = min(desc.size, maxDescriptor)
			ferr = ioctl(fd, hidiocgrdesc, unsafe.Pointer(&desc))
		}
	})
	switch err = errors.Join(err, ferr); {
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EIO):
		return nil, device.PlugIn.Fault(fault.Absent, name, "open", err)
	case err != nil && enable:
		return nil, setHIDPOS.Fault(fault.Protocol, name, "open", err)
	case err != nil:
		return nil, fault.New(fault.Protocol, name, "open", err)
	case none:
		return nil, nil
	}
	return desc.value[:min(desc.size, maxDescriptor)], nil
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
