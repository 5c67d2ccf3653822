package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tilld/firmware"
)

// healthyFor is how long the agent must have been able to sell before it tells
// the guard that this version is good.
const healthyFor = 5 * time.Second

// startTime bounds how long the service manager is asked to wait: a store of
// gigabytes that is built anew from its journal on a slow disk takes minutes.
const startTime = 30 * time.Minute

// starting asks the service manager for time until ready ends. It would kill
// the agent after 90 s, or below the guard, where the service has started long
// ago, for want of a watchdog; and the next one would begin the same work anew.
func (a *agent) starting(ready context.Context) {
	ctx, cancel := context.WithTimeout(ready, startTime)
	defer cancel()
	const every = 10 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.notify(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", daemon.SdNotifyWatchdog, (6 * every).Microseconds()))
		}
	}
}

// service tells the service manager and the guard how the agent is.
func (a *agent) service(ctx context.Context) error {
	a.notify(daemon.SdNotifyReady)
	defer a.stopping()
	every := time.Second
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.log.Warn("watchdog settings are not usable", "err", err)
	}
	if watchdog > 0 {
		every = min(every, watchdog/3)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var since time.Time
	reported := false
	for {
		ok, _ := a.till.Ready() // waits for the engine: a stuck one feeds no watchdog
		if watchdog > 0 {
			a.notify(daemon.SdNotifyWatchdog)
		}
		switch {
		case !ok:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case !reported && time.Since(since) >= healthyFor:
			if err := firmware.ReportHealthy(a.cfg.DataDir); err != nil {
				a.log.Error("the guard cannot be told that this version is healthy", "err", err)
			}
			reported = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// stopping says goodbye. Below the guard the service goes on with the next agent:
// systemd would take it for one that is stopping ever after, without watchdog.
func (a *agent) stopping() {
	if !firmware.Guarded() {
		a.notify(daemon.SdNotifyStopping)
	}
}

func (a *agent) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		a.log.Warn("service manager not reached", "err", err)
	}
}
