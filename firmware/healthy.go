package firmware

import (
	"errors"
	"io"
	"os"

	"tilld/firmware/guard"
	"tilld/firmware/slots"
	"tilld/internal/fault"
)

// ExitRestart is the exit code by which the agent asks tilld-guard to start it
// again at once, with a waiting update in its place.
const ExitRestart = guard.ExitRestart

// StopsByStdin is the setting, in the environment of guard or agent, by which the
// end of its standard input asks it to stop.
const StopsByStdin = guard.EnvStop + "=stdin"

// StopWithGuard calls stop when the guard asks for it by closing standard input,
// as it does on Windows; elsewhere it sends a signal.
func StopWithGuard(stop func()) {
	if os.Getenv(guard.EnvStop) != "stdin" {
		return
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // however it ends, the guard is gone
		stop()
	}()
}

// Guarded reports whether tilld-guard started this process.
func Guarded() bool { return os.Getenv(guard.EnvGuard) != "" }

// Misguided returns the data directory that tilld-guard looks after when it is
// another than the agent's: what is staged in the agent's it will never start.
func Misguided(dataDir string) (other string, is bool) {
	other = os.Getenv(guard.EnvData)
	if !Guarded() || other == "" {
		return "", false
	}
	own, err := os.Stat(dataDir)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(other)
	return other, err != nil || !os.SameFile(own, info)
}

// ReportHealthy tells the guard that this version works. A version on trial is
// confirmed by it, for good; for others, and without a guard, it does nothing.
// The agent calls it once it has been ready to sell for some seconds.
// fault.Refused means that the guard has given up on this version already.
func ReportHealthy(dataDir string) error {
	slot := slots.Name(os.Getenv(guard.EnvSlot))
	if !Guarded() || !slot.Valid() {
		return nil
	}
	_, err := slots.At(dataDir).Confirm(slot)
	switch {
	case errors.Is(err, slots.ErrNotOnTrial):
		return fault.New(fault.Refused, "update", "report healthy", err)
	case err != nil:
		return fault.New(fault.Full, "update", "report healthy", err)
	}
	return nil
}

// Pending returns the version that waits to be started, if any: the agent may
// end with [ExitRestart] when it suits the shop.
func Pending(dataDir string) (slots.Build, bool) {
	s, _ := slots.At(dataDir).Load()
	if s.Candidate == nil || s.Trial {
		return slots.Build{}, false
	}
	return *s.Candidate, true
}

// Status is the slots' state for the status page and for reports.
func Status(dataDir string) (slots.State, error) { return slots.At(dataDir).Load() }
