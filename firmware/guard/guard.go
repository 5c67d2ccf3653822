package guard

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tilld/firmware/slots"
)

// Exit codes of the guard.
const (
	ExitStopped = 0 // stopped on request, and the agent ended cleanly
	ExitFailed  = 1 // stopped on request, but the agent ended with an error or had to be killed; or another guard runs
	ExitUsage   = 2 // wrong arguments or settings
	ExitNothing = 3 // no version of the agent can be started
)

// ExitRestart is the exit code by which the agent asks to be started again at
// once, for example to let a candidate take its place.
const ExitRestart = 42

// feedTime is how often the watchdog is fed while no agent runs.
const feedTime = 5 * time.Second

// Environment of the agent under the guard.
const (
	EnvGuard = "TILLD_GUARD"      // "1"
	EnvSlot  = "TILLD_SLOT"       // slot it runs from, "" for the agent of the package
	EnvData  = "TILLD_GUARD_DATA" // data directory whose slots the guard starts
	EnvStop  = "TILLD_GUARD_STOP" // "stdin": the end of standard input asks to stop
)

// Options are the settings of a guard. Times that are zero have the default
// named beside them.
type Options struct {
	DataDir string
	Beside  string   // program of the package, started when no slot can be; "" = none
	Args    []string // arguments of the agent
	Env     []string // environment; nil = this process's

	// StopByStdin asks the agent to stop by closing its standard input, for systems
	// on which a process cannot be sent a request. Stdin is not handed over then.
	StopByStdin bool

	Stdin          io.Reader
	Stdout, Stderr io.Writer // handed to the agent; an *os.File is inherited as it is
	Log            func(line string)

	HealthTime  time.Duration // 5 min: a candidate reports itself healthy within it
	StopTime    time.Duration // 8 s: from the stop request to the kill
	Poll        time.Duration // 250 ms: how often the health report is looked for
	FirstWait   time.Duration // 500 ms: before a restart; doubles
	LongestWait time.Duration // 30 s
	SteadyTime  time.Duration // 60 s: after running that long the wait begins anew, and a stop gives no try back
	TrialWait   time.Duration // 2 s: before a candidate's next try
	StartTime   time.Duration // 90 s: what the version before may take to start when a candidate has failed
}

func (o *Options) defaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.HealthTime, 5 * time.Minute},
		{&o.StopTime, 8 * time.Second},
		{&o.Poll, 250 * time.Millisecond},
		{&o.FirstWait, 500 * time.Millisecond},
		{&o.LongestWait, 30 * time.Second},
		{&o.SteadyTime, time.Minute},
		{&o.TrialWait, 2 * time.Second},
		{&o.StartTime, 90 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
}

type guard struct {
	Options
	dir  *slots.Dir // nil while the slots cannot be used
	wait time.Duration
	ran  bool // an agent has run
}

// Run supervises the agent until it is told to stop by a value from stop and
// returns the guard's exit code. Other signals are passed on to the agent.
func Run(o Options, signals <-chan os.Signal) int {
	o.defaults()
	g := &guard{Options: o}
	release, err := slots.Guard(o.DataDir)
	switch {
	case err == nil:
		defer release()
	case slots.IsHeld(err):
		g.Log("another guard runs for " + o.DataDir + "; stop it first")
		return ExitFailed
	default:
		g.Log("slots cannot be used: " + err.Error())
	}
	for {
		l, ok := g.choose()
		if !ok {
			g.Log("no version of the agent can be started: no sound build in " + filepath.Join(o.DataDir, "slots") +
				" and none beside the guard; install the package again")
			return ExitNothing
		}
		g.Log("starting " + l.String())
		g.alive(l.candidate)
		end := g.run(l, signals)
		g.ran = true
		g.Log(l.name() + " " + end.String())
		if end.fine {
			l.candidate = false
		}
		g.judge(l, end)
		if end.asked {
			if end.code == 0 {
				return ExitStopped
			}
			return ExitFailed
		}
		if end.again || g.pause(l, end, signals) {
			continue
		}
		return ExitStopped
	}
}

// alive feeds systemd's watchdog, which is the agent's while there is one, but not
// before the first agent: it would start to count while the service starts. For a
// version on trial it asks systemd, if that still waits for the service to start,
// to wait until the guard has given it up: it would otherwise stop it in good order
// before, again and again.
func (g *guard) alive(trial bool) {
	var state []string
	if g.ran {
		state = append(state, "WATCHDOG=1")
	}
	if trial {
		state = append(state, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (g.HealthTime+g.StopTime+g.StartTime).Microseconds()))
	}
	if len(state) == 0 {
		return
	}
	if err := tell(g.Env, strings.Join(state, "\n")); err != nil {
		g.Log("service manager not reached: " + err.Error())
	}
}

// launch is what to start.
type launch struct {
	path      string
	slot      slots.Name // "" = beside the guard
	version   string
	candidate bool
	tries     int // left after this start
}

func (l launch) name() string {
	if l.slot == "" {
		return "the package's version"
	}
	return "version " + l.version
}

