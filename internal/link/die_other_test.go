//go:build !linux

package link

import (
	"os/exec"
	"time"
)

func dieWithParent(*exec.Cmd) {}

func cpuTime() time.Duration { return 0 }
