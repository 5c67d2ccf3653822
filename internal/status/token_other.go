//go:build !unix

package status

import (
	"errors"
	"syscall"
)

// ownerOnly does nothing here: the data directory's access list protects the file.
func ownerOnly(string) error { return nil }

// isInUse knows Windows' WSAEADDRINUSE.
func isInUse(err error) bool { return errors.Is(err, syscall.Errno(10048)) }
