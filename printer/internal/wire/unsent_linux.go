package wire

import (
	"syscall"

	"golang.org/x/sys/unix"

	"tilld/device"
)

// unsent is how many bytes the kernel still holds for the port: not acknowledged
// by the other end of a socket, not out of a serial line. known is false for
// ports that cannot say.
func unsent(p device.Port) (n int, known bool) {
	conn, ok := device.As[syscall.Conn](p)
	if !ok {
		return 0, false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) }) // SIOCOUTQ has the same number
	return n, err == nil && failed == nil
}
