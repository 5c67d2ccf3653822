package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// apart gives the browser a process group of its own, so that what it started
// can be ended with it, and has it end when we are killed.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// stopBrowser asks the browser and all that it started to end in order.
func stopBrowser(p *os.Process) error { return signalGroup(p, syscall.SIGTERM) }

// killRest ends what is left of the browser, stopped processes too.
func killRest(p *os.Process) { _ = signalGroup(p, syscall.SIGKILL) } // most often nothing is left

func signalGroup(p *os.Process, sig syscall.Signal) error {
	err := syscall.Kill(-p.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

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
