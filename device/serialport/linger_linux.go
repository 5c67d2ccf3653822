package serialport

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// serialStruct is struct serial_struct of linux/serial.h; C's padding falls on
// the same places in Go.
type serialStruct struct {
	kind, line                int32
	port                      uint32
	irq, flags, xmitFIFO, clk int32
	baudBase                  int32
	closeDelay                uint16
	ioType                    byte
	_                         [1]byte
	hub6                      int32
	closingWait, closingWait2 uint16
	iomemBase                 uintptr
	iomemShift                uint16
	portHigh                  uint32
	iomapBase                 uintptr
}

const closingWaitNone = 65535 // ASYNC_CLOSING_WAIT_NONE

// neverLinger has the kernel not wait (30 s as delivered) for unsent bytes when
// the line is closed: with a stuck device even the end of the process would
// take that long. Drivers may not have the setting, or keep it for root; then
// Close drops the unsent bytes itself.
func neverLinger(fd int) {
	var s serialStruct
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGSERIAL, uintptr(unsafe.Pointer(&s))); errno != 0 {
		return
	}
	s.closingWait = closingWaitNone
	unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSSERIAL, uintptr(unsafe.Pointer(&s)))
}
