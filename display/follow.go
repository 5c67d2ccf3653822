package display

import (
	"context"
	"time"
)

// ShowLimit is how long one [Display.Show] may take before [Follow] calls the
// display silent. A good one needs less than 300 ms.
const ShowLimit = 2 * time.Second

// Refresher is a Display that may lose its picture without the till noticing,
// such as a pole display with its own power supply. [Follow] shows the scene
// again that often.
type Refresher interface {
	Refresh() time.Duration
}

// Follow shows the stage's scene on d at once and after every change, until
// ctx ends (it then returns ctx.Err()) or d fails (it returns d's fault). A
// display slower than the stage skips to the latest scene. It is the Serve of
// a display's device slot: after a failure the next Follow shows the scene again.
func Follow(ctx context.Context, d Display, s *Stage) error {
	var again <-chan time.Time
	if r, ok := d.(Refresher); ok && r.Refresh() > 0 {
		tick := time.NewTicker(r.Refresh())
		defer tick.Stop()
		again = tick.C
	}
	for {
		scene, changed := s.Now()
		limited, cancel := context.WithTimeout(ctx, ShowLimit)
		err := d.Show(limited, scene)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-again:
		}
	}
}
