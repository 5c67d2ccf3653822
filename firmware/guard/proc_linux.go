package guard

import (
	"errors"
	"strings"
	"syscall"
)

// dieWithParent has the kernel stop the agent when the guard is killed, so that
// the next guard does not find the data directory held. It is bound to the
// thread that starts the agent: the caller of Run stays on one thread.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

// tell sends state to systemd, when that is who started the guard. Package net
// would double the guard's size.
func tell(env []string, state string) error {
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
	return errors.Join(syscall.Sendto(fd, []byte(state), 0, &syscall.SockaddrUnix{Name: name}), syscall.Close(fd))
}
