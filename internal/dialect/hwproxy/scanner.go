package hwproxy

import (
	"context"
	"sync"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/till"
)

const (
	// hold is how long a poll waits for a scan; the clients give up after 55 s.
	hold = 50 * time.Second
	// away is how long a client may stay away before the scanners are free again.
	away = 90 * time.Second
	// maxWaiting bounds the scans that wait for the next poll: no hand gets there.
	maxWaiting = 200
)

// reader gives scans to one client at a time. A scan counts as delivered when the
// poll after the one that carried it comes; what was scanned before the client
// came is not for it.
type reader struct {
	desk *dialect.Desk

	mu      sync.Mutex
	owner   string
	release func()
	waiting []entry
	handed  bool          // the first of waiting was answered to a poll
	news    chan struct{} // closed when waiting grows
	idle    *time.Timer
}

type entry struct {
	seq  uint64
	text string
}

// poll waits for the next scan and returns it, or nil after a while.
func (r *reader) poll(ctx context.Context, owner string) (code any, seq uint64) {
	ctx, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	if !r.begin(owner) {
		<-ctx.Done()
		return nil, 0
	}
	defer r.rest()
	for {
		r.mu.Lock()
		if r.owner != owner {
			r.mu.Unlock()
			return nil, 0
		}
		if len(r.waiting) > 0 && !r.handed && ctx.Err() == nil { // not what another poll has
			first := r.waiting[0]
			r.handed = true
			r.mu.Unlock()
			return first.text, first.seq
		}
		news := r.news
		r.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, 0
		}
	}
}

// begin claims the scanners for a client and books what it was handed before;
// false when somebody else has them.
func (r *reader) begin(owner string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle != nil {
		r.idle.Stop()
	}
	if r.owner == "" {
		release, err := r.desk.Engine.ClaimScans("hw_proxy, "+owner, func(string) bool { return true }, r.take)
		if err != nil {
			r.desk.Log.Info("scanners are taken", "dialect", "hwproxy", "peer", owner, "err", err)
			return false
		}
		r.owner, r.release, r.waiting, r.handed, r.news = owner, release, nil, false, make(chan struct{})
	}
	if r.owner != owner {
		return false
	}
	if r.handed {
		r.desk.Ack(r.waiting[0].seq)
		r.waiting, r.handed = r.waiting[1:], false
		r.tell()
	}
	return true
}

// tell wakes the polls that wait. mu is held.
func (r *reader) tell() {
	close(r.news)
	r.news = make(chan struct{})
}

// take is called for each scan, in order.
func (r *reader) take(row till.Scan, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owner == "" || len(r.waiting) >= maxWaiting {
		return
	}
	r.waiting = append(r.waiting, entry{row.Seq, text})
	r.tell()
}

// undelivered takes back that a poll was answered: its client was gone.
func (r *reader) undelivered(owner string, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owner == owner && r.handed && len(r.waiting) > 0 && r.waiting[0].seq == seq {
		r.handed = false
		r.tell()
	}
}

// rest starts the wait for the client's next poll.
func (r *reader) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idle != nil {
		r.idle.Stop()
	}
	r.idle = time.AfterFunc(away, r.end)
}

// end gives the scanners back.
func (r *reader) end() {
	r.mu.Lock()
	release := r.release
	r.owner, r.release, r.waiting, r.handed = "", nil, nil, false
	if r.idle != nil {
		r.idle.Stop()
	}
	r.mu.Unlock()
	if release != nil {
		release()
	}
}
