//go:build unix

package guard

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Signals are those the guard wants to hear of.
func Signals() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR2}
}

func isStop(s os.Signal) bool    { return s == syscall.SIGTERM || s == syscall.SIGINT }
func isRestart(s os.Signal) bool { return s == syscall.SIGUSR1 }

func askToStop(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// separate puts the agent into a process group of its own: a ^C at the
// terminal reaches it once, through the guard, and it can be cleared away with
// all it started.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// killGroup kills what is left of the agent's process group, if anything.
func killGroup(p *os.Process) {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return // EPERM: nothing of ours
	}
}
