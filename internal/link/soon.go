package link

import (
	"sync"
	"time"
)

// hopeFor is how long after its start, or after it was lost, a link may be
// waited for. A till that is offline for longer waits for nothing.
const hopeFor = 5 * time.Second

// hope is the wait for a link that may be up in a moment.
type hope struct {
	mu    sync.Mutex
	ended chan struct{} // nil when there is nothing to wait for
	timer *time.Timer
}

// Soon returns what is closed as soon as the link is up, or is not to be waited
// for any longer. It is nil when there is nothing to wait for: the link is up,
// or has been away for more than a moment.
func (l *Link) Soon() <-chan struct{} {
	l.hope.mu.Lock()
	defer l.hope.mu.Unlock()
	return l.hope.ended
}

// begin has whoever asks from now on wait, for ever until the timer is set.
func (h *hope) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.ended = make(chan struct{})
	}
}

// limit ends the wait after d.
func (h *hope) limit(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended != nil {
		h.timer = time.AfterFunc(d, h.end)
	}
}

// end lets all go on that wait.
func (h *hope) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if h.ended != nil {
		close(h.ended)
		h.ended = nil
	}
}
