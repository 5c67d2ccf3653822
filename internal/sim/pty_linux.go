package sim

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPTY returns the near end of a new pseudo-terminal, set to raw 9600 8N1,
// and the path of its far end. The far end is not opened: a read of the near
// end then waits for the first program that does, and fails with EIO once the
// last one lets go.
func openPTY() (near *os.File, far string, release func() error, err error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", nil, err
	}
	raw, err := f.SyscallConn() // not Fd: that would make the file blocking, without deadlines
	if err != nil {
		return nil, "", nil, errors.Join(err, f.Close())
	}
	var number uint32
	control := raw.Control(func(fd uintptr) { number, err = prepare(int(fd)) })
	if err = errors.Join(err, control); err != nil {
		return nil, "", nil, errors.Join(err, f.Close())
	}
	return f, fmt.Sprintf("/dev/pts/%d", number), f.Close, nil
}

// prepare unlocks the far end and makes it a plain byte pipe: a tty's echo and
// CR-to-LF would falsify what is written before a program sets it up itself.
func prepare(fd int) (uint32, error) {
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS) // of the far end, although asked here
	if err != nil {
		return 0, err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B9600
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return number, unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