func (l launch) String() string {
	switch {
	case l.candidate:
		return fmt.Sprintf("%s from slot %s on trial, %d more tries", l.name(), l.slot, l.tries)
	case l.slot != "":
		return l.name() + " from slot " + string(l.slot)
	}
	return l.name() + ", " + l.path
}

// choose decides what is started next and takes the candidate's try.
func (g *guard) choose() (launch, bool) {
	if g.dir == nil { // also when the data directory appears later
		if d, err := slots.Open(g.DataDir); err == nil {
			g.dir = d
		} else {
			g.Log("slots cannot be used: " + err.Error())
		}
	}
	if g.dir == nil {
		return g.beside()
	}
	before, damage := g.dir.Load()
	if damage != nil {
		g.Log("boot.json: " + damage.Error())
	}
	s, candidate, err := g.dir.Begin()
	if err != nil {
		// Without a counted try a candidate could be started for ever.
		g.Log("the update waits, its try cannot be counted: " + err.Error())
		s = before
	} else if before.Candidate != nil && s.Candidate == nil {
		g.Log("update to " + before.Candidate.Version + " dropped: " + lastReason(&s))
	}
	if candidate {
		return g.from(*s.Candidate, true, s.Tries), true
	}
	return g.sound(&s)
}

// sound returns the best build that is not on trial.
func (g *guard) sound(s *slots.State) (launch, bool) {
	if s.Active == nil {
		if l, ok := g.beside(); ok {
			return l, true
		}
	}
	for _, b := range []*slots.Build{s.Active, s.Previous} {
		if b == nil {
			continue
		}
		err := g.dir.Verify(*b)
		if err == nil {
			return g.from(*b, false, 0), true
		}
		g.Log("version " + b.Version + " cannot be started: " + err.Error())
	}
	if s.Active != nil {
		if l, ok := g.beside(); ok {
			return l, true
		}
	}
	// Nothing that was ever confirmed is left. Any whole build is better than
	// a till that stands still, one that failed its trial last of all.
	for _, bad := range []bool{false, true} {
		for _, n := range []slots.Name{slots.A, slots.B} {
			b, err := g.dir.Manifest(n)
			if err != nil || g.dir.Verify(b) != nil {
				continue
			}
			if _, failed := s.IsBad(b.SHA256); failed == bad {
				return g.from(b, false, 0), true
			}
		}
	}
	return launch{}, false
}

func (g *guard) from(b slots.Build, candidate bool, tries int) launch {
	return launch{path: g.dir.Binary(b.Slot), slot: b.Slot, version: b.Version, candidate: candidate, tries: tries}
}

func (g *guard) beside() (launch, bool) {
	if g.Beside == "" {
		return launch{}, false
	}
	if info, err := os.Stat(g.Beside); err != nil || !info.Mode().IsRegular() {
		return launch{}, false
	}
	return launch{path: g.Beside}, true
}

// judge writes down what the end of the agent means for a candidate.
func (g *guard) judge(l launch, e ending) {
	if !l.candidate || g.dir == nil {
		return
	}
	s, _ := g.dir.Load()
	if s.Candidate == nil || s.Candidate.Slot != l.slot {
		return // it was confirmed, or put aside already
	}
	var err error
	switch {
	case (e.asked || e.again) && e.ran < g.SteadyTime:
		err = g.dir.Refund()
	case e.asked || e.again: // somebody switches off a till that does not come up
		s, err = g.dir.Crashed("no health report when it was stopped after " + e.ran.Round(time.Second).String())
	case e.late:
		s, err = g.dir.Fail("no health report within " + g.HealthTime.String())
	default:
		s, err = g.dir.Crashed(e.String())
	}
	if err != nil {
		g.Log("boot.json cannot be written: " + err.Error())
	}
	if s.Candidate == nil && !e.asked {
		g.Log("going back from version " + l.version + ": " + lastReason(&s))
	}
}

func lastReason(s *slots.State) string {
	for i := len(s.History) - 1; i >= 0; i-- {
		if s.History[i].What == "rolled_back" {
			return s.History[i].Reason
		}
	}
	return "unknown reason"
}

// pause waits before a restart. It reports false when a stop was asked for
// meanwhile.
func (g *guard) pause(l launch, e ending, signals <-chan os.Signal) bool {
	switch {
	case l.candidate:
		g.wait = g.TrialWait
	case e.ran >= g.SteadyTime || g.wait == 0:
		g.wait = g.FirstWait
	default:
		g.wait = min(2*g.wait, g.LongestWait)
	}
	wanted := e.code == ExitRestart || e.code == 0 // it ended because it was to
	if wanted && e.ran >= g.FirstWait || l.candidate && e.late {
		g.wait = 0
		return true
	}
	t := time.NewTimer(g.wait)
	defer t.Stop()
	feed := time.NewTicker(feedTime)
	defer feed.Stop()
	for {
		select {
		case <-t.C:
			return true
		case <-feed.C:
			g.alive(false)
		case sig := <-signals:
			if isStop(sig) {
				return false
			}
			if isRestart(sig) {
				return true
			}
		}
	}
}
