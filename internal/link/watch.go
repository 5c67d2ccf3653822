package link

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tilld/queue"
)

// Rhythm of the watch.
const (
	tick       = time.Second
	jumpLimit  = 2 * time.Second // a wall clock moved by more is an event
	saveEvery  = 5 * time.Minute // of the trusted-time floor, in the cloud's time
	sweepEvery = time.Hour
	noAckAfter = 5 * time.Minute
	clockLimit = 60 * time.Second
)

// clockJumped is the event tilld.clock.jumped.v1.
type clockJumped struct {
	From   string `json:"from"`    // what the clock would have read
	To     string `json:"to"`      // what it reads
	JumpMS int64  `json:"jump_ms"` // To minus From
}

// watch looks once a second at the clock and at what has been silent for long.
func (l *Link) watch(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	saved, swept := l.clock.floorNow(), time.Time{}
	last, wall := time.Now(), l.clock.reading()
	var silent time.Duration
	acked := l.q.AckedSeq()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now, reads := time.Now(), l.clock.reading()
		step := now.Sub(last) // monotonic
		if jump := reads.Sub(wall) - step; jump > jumpLimit || jump < -jumpLimit {
			l.jumped(ctx, wall.Add(step), reads, jump)
		}
		last, wall = now, reads
		silent, acked = l.silence(silent, step, acked)
		l.tally.settle(now)
		if floor := l.clock.floorNow(); floor.Sub(saved) > saveEvery {
			if l.warn("trusted time not saved", putTime(ctx, l.rec, keyClock, floor)) {
				saved = floor
			}
		}
		if now.Sub(swept) > sweepEvery {
			// By the newest time that the cloud has signed: a till's clock that is fast
			// must not have a command forgotten that is still good to be sent again.
			l.warn("inbox not swept", l.dispatch.inbox.sweep(ctx, l.clock.floorNow()))
			swept = now
		}
	}
}

// warn logs an error; true when there is none.
func (l *Link) warn(what string, err error) bool {
	if err != nil {
		l.log.Warn(what, "err", err)
	}
	return err == nil
}

// jumped reports that somebody set the clock. Old events are never rewritten.
func (l *Link) jumped(ctx context.Context, from, to time.Time, jump time.Duration) {
	l.clock.jumped(jump)
	l.log.Warn("the clock was set", "from", from.UTC().Format(stamp), "to", to.UTC().Format(stamp), "jump", jump.Round(time.Millisecond))
	data, err := encode(clockJumped{from.UTC().Format(stamp), to.UTC().Format(stamp), jump.Milliseconds()})
	if err == nil {
		err = l.rec.Update(ctx, func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{Type: "tilld.clock.jumped.v1", Data: data})
			return err
		})
	}
	l.warn("event clock.jumped not stored", err)
}

// silence adds up for how long the link has been up without an ack while events
// were waiting for one: a broker that lacks the rights for our topics takes
// everything and delivers nothing, without a word.
func (l *Link) silence(silent, step time.Duration, acked uint64) (time.Duration, uint64) {
	now := l.q.AckedSeq()
	if now != acked || l.sent.Load() <= now {
		l.clear(condNoAck)
		return 0, now
	}
	if !l.Up() || l.ackBroker() {
		return silent, now
	}
	if silent += step; silent >= noAckAfter {
		l.raise(condNoAck, "minutes", strconv.Itoa(int(silent/time.Minute)))
	}
	return silent, now
}

// hearing shows when the clock is far off.
func (l *Link) hearing() {
	d, ok := l.clock.Offset()
	if off := d.Abs(); ok && off > clockLimit {
		l.raise(condClock, "seconds", fmt.Sprint(int64(d.Round(time.Second)/time.Second)))
	} else if ok && off < clockLimit*9/10 {
		l.clear(condClock)
	}
}
