package guard

import (
	"os"
	"os/exec"
)

// Signals are those the guard wants to hear of.
func Signals() []os.Signal { return []os.Signal{os.Interrupt} }

func isStop(s os.Signal) bool  { return s == os.Interrupt }
func isRestart(os.Signal) bool { return false }

// askToStop kills: a Windows process cannot be sent a request, see
// [Options.StopByStdin]. The agent's data survives that by design.
func askToStop(p *os.Process) error { return p.Kill() }

func separate(*exec.Cmd) {}

func killGroup(*os.Process) {}

func tell([]string, string) error { return nil }
