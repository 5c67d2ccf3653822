//go:build unix

package status

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"tilld/internal/fault"
)

// ownerOnly refuses a token file that other users of the machine can read.
func ownerOnly(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fault.New(fault.Config, "http", "read api token", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &fault.Error{
			Kind: fault.Config, Component: "http", Op: "read api token",
			Hint: "chmod 600 the file api-token", Err: fmt.Errorf("mode %#o lets other users read it", mode),
		}
	}
	return nil
}

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
