package serialport

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/internal/fault"
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
		if h := holders(node); len(h) > 0 {
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

// holder is another process that has the line open.
type holder struct {
	pid     int
	program string
}

// holders looks through /proc for other processes that have the node open. It
// sees all of them as root, else only those of the same user.
func holders(node string) []holder {
	var want unix.Stat_t
	if unix.Stat(node, &want) != nil {
		return nil
	}
	var out []holder
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || pid == os.Getpid() {
			continue
		}
		fds, _ := os.ReadDir(proc + "/fd") // not ours to see: skip
		for _, fd := range fds {
			name := proc + "/fd/" + fd.Name()
			if link, err := os.Readlink(name); err != nil || !strings.HasPrefix(link, "/dev/") {
				continue
			}
			var st unix.Stat_t
			if unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == want.Rdev {
				comm, _ := os.ReadFile(proc + "/comm")
				out = append(out, holder{pid, strings.TrimSpace(string(comm))})
				break
			}
		}
	}
	return out
}

// busy says who holds the line, as far as that can be seen.
func busy(component, node string, cause error) error {
	advice := device.HeldByOther
	if h := holders(node); len(h) > 0 {
		advice = device.HeldBy.With("program", h[0].program, "pid", strconv.Itoa(h[0].pid))
		switch h[0].program {
		case "ModemManager":
			advice = device.HeldByModemManager
		case "brltty":
			advice = device.HeldByBrltty
		}
	}
	return advice.Fault(fault.Busy, component, "open", cause)
}

// group returns the name of the group that may open the node, "dialout" when
// that cannot be told.
func group(node string) string {
	var st unix.Stat_t
	if unix.Stat(node, &st) != nil || st.Gid == 0 {
		return "dialout"
	}
	b, err := os.ReadFile("/etc/group")
	if err != nil {
		return "dialout"
	}
	for entry := range strings.Lines(string(b)) {
		if f := strings.Split(entry, ":"); len(f) > 2 && f[2] == strconv.FormatUint(uint64(st.Gid), 10) {
			return f[0]
		}
	}
	return "dialout"
}
