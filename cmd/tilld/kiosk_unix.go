//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// stopBrowser asks the browser to end in order.
func stopBrowser(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// lockOwner is the process that a profile's lock (a link to "host-pid") names,
// and whether it lives on this machine.
func lockOwner(profile string) (pid int, live bool) {
	to, err := os.Readlink(filepath.Join(profile, "SingletonLock"))
	if err != nil {
		return 0, false
	}
	i := strings.LastIndexByte(to, '-')
	if i < 0 {
		return 0, false
	}
	host, err := os.Hostname()
	if err != nil || to[:i] != host {
		return 0, false
	}
	if pid, err = strconv.Atoi(to[i+1:]); err != nil || pid <= 0 || syscall.Kill(pid, 0) != nil {
		return 0, false
	}
	// After a power cut the number may belong to somebody else.
	args, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return pid, err == nil && strings.Contains(string(args), profile)
}
