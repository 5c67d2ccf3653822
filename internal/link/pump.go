package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tilld/internal/fault"
	"tilld/queue"
)

// Limits of the pump.
const (
	maxEvents = 128     // events of one PUBLISH (contract §4)
	maxOpen   = 4 << 20 // bytes the cloud has not acked
	maxFlying = 100     // PUBLISHes without PUBACK; AWS IoT allows 100
	maxStuck  = 60 * time.Second
	maxRewind = 5 * time.Minute
)

// batch is one PUBLISH of events on its way.
type batch struct {
	first, last uint64
	size        int
	flying      int // bytes on their way when it was sent, its own included
	sent        time.Time
	reading     time.Time // of the till's clock at that moment
	fresh       bool      // none of its events can have been sent before
	once        bool      // none of its events was sent before in this session
	hash        [32]byte
	token       mqtt.Token
}

// pump sends the outbox's events through one session: in order, from the event
// after the watermark, window events ahead of the cloud's acks. One goroutine
// runs it; acks come in from the session's.
type pump struct {
	l     *Link
	q     Outbox
	send  func(topic string, qos byte, retained bool, body []byte) mqtt.Token
	epoch string

	cursor uint64  // next event to send
	high   uint64  // highest event sent in this session
	air    []batch // not taken by the broker yet, oldest first
	flying int     // bytes of air
	pace   pace

	wake chan struct{} // an ack came

	mu       sync.Mutex
	open     []batch // not acked by the cloud yet, oldest first
	openSize int
	progress time.Time     // the last ack that moved, or the first send after none was open
	trip     time.Duration // smoothed time from sending to the cloud's ack; 0 = unknown
	doubled  int           // go-back-Ns since the last progress
	repeats  int           // acks that did not move since then
	restated bool          // what is not acked is to be sent again at once
}

func newPump(l *Link, send func(string, byte, bool, []byte) mqtt.Token, first time.Duration) *pump {
	p := &pump{l: l, q: l.q, send: send, epoch: l.q.Epoch(), wake: make(chan struct{}, 1), pace: newPace(time.Now(), first)}
	p.cursor = p.q.AckedSeq() + 1
	p.progress = time.Now()
	return p
}

// run pumps until ctx ends or the session has to be given up.
func (p *pump) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	telemetry := time.NewTicker(p.l.timing.telemetry)
	defer telemetry.Stop()
	for {
		if err := p.reap(ctx); err != nil {
			return err
		}
		grown := p.q.Grown() // before looking, so that no append is missed
		wait, err := p.fill(ctx)
		if err != nil {
			return err
		}
		timer.Reset(wait)
		var head <-chan struct{}
		if len(p.air) > 0 {
			head = p.air[0].token.Done()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-head:
		case <-grown:
		case <-p.wake:
		case <-timer.C:
		case <-p.l.calm():
		case <-telemetry.C:
			p.telemetry()
		}
	}
}

// reap takes batches that the broker has taken off the air.
func (p *pump) reap(ctx context.Context) error {
	now := time.Now()
	for len(p.air) > 0 {
		b := p.air[0]
		select {
		case <-b.token.Done():
		default:
			if now.Sub(b.sent) > maxStuck {
				return fmt.Errorf("link: the broker has not taken a batch of %d bytes for %v", b.size, maxStuck)
			}
			return nil
		}
		if err := b.token.Error(); err != nil {
			return err
		}
		p.air[0] = batch{}
		p.air = p.air[1:]
		p.flying -= b.size
		p.pace.taken(now, b.sent, b.size, b.flying)
		if p.l.ackBroker() {
			if err := p.q.Ack(ctx, p.epoch, b.last, p.l.sent.Load(), b.hash); err != nil && !errors.Is(err, queue.ErrBehind) {
				return err
			}
			p.acked(b.last)
		}
	}
	return nil
}

// fill sends what may be sent, and says when to look again at the latest.
func (p *pump) fill(ctx context.Context) (time.Duration, error) {
	wait := p.rewind()
	for ctx.Err() == nil {
		acked := p.q.AckedSeq()
		p.cursor = max(p.cursor, acked+1)
		last := p.q.LastSeq()
		ahead := p.cursor - 1 - acked
		room := p.pace.room(time.Now(), p.flying)
		if p.cursor > last || ahead >= uint64(p.l.window) || room == 0 || len(p.air) >= maxFlying || p.opened() >= maxOpen || p.l.asking() {
			break
		}
		events, err := p.q.Pending(p.cursor-1, int(min(maxEvents, uint64(p.l.window)-ahead)), room)
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			break
		}
		if err := p.publish(events); err != nil {
			return 0, err
		}
		if err := p.reap(ctx); err != nil {
			return 0, err
		}
		wait = min(wait, p.patience())
	}
	return wait, nil
}

