package link

import "syscall"

// resets are the system's errors for a connection that the peer cut.
func resets() []error {
	return []error{syscall.WSAECONNRESET, syscall.WSAECONNABORTED, syscall.EPIPE}
}
