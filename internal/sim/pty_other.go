//go:build !linux

package sim

import (
	"errors"
	"os"

	"github.com/creack/pty"
)

// openPTY returns the near end of a new pseudo-terminal and the path of its far
// end. The far end is kept open, so the cable does not notice when a program
// lets go of it. Windows has no pseudo-terminals that open like a serial port:
// there it fails.
func openPTY() (near *os.File, far string, release func() error, err error) {
	near, slave, err := pty.Open()
	if err != nil {
		return nil, "", nil, err
	}
	return near, slave.Name(), func() error { return errors.Join(near.Close(), slave.Close()) }, nil
}
