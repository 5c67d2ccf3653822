//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// firmwareCommands are the commands about updates.
type firmwareCommands struct {
	Firmware firmwareCmd `cmd:"" help:"Updates of the agent: good, forged, older, crashing, hanging, cut off; every step checked."`
}

type firmwareCmd struct {
	Keep string        `help:"Directory to use and keep, instead of a temporary one." placeholder:"DIR"`
	Cuts int           `help:"How many power cuts during staging." default:"6"`
	Time time.Duration `help:"Give up after that long." default:"10m"`
}

// Run plays the story of one till's updates with the real tilld-guard and real
// builds of tilld, and fails at the first thing that is not as it should be.
func (c *firmwareCmd) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Time, fmt.Errorf("not done within %s", c.Time))
	defer cancel()
	f := &firmwareStory{dir: c.Keep, cuts: c.Cuts, began: time.Now()}
	if f.dir == "" {
		if f.dir, err = os.MkdirTemp("", "tillsim-firmware-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(f.dir)) }()
	} else if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"builds and a repository with keys of its own", f.prepare},
		{"the package's version runs below the guard", f.first},
		{"good update from a stick, with a sale open", f.good},
		{"forged updates", f.forged},
		{"older update", f.older},
		{"update that crashes", f.crashing},
		{"update that hangs", f.hanging},
		{"power cuts while an update is staged", f.powerCuts},
		{"power cut while an update is on trial", f.trialCut},
		{"orderly stop", f.stop},
	} {
		f.tell("== %s", step.title)
		if err := step.do(ctx); err != nil {
			f.tell("FAILED: %v", err)
			f.showLog()
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	f.tell("all is well")
	return nil
}

func (f *firmwareStory) tell(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Printf("%8.3f  %s\n", time.Since(f.began).Seconds(), fmt.Sprintf(format, args...))
}
