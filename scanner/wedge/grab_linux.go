package wedge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/internal/fault"
)

// Requests of evdev (linux/input.h).
const (
	eviocgname    = 0x81004506 // 256 bytes
	eviocgled     = 0x80084519 // 8 bytes
	eviocgrab     = 0x40044590
	eviocsclockid = 0x400445a0

	evLed   = 0x11
	ledCaps = 1
)

// prepare takes the keyboard for this program, has its events carry a clock
// that does not jump, and puts CapsLock off. It returns the keyboard's name. A
// port that is no keyboard node (a simulator, a network bridge) is left alone.
func prepare(p device.Port, name string, grab bool) (string, error) {
	conn, ok := device.As[syscall.Conn](p)
	if !ok {
		return "", nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", device.PlugIn.Fault(fault.Absent, name, "open", err)
	}
	var model string
	var leds [8]byte
	var ferr error
	err = raw.Control(func(fd uintptr) {
		var text [256]byte
		if ioctl(fd, eviocgname, unsafe.Pointer(&text)) != nil {
			return // no keyboard
		}
		model = string(bytes.TrimRight(text[:], "\x00"))
		clock := int32(unix.CLOCK_MONOTONIC)
		ferr = ioctl(fd, eviocsclockid, unsafe.Pointer(&clock))
		if grab && ferr == nil {
			ferr = unix.IoctlSetInt(int(fd), eviocgrab, 1)
		}
		if ioctl(fd, eviocgled, unsafe.Pointer(&leds)) != nil {
			leds[0] = 0 // a keyboard without lamps
		}
	})
	switch err = errors.Join(err, ferr); {
	case errors.Is(err, unix.EBUSY):
		return "", grabbed.Fault(fault.Busy, name, "open", err)
	case errors.Is(err, unix.ENODEV):
		return "", device.PlugIn.Fault(fault.Absent, name, "open", err)
	case err != nil:
		return "", fault.New(fault.Protocol, name, "open", err)
	}
	if leds[0]&(1<<ledCaps) != 0 {
		// A scanner that sees the lamp on swaps upper and lower case. A node that
		// may only be read stays as it is.
		_, _ = p.Write(append(event(evLed, ledCaps, 0), event(evSyn, synReport, 0)...))
	}
	return model, nil
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func event(kind, code uint16, value uint32) []byte {
	b := make([]byte, eventSize)
	binary.LittleEndian.PutUint16(b[eventSize-8:], kind)
	binary.LittleEndian.PutUint16(b[eventSize-6:], code)
	binary.LittleEndian.PutUint32(b[eventSize-4:], value)
	return b
}
