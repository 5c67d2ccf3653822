package link

import (
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"
)

// quiet is how long no message must have been refused for the next one to count
// as news again.
const quiet = 10 * time.Minute

// showEvery bounds how often a flood changes the condition's text.
const showEvery = 10 * time.Second

// tally counts refused messages. It logs the first of a kind, then stays silent
// until that kind has been quiet for ten minutes.
type tally struct {
	l *Link

	mu     sync.Mutex
	counts map[string]uint64 // by refusal, since start
	last   map[string]time.Time
	since  uint64 // refused since the condition went up
	newest time.Time
	shown  time.Time // when the condition was last brought up to date
}

// add counts one refused message of a topic ("ack", "response", "command").
func (t *tally) add(topic string, err error) {
	why := "error"
	if r, ok := errors.AsType[*refused](err); ok {
		why = string(r.why)
	}
	now := time.Now()
	t.mu.Lock()
	if t.counts == nil {
		t.counts, t.last = map[string]uint64{}, map[string]time.Time{}
	}
	t.counts[why]++
	news := now.Sub(t.last[why]) > quiet
	t.last[why], t.newest = now, now
	t.since++
	n := t.since
	show := why != string(refRepeated) && (news || now.Sub(t.shown) > showEvery)
	if show {
		t.shown = now
	}
	t.mu.Unlock()
	if news {
		t.l.log.Warn("message from the cloud refused", "topic", topic, "why", why, "err", clip(err.Error()))
	}
	if show {
		t.l.raise(condMessages, "count", strconv.FormatUint(n, 10), "error", clip(err.Error()))
	}
}

// settle takes the condition down after a quiet while.
func (t *tally) settle(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since > 0 && now.Sub(t.newest) > quiet {
		t.since = 0
		t.l.clear(condMessages)
	}
}

func (t *tally) snapshot() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

// clip bounds what outside text may bring into a log or a condition.
func clip(s string) string {
	if len(s) > 256 {
		s = s[:256] + "…"
	}
	return s
}
