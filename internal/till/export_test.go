package till

import "time"

// ClockStep is how far a clock seems to have been set when it shows wall after
// real has passed.
func ClockStep(wall, real time.Duration) time.Duration {
	now := time.Now()
	w := clockWatch{began: now.Add(-real), wall: now.Round(0).Add(-wall)}
	return w.step(now)
}
