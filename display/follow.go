package display

import (
	"context"
	"time"

	"tilld/internal/health"
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

// Animator is a Display whose picture changes while the scene stays, such as one
// with a countdown. [Follow] shows the scene again at the time that Next returns;
// the zero time means that nothing moves.
type Animator interface {
	Next(s Scene, now time.Time) time.Time
}

// Follow shows the stage's scene on d at once and after every change, until
// ctx ends (it then returns ctx.Err()) or d fails (it returns d's fault). A
// display slower than the stage skips to the latest scene. It is the Serve of
// a display's device slot: after a failure the next Follow shows the scene again.
//
// The moment a pay code or an offer expires the scene is shown again, changed or
// not, so that a display takes it off even if nobody changes the scene. Offers that
// are over are left out.
func Follow(ctx context.Context, d Display, s *Stage) error { return FollowOn(ctx, d, s, nil) }

// FollowOn is Follow that keeps a condition up on h while d leaves out the pay
// code of the scene that is on, see [Withholder].
func FollowOn(ctx context.Context, d Display, s *Stage, h *health.Board) error {
	if h != nil {
		defer h.Clear(condWithheld, d.Info().Name)
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		scene, changed := s.Now()
		scene = scene.withoutEnded(time.Now())
		limited, cancel := context.WithTimeout(ctx, ShowLimit)
		err := d.Show(limited, scene)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		tell(h, d)
		again.Stop()
		if wait, ok := pause(d, scene, time.Now()); ok {
			again.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-again.C:
		}
	}
}

// pause is how long a scene that was shown at now stays as it is; false: until
// it changes.
func pause(d Display, s Scene, now time.Time) (wait time.Duration, ok bool) {
	sooner := func(w time.Duration) {
		if !ok || w < wait {
			wait, ok = max(w, time.Millisecond), true
		}
	}
	if r, is := d.(Refresher); is && r.Refresh() > 0 {
		sooner(r.Refresh())
	}
	if a, is := d.(Animator); is {
		if at := a.Next(s, now); !at.IsZero() {
			sooner(at.Sub(now))
		}
	}
	if s.Pay != nil && now.Before(s.Pay.ExpiresAt) {
		sooner(s.Pay.ExpiresAt.Sub(now))
	}
	if s.Kind == Offers {
		for _, o := range s.Offers {
			if !o.Expires.IsZero() {
				sooner(o.Expires.Sub(now))
			}
		}
	}
	return wait, ok
}
