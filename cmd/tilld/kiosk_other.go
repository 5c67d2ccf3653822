//go:build !linux

package main

import (
	"os"
	"os/exec"
)

// apart: the browser's processes end with the first of them.
func apart(*exec.Cmd) {}

func killRest(*os.Process) {}

// stopBrowser ends the browser; there is no gentler way without a window.
func stopBrowser(p *os.Process) error { return p.Kill() }

// lockOwner: Windows keeps the lock as an open file, which ends with its process.
func lockOwner(string) (pid int, live bool) { return 0, false }
