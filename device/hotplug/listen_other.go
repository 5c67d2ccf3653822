//go:build !linux

package hotplug

import (
	"context"
	"slices"
	"time"

	"tilld/device/serialport"
)

// listen compares the system's list of serial ports every two seconds.
func listen(ctx context.Context, heard func(Event)) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	var last []string
	for {
		ports, err := serialport.List()
		if err != nil {
			return err
		}
		var now []string
		for _, p := range ports {
			now = append(now, p.Name+" "+p.Identity.String())
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
