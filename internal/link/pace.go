package link

import "time"

// Bounds of the bytes that may be on their way to the broker.
const (
	paceFirst  = 8 << 10 // before anything was measured: 0.26 s at 256 kbit/s
	paceMin    = 2 << 10 // an event, or a few
	paceMax    = 1 << 20 // 20 MB/s at 50 ms
	paceQueue  = 250 * time.Millisecond
	probeEvery = 30 * time.Second
	probeBytes = 2 << 10
	maxBatch   = 100<<10 - maxEvents // bytes of events in one PUBLISH; with a LF after each but the last 100 KiB (contract §4)
)

// pace bounds the bytes sent to the broker and not yet taken by it, so that
// what the backlog puts in front of a question takes a quarter of a second to drain, whatever
// the speed of the line. It works like the delay-based congestion controls
// (Vegas, LEDBAT): the window follows the ratio of the wanted round trip to the
// measured one. The unloaded round trip is measured again every 30 s by letting
// the line run dry, else the line's own queue would pass for distance.
type pace struct {
	window int           // bytes
	base   time.Duration // round trip with nothing of ours in front; 0 = unknown
	round  time.Time     // batches sent before it ran under an older window
	probed time.Time     // when base was last measured alone
	dry    bool          // waiting for the line to run dry
}

func newPace(now time.Time, first time.Duration) pace {
	return pace{window: paceFirst, base: first, probed: now}
}

// room is how many bytes the next batch may have with flying bytes on their
// way; 0 = wait.
func (p *pace) room(now time.Time, flying int) int {
	if flying == 0 {
		if p.dry {
			return probeBytes
		}
		return min(max(p.window/4, paceMin), maxBatch)
	}
	if p.dry = p.dry || now.Sub(p.probed) > probeEvery; p.dry {
		return 0
	}
	piece := max(p.window/4, paceMin) // several on their way keep the line busy
	if p.window-flying < piece {
		return 0
	}
	return min(piece, maxBatch)
}

// taken tells that the broker has taken a batch of size bytes that was sent at
// sent with flying bytes, its own included, on their way.
func (p *pace) taken(now, sent time.Time, size, flying int) {
	trip := max(now.Sub(sent), time.Microsecond)
	if alone := flying == size; alone && size <= 2*probeBytes {
		if p.dry || p.base == 0 {
			p.base, p.dry = trip, false
		}
		p.base, p.probed = min(p.base, trip), now
	}
	p.dry = p.dry && flying != size // a single event larger than the probe ends it too
	if sent.Before(p.round) {
		return
	}
	p.round = now
	want := p.base + paceQueue
	switch ratio := float64(want) / float64(trip); {
	case ratio < 1:
		p.window = max(paceMin, int(float64(p.window)*ratio)) // a line that became slow is met at once
	case flying >= p.window/2: // the window was the limit
		if ratio = min(ratio, 2); ratio < 2 {
			ratio = (1 + ratio) / 2 // close to the goal: what was sent since then counts too
		}
		p.window = min(paceMax, int(float64(p.window)*ratio))
	}
}
