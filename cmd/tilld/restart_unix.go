//go:build unix

package main

import (
	"os"
	"syscall"
)

// again replaces this process by a new run of the program.
func again() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}
