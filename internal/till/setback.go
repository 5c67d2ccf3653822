package till

import "time"

// looked is when the till's clock was looked at last, by that clock and by one
// that nobody can set.
type looked struct{ wall, steady time.Time }

// look notices that the clock was set back. What is shown for a moment, what is
// waited for, and print jobs that are given up after a while then end when they
// would have: their ends are moved with the clock. mu is held.
func (t *Till) look() {
	wall, steady, last := t.now(), time.Now(), t.looked
	t.looked = looked{wall, steady}
	if last.steady.IsZero() {
		return
	}
	if back := steady.Sub(last.steady) - wall.Sub(last.wall); back > tolerance {
		t.stage.move(-back)
		t.spool.move(-back)
	}
}

// move moves all ends by d.
func (g *stageState) move(d time.Duration) {
	for _, at := range []*time.Time{&g.until, &g.messageUntil, &g.greetUntil, &g.orderUntil, &g.armedUntil, &g.failedUntil} {
		if !at.IsZero() {
			*at = at.Add(d)
		}
	}
}

// move moves by d what was accepted when, and how long it waits. Jobs that others
// have in their hands stay as they are.
func (s *spool) move(d time.Duration) {
	for i, j := range s.open {
		moved := *j
		moved.Created = j.Created.Add(d)
		if !j.Expires.IsZero() {
			moved.Expires = j.Expires.Add(d)
		}
		s.open[i] = &moved
	}
}
