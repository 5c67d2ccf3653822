package link

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the child with the test.
func dieWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
