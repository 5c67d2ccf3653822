package link

import (
	"sync"
	"time"
)

// Clock measures how far the till's clock is off the cloud's, from the times at
// which the cloud signed its messages. Safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     func() time.Time
	floor   time.Time // never earlier than this: build time, then the newest iat ever seen
	offset  time.Duration
	trusted bool
}

// NewClock returns a clock that never reads earlier than floor, the time the
// program was built; a zero floor sets no limit. A [Link] raises the floor with
// what its store remembers and with every signed message.
func NewClock(floor time.Time) *Clock { return &Clock{now: time.Now, floor: floor} }

// Offset is what has to be added to the till's clock to get the cloud's. It is
// false until a signed message has told it since the start of the agent.
func (c *Clock) Offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.trusted
}
