package who

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holders looks through /proc for processes that have the character device
// node open. It sees all of them as root, else those of the same user. own adds
// this process.
func Holders(node string, own bool) []Holder {
	var want unix.Stat_t
	if unix.Stat(node, &want) != nil {
		return nil
	}
	var out []Holder
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, proc := range procs {
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || (pid == os.Getpid() && !own) || !holds(proc, want.Rdev) {
			continue
		}
		comm, err := os.ReadFile(proc + "/comm")
		if err != nil {
			continue // ended meanwhile
		}
		out = append(out, Holder{pid, strings.TrimSpace(string(comm))})
	}
	return out
}

func holds(proc string, rdev uint64) bool {
	fds, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return false // not ours to see
	}
	for _, fd := range fds {
		name := proc + "/fd/" + fd.Name()
		if link, err := os.Readlink(name); err != nil || !strings.HasPrefix(link, "/dev/") {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == rdev {
			return true
		}
	}
	return false
}

// Group returns the name of the group that may open node, "dialout" when that
// cannot be told.
func Group(node string) string {
	const usual = "dialout"
	var st unix.Stat_t
	if unix.Stat(node, &st) != nil || st.Gid == 0 {
		return usual
	}
	b, err := os.ReadFile("/etc/group")
	if err != nil {
		return usual
	}
	for entry := range strings.Lines(string(b)) {
		if f := strings.Split(entry, ":"); len(f) > 2 && f[2] == strconv.FormatUint(uint64(st.Gid), 10) {
			return f[0]
		}
	}
	return usual
}
