package guard

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ending is how a run of the agent ended.
type ending struct {
	code  int           // exit code; -1 = by a signal, or never started
	how   string        // in words
	ran   time.Duration // monotonic
	asked bool          // the guard was told to stop
	again bool          // the guard was told to start it again
	late  bool          // killed for want of a health report
	fine  bool          // the candidate was confirmed meanwhile
}

func (e ending) String() string {
	text := e.how + " after " + e.ran.Round(time.Millisecond).String()
	switch {
	case e.asked:
		text += ", as asked"
	case e.late:
		text += ", stopped for want of a health report"
	}
	return text
}

// run starts l and returns when it has ended.
func (g *guard) run(l launch, signals <-chan os.Signal) (e ending) {
	start := time.Now()
	defer func() { e.ran = time.Since(start) }()
	cmd := exec.Command(l.path, g.Args...)
	cmd.Stdout, cmd.Stderr = g.Stdout, g.Stderr
	cmd.Env = childEnv(g.Env, l, g.DataDir)
	cmd.WaitDelay = time.Second
	separate(cmd)
	ask, err := g.leash(cmd)
	if err != nil {
		return ending{code: -1, how: "did not start: " + err.Error()}
	}
	if err := cmd.Start(); err != nil {
		return ending{code: -1, how: "did not start: " + err.Error()}
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()

	var kill, deadline <-chan time.Time
	if l.candidate {
		t := time.NewTimer(g.HealthTime)
		defer t.Stop()
		deadline = t.C
	}
	poll := time.NewTicker(g.Poll)
	defer poll.Stop()
	stop := func() {
		if kill == nil {
			kill = time.After(g.StopTime)
		}
		if err := ask(); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, os.ErrClosed) {
			g.Log("stop request: " + err.Error())
		}
	}
	for {
		select {
		case err := <-done:
			killGroup(cmd.Process) // what it started may still hold the data directory
			e.code, e.how = describe(cmd, err)
			return e
		case <-poll.C:
			if deadline != nil && g.confirmed(l) {
				deadline, e.fine = nil, true
				g.Log(l.name() + " reported itself healthy and is confirmed")
			}
		case <-deadline:
			deadline = nil
			if !g.confirmed(l) {
				e.late = true
				stop()
			}
		case <-kill:
			g.Log(l.name() + " does not stop; killing it")
			killGroup(cmd.Process)
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				g.Log("kill: " + err.Error())
			}
		case sig := <-signals:
			switch {
			case isStop(sig):
				e.asked, deadline = true, nil
				stop()
			case isRestart(sig):
				e.again, deadline = true, nil
				stop()
			default:
				if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
					g.Log("signal " + sig.String() + ": " + err.Error())
				}
			}
		}
	}
}

// leash gives the agent its standard input, and returns what asks it to stop.
func (g *guard) leash(cmd *exec.Cmd) (ask func() error, err error) {
	if !g.StopByStdin {
		cmd.Stdin = g.Stdin
		return func() error { return askToStop(cmd.Process) }, nil
	}
	cmd.Env = append(cmd.Env, EnvStop+"=stdin")
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return pipe.Close, nil
}

// confirmed reports whether the candidate l is the active version by now.
func (g *guard) confirmed(l launch) bool {
	s, _ := g.dir.Load()
	return s.Active != nil && s.Active.Slot == l.slot && s.Candidate == nil
}

func describe(cmd *exec.Cmd, err error) (code int, how string) {
	if st := cmd.ProcessState; st != nil {
		if code = st.ExitCode(); code >= 0 {
			return code, fmt.Sprintf("ended with exit code %d", code)
		}
		return code, "ended: " + st.String()
	}
	return -1, "ended: " + err.Error()
}

// childEnv tells the agent where it runs from. systemd's WATCHDOG_PID names
// the guard; without it the agent feeds the watchdog for both.
func childEnv(env []string, l launch, data string) []string {
	out := make([]string, 0, len(env)+3)
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if name != EnvGuard && name != EnvSlot && name != EnvData && name != EnvStop && name != "WATCHDOG_PID" {
			out = append(out, kv)
		}
	}
	return append(out, EnvGuard+"=1", EnvSlot+"="+string(l.slot), EnvData+"="+data)
}
