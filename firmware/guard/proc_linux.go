package guard

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// dieWithParent has the kernel stop the agent when the guard is killed, so that
// the next guard does not find the data directory held. It is bound to the
// thread that starts the agent: the caller of Run stays on one thread.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

// extend asks systemd, if it waits for this service to start, to wait for d from
// now. It would otherwise stop a version on trial, in good order, before the
// guard gives it up, and so for ever. Package net would double the guard's size.
func extend(env []string, d time.Duration) error {
	name := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "NOTIFY_SOCKET="); ok {
			name = v
		}
	}
	if name == "" {
		return nil
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds())
	return errors.Join(syscall.Sendto(fd, []byte(text), 0, &syscall.SockaddrUnix{Name: name}), syscall.Close(fd))
}