// publish sends one batch and advances the cursor.
func (p *pump) publish(events []queue.Event) error {
	first, last := events[0].Sequence, events[len(events)-1].Sequence
	if first != p.cursor || last-first != uint64(len(events)-1) {
		return fault.New(fault.Corrupt, "queue", "read", fmt.Errorf("events %d to %d where %d was next", first, last, p.cursor))
	}
	body := events[0].Body
	if len(events) > 1 {
		n := len(events) - 1
		for _, e := range events {
			n += len(e.Body)
		}
		buf := bytes.NewBuffer(make([]byte, 0, n))
		for i, e := range events {
			if i > 0 {
				buf.WriteByte('\n')
			}
			buf.Write(e.Body)
		}
		body = buf.Bytes()
	}
	p.flying += len(body)
	b := batch{first: first, last: last, size: len(body), flying: p.flying, sent: time.Now(), reading: p.l.clock.reading(), fresh: first > p.l.sent.Load(), once: first > p.high}
	p.high = max(p.high, last)
	if p.l.ackBroker() {
		b.hash = sha256.Sum256(events[len(events)-1].Body)
	}
	if last > p.l.sent.Load() {
		p.l.sent.Store(last) // before the first byte can be answered
	}
	p.mu.Lock()
	if len(p.open) == 0 {
		p.progress = b.sent
	}
	p.open = append(p.open, b)
	p.openSize += b.size
	p.mu.Unlock()
	b.token = p.send("event", 1, false, body)
	select {
	case <-b.token.Done():
		if err := b.token.Error(); err != nil {
			return err
		}
	default:
	}
	p.air = append(p.air, b)
	p.cursor = last + 1
	return nil
}

func (p *pump) opened() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openSize
}

// rewind goes back to the event after the watermark when the cloud has been
// silent for too long (go-back-N), and says how long to wait otherwise. As long
// as the broker has not taken everything, the line is slow, not the cloud.
func (p *pump) rewind() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.restated && len(p.air) == 0 {
		p.restated = false
		p.cursor, p.open, p.openSize, p.repeats = p.q.AckedSeq()+1, nil, 0, 0
		p.progress = time.Now()
	}
	if len(p.open) == 0 {
		return time.Hour
	}
	if len(p.air) > 0 {
		return time.Second
	}
	limit := p.limit()
	gap := p.repeats >= 2 // the cloud keeps telling its watermark: it misses the next event
	if left := limit - time.Since(p.progress); left > 0 && !gap {
		return left
	}
	p.l.log.Info("no progress, sending again", "from", p.q.AckedSeq()+1, "to", p.cursor-1, "wait", limit, "gap", gap)
	p.cursor = p.q.AckedSeq() + 1
	p.open, p.openSize, p.repeats = nil, 0, 0
	p.doubled++
	p.progress = time.Now()
	p.l.rewinds.Add(1)
	return p.limit()
}

// limit is how long to wait for progress: 10 s or four round trips, doubled at
// each go-back-N until there is some.
func (p *pump) limit() time.Duration {
	return min(max(p.l.timing.progress, 4*p.trip)<<min(p.doubled, 10), maxRewind)
}

func (p *pump) patience() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.air) > 0 {
		return min(p.limit(), time.Second)
	}
	return p.limit()
}

// acked tells that the watermark now is through.
func (p *pump) acked(through uint64) {
	now := time.Now()
	p.mu.Lock()
	i := 0
	for i < len(p.open) && p.open[i].last <= through {
		if b := p.open[i]; b.last == through && b.once {
			p.trip = smooth(p.trip, now.Sub(b.sent))
		}
		p.openSize -= p.open[i].size
		i++
	}
	p.open = p.open[i:]
	p.progress, p.doubled, p.repeats = now, 0, 0
	p.mu.Unlock()
	p.nudge()
}

// repeated tells that the cloud named its watermark again.
func (p *pump) repeated() {
	p.mu.Lock()
	if len(p.open) > 0 && time.Since(p.progress) > max(time.Second, 2*p.trip) {
		p.repeats++
	}
	p.mu.Unlock()
	p.nudge()
}

// beyond reports whether an event after seq is under way.
func (p *pump) beyond(seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open) > 0 && p.open[len(p.open)-1].last > seq
}

// restate has everything that is not acked sent again.
func (p *pump) restate() {
	p.mu.Lock()
	p.restated = true
	p.mu.Unlock()
	p.nudge()
}

func (p *pump) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// firstSent is when event seq was first sent, if that was in this session and
// cannot have been before: an ack of it was made after that. Else zero.
func (p *pump) firstSent(seq uint64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.open {
		if b.first <= seq && seq <= b.last && b.fresh {
			return b.reading
		}
	}
	return time.Time{}
}

// telemetry sends the health figures, unless the line is busy.
func (p *pump) telemetry() {
	if p.l.o.Telemetry == nil || p.flying > 0 {
		return
	}
	if body, err := encode(p.l.o.Telemetry()); err != nil {
		p.l.log.Warn("telemetry does not encode", "err", err)
	} else if body != nil {
		p.send("telemetry", 0, false, body)
	}
}

// smooth is TCP's smoothed round trip (RFC 6298).
func smooth(old, sample time.Duration) time.Duration {
	if old == 0 {
		return sample
	}
	return old + (sample-old)/8
}
