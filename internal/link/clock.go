package link

import (
	"sync"
	"time"
)

// drift is how fast a till's clock may wander against the cloud's: 100 ppm,
// 8.6 s a day, is a poor quartz.
const drift = 1e-4

// Clock measures how far the till's clock is off the cloud's, from the times at
// which the cloud signed its messages. Safe for concurrent use.
//
// A message can be delayed or replayed, which makes its time look old, never
// new: each gives a lower bound of the offset. Only an answer to what the till
// has just sent gives an upper bound as well. A command that the cloud repeats
// hours later therefore changes nothing. That the till's clock is fast by more
// than a little takes three answers that agree, so that a single one that was
// signed for the past is refused as expired instead.
type Clock struct {
	mu      sync.Mutex
	wall    func() time.Time
	floor   time.Time // never earlier than this: build time, then the newest iat ever seen
	bounds            // of the offset
	bounded bool      // hi is known
	at      time.Time // of the last measurement
	trusted bool
	other   bounds // what the answers say that contradict them
	doubts  int    // how many agreed on that
}

type bounds struct{ lo, hi time.Duration }

// Limits of a correction backwards.
const (
	smallStep = 30 * time.Second // taken at once
	agreeing  = 3                // answers for a larger one
)

// NewClock returns a clock that never reads earlier than floor, the time the
// program was built; a zero floor sets no limit. A [Link] raises the floor with
// what its store remembers and with every signed message.
func NewClock(floor time.Time) *Clock { return &Clock{wall: time.Now, floor: floor} }

// Offset is what has to be added to the till's clock to get the cloud's. It is
// false until a signed message has told it since the start of the agent.
func (c *Clock) Offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset(), c.trusted
}

// Now is the cloud's time as well as it is known: the till's clock corrected by
// the offset, and never before the newest time the cloud has ever signed.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if t := c.wall().Add(c.offset()); t.After(c.floor) {
		return t
	}
	return c.floor
}

func (c *Clock) offset() time.Duration {
	switch {
	case !c.trusted:
		return 0
	case c.bounded:
		return (c.lo + c.hi) / 2
	default:
		return max(c.lo, 0)
	}
}

// heard takes the time at which the cloud signed a message. sent is when the
// till sent what the message is an answer to, zero when it is not provably one.
// Both are readings of the till's clock.
func (c *Clock) heard(issued time.Time, grain time.Duration, sent, received time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	issued, sent, received = issued.Round(0), sent.Round(0), received.Round(0)
	if issued.After(c.floor) {
		c.floor = issued
	}
	answer := !sent.IsZero()
	b := bounds{issued.Sub(received), issued.Add(grain).Sub(sent)}
	if answer && !c.believes(b) {
		return
	}
	if wander := time.Duration(float64(received.Sub(c.at)) * drift); c.trusted && wander > 0 {
		c.lo, c.hi = c.lo-wander, c.hi+wander
	}
	switch {
	case !c.trusted:
		c.bounds, c.bounded = b, answer
	default:
		c.lo = max(c.lo, b.lo)
		if answer && (!c.bounded || b.hi < c.hi) {
			c.hi, c.bounded = b.hi, true
		}
		if c.bounded && c.lo > c.hi { // somebody set one of the clocks: the newest counts
			c.bounds, c.bounded = b, answer
		}
	}
	c.trusted, c.at = true, received
}

// believes reports whether an answer's bounds may be taken: not when they put
// the clock back by a large step that too few others have confirmed.
func (c *Clock) believes(b bounds) bool {
	if b.hi >= c.offset()-smallStep {
		c.doubts = 0
		return true
	}
	if c.doubts > 0 && b.lo <= c.other.hi && c.other.lo <= b.hi {
		c.other = bounds{max(b.lo, c.other.lo), min(b.hi, c.other.hi)}
	} else {
		c.other, c.doubts = b, 0
	}
	if c.doubts++; c.doubts < agreeing {
		return false
	}
	c.bounds, c.bounded, c.doubts = c.other, true, 0
	return true
}

// jumped shifts the bounds after the till's clock was set by d.
func (c *Clock) jumped(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lo, c.hi, c.at = c.lo-d, c.hi-d, c.at.Add(d)
}

// raise lifts the floor to t.
func (c *Clock) raise(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.floor) {
		c.floor = t
	}
}

func (c *Clock) floorNow() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.floor
}

func (c *Clock) isTrusted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trusted
}

// isSure reports whether the offset has an upper bound that nothing contradicts:
// then the till's clock is known not to be fast.
func (c *Clock) isSure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trusted && c.bounded && c.doubts == 0
}

// reading is what the till's wall clock reads, without its monotonic part.
func (c *Clock) reading() time.Time { return c.wall().Round(0) }
