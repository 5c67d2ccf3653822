//go:build !linux

package hotplug

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.bug.st/serial/enumerator"
)

// listen compares the system's list of serial ports every two seconds.
func listen(ctx context.Context, heard func(Event)) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	var last []string
	for {
		ports, err := enumerator.GetDetailedPortsList()
		if err != nil {
			return errors.Join(errors.New("the list of serial ports"), err)
		}
		var now []string
		for _, p := range ports {
			now = append(now, p.Name+" "+p.VID+":"+p.PID+" "+p.SerialNumber)
		}
		slices.Sort(now)
		if !slices.Equal(now, last) {
			last = now
			heard(Event{Action: "change", Subsystem: "tty"})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
