package till

import "time"

const (
	// leapLimit is how long a till may stand still before it is doubted that so
	// much time has passed: longer than any holiday that a store closes for.
	leapLimit = 10 * 24 * time.Hour
	// dayGrace is how far the business day may be ahead of the day it is: a clock
	// that is a little fast begins each day a little early.
	dayGrace = 12 * time.Hour
)

// doubt notes in what is to be committed that the clock has gone on by more
// than leapLimit since the commit before, until it comes back or the cloud has
// told the time.
func (x *txn) doubt() {
	seen, doubt := x.rec.Seen, x.rec.Doubt
	_, known := x.t.cloudTime(x.at)
	switch {
	case known, !doubt.IsZero() && x.at.Sub(doubt) <= leapLimit:
		x.rec.Doubt, x.rec.Leapt = time.Time{}, time.Time{}
	case !doubt.IsZero() && x.rec.Leapt.IsZero(): // noted by an earlier version
		x.rec.Leapt = x.at
	case doubt.IsZero() && !seen.IsZero() && x.at.Sub(seen) > leapLimit:
		x.rec.Doubt, x.rec.Leapt = seen, x.at
		x.t.log.Warn("the clock is far after the last commit, and nobody has confirmed it", "last", seen, "now", x.at)
	}
}

// calendar says when sales are booked under a day that has not come, or may
// not have: a clock that was set ahead takes the business day with it, and when
// it is set right the day goes on until it is over, since a number that was
// given is never given again.
func (t *Till) calendar(now time.Time) {
	at, known := t.cloudTime(now)
	day, today := t.machine.Book().Day, at.Format(time.DateOnly)
	ahead := day != "" && day > at.Add(dayGrace).Format(time.DateOnly)
	if ahead && t.ahead != day {
		t.log.Warn("the business day has not come yet", "day", day, "today", today, "cloud", known)
	}
	if t.ahead = ""; ahead {
		t.ahead = day
	}
	t.o.Health.Set(ahead, condDayAhead, "clock", "day", day, "today", today)
	doubt := t.rec.Doubt
	t.o.Health.Set(!known && !doubt.IsZero() && now.Sub(doubt) > leapLimit, condClockLeapt, "clock",
		"last", doubt.In(t.o.Location).Format(time.DateOnly), "today", now.Format(time.DateOnly))
}

// cloudTime is the time by the cloud's clock, in the store's zone, if the cloud
// has told it since the start of the agent; else it is the till's own.
func (t *Till) cloudTime(now time.Time) (at time.Time, known bool) {
	if t.o.ClockStatus == nil {
		return now, false
	}
	c := t.o.ClockStatus()
	if !c.Trusted {
		return now, false
	}
	return now.Add(time.Duration(c.OffsetMS) * time.Millisecond), true
}

// HouseTime is the time by which what the till keeps is old, see docs/adr/0170.
func (t *Till) HouseTime() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.houseTime()
}

// houseTime is the time by which records are old: the cloud's if it is known. A
// clock that has leapt, and that nobody has confirmed, does not make a year of
// sales old: as long as that is in doubt, only the time counts that has passed
// before and since. mu is held.
func (t *Till) houseTime() time.Time {
	now := t.now()
	at, known := t.cloudTime(now)
	switch seen, doubt, leapt := t.rec.Seen, t.rec.Doubt, t.rec.Leapt; {
	case known:
		return at
	case !doubt.IsZero() && now.Sub(doubt) > leapLimit:
		if leapt.IsZero() || now.Before(leapt) {
			return doubt
		}
		return doubt.Add(now.Sub(leapt))
	case doubt.IsZero() && !seen.IsZero() && now.Sub(seen) > leapLimit:
		return seen // the next commit notes the doubt
	}
	return now
}
