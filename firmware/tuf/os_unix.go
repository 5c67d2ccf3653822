//go:build unix

package tuf

import (
	"os"
	"syscall"
)

const nonBlock = syscall.O_NONBLOCK

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
