package guard

import "syscall"

// dieWithParent has the kernel stop the agent when the guard is killed, so that
// the next guard does not find the data directory held. It is bound to the
// thread that starts the agent: the caller of Run stays on one thread.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }
