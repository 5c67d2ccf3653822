package serialport

import (
	"errors"

	"golang.org/x/sys/unix"

	"tilld/device/internal/who"
)

// Linux device numbers of pseudo-terminals: majors 136 to 143.
const ptyFirst, ptyLast = 136, 143

// lock makes the line ours. Three locks, because none is enough: TIOCEXCL does
// not stop root, flock stops only programs that ask for it, and a look through
// /proc only sees what this user may see.
func (g *guard) lock(node string) error {
	err := g.do(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errors.Join(errBusy, err)
	}
	if err != nil {
		return err
	}
	exclusive := 0
	err = g.do(func(fd int) (err error) { exclusive, err = unix.IoctlGetInt(fd, unix.TIOCGEXCL); return err })
	if err == nil && exclusive != 0 {
		// Root gets past another program's TIOCEXCL. A pty keeps the flag of a
		// dead owner, so the flag counts only when its owner is there.
		if h := who.Holders(node, false); len(h) > 0 {
			return errBusy
		}
	}
	return nil
}

// claim sets TIOCEXCL once the backend has its descriptor, except on ptys,
// where the flag would outlive us.
func (g *guard) claim(on bool) error {
	return g.do(func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		if major := unix.Major(uint64(st.Rdev)); !on || (major >= ptyFirst && major <= ptyLast) {
			return unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
		}
		return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0)
	})
}
