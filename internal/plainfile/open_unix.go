//go:build unix

package plainfile

import "syscall"

// nonBlock keeps opening a pipe from waiting for its writer.
const nonBlock = syscall.O_NONBLOCK
