package link

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/cloud"
	"tilld/queue"
)

// wallClock is a till's clock that is off by a given time.
func wallClock(off time.Duration) *Clock {
	c := NewClock(time.Time{})
	c.wall = func() time.Time { return time.Now().Add(off) }
	return c
}

func TestClockOffset(t *testing.T) {
	near := func(t *testing.T, c *Clock, want time.Duration) {
		t.Helper()
		if got, _ := c.Offset(); (got - want).Abs() > 600*time.Millisecond {
			t.Errorf("offset %v, want about %v", got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		slow := wallClock(-time.Hour)
		if _, ok := slow.Offset(); ok {
			t.Error("trusted before anything was heard")
		}
		slow.heard(time.Now(), time.Second, time.Time{}, slow.reading())
		near(t, slow, time.Hour) // one message is enough forwards
		if slow.isSure() {
			t.Error("sure without an answer")
		}

		repeated := wallClock(0) // a command signed five hours ago, sent again
		repeated.heard(time.Now().Add(-5*time.Hour), time.Second, time.Time{}, repeated.reading())
		near(t, repeated, 0)

		fast := wallClock(8 * time.Hour) // a clock set to local time and read as UTC
		for i := range agreeing {
			if got, _ := fast.Offset(); got != 0 {
				t.Errorf("after %d answers: %v", i, got)
			}
			sent := fast.reading()
			pass(100 * time.Millisecond)
			fast.heard(time.Now().Truncate(time.Second), time.Second, sent, fast.reading())
		}
		near(t, fast, -8*time.Hour)

		once := wallClock(0) // a single answer signed for the past moves nothing
		once.heard(time.Now(), time.Millisecond, once.reading(), once.reading())
		once.heard(time.Now().Add(-time.Hour), time.Millisecond, once.reading(), once.reading())
		near(t, once, 0)
		if once.isSure() {
			t.Error("sure although an answer contradicts")
		}
		once.heard(time.Now(), time.Millisecond, once.reading(), once.reading())
		if !once.isSure() {
			t.Error("not sure after an answer that agrees")
		}

		// Whole seconds narrow down to less than one over several answers.
		coarse := wallClock(-3 * time.Second)
		for range 20 {
			sent := coarse.reading()
			pass(37 * time.Millisecond)
			coarse.heard(time.Now().Truncate(time.Second), time.Second, sent, coarse.reading())
			pass(230 * time.Millisecond)
		}
		if got, _ := coarse.Offset(); (got - 3*time.Second).Abs() > 100*time.Millisecond {
			t.Errorf("offset %v, want 3 s", got)
		}
	})
}

// The floor only rises, and the measured time is never before it: a clock set
// back to 2000 makes no expired command valid.
func TestClockFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		c := NewClock(built)
		if got := c.Now(); !got.Equal(built) { // the bubble begins in 2000
			t.Errorf("now %v, want the build time", got)
		}
		c.raise(built.Add(time.Hour))
		c.raise(built)
		if got := c.Now(); !got.Equal(built.Add(time.Hour)) {
			t.Errorf("floor fell to %v", got)
		}
	})
}

// Somebody sets the clock while the till runs: one event says so, and the
// measured offset moves along at once.
func TestClockJump(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var off atomic.Int64
		r.clock.wall = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		r.start()
		r.append(0, 1, 10)
		pass(5 * time.Second)
		off.Store(int64(1500 * time.Millisecond)) // below the limit
		pass(5 * time.Second)
		off.Store(int64(3601500 * time.Millisecond))
		pass(5 * time.Second)
		off.Store(int64(1500 * time.Millisecond))
		pass(5 * time.Second)
		var jumps []int64
		list, err := r.store.Pending(0, 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 { // acked already: look at what the cloud has
			a.mu.Lock()
			for i, l := range a.lines {
				list = append(list, queue.Event{Sequence: uint64(i + 1), Body: l})
			}
			a.mu.Unlock()
		}
		for _, e := range list {
			var ev struct {
				Type string
				Data struct {
					JumpMS int64 `json:"jump_ms"`
				}
			}
			if err := json.Unmarshal(e.Body, &ev); err != nil {
				t.Fatal(err)
			}
			if ev.Type == "tilld.clock.jumped.v1" {
				jumps = append(jumps, ev.Data.JumpMS)
			}
		}
		if len(jumps) != 2 || jumps[0] != 3600000 || jumps[1] != -3600000 {
			t.Errorf("jumps %v, want one of an hour forth and one back", jumps)
		}
		if got, _ := r.clock.Offset(); (got + 1500*time.Millisecond).Abs() > time.Second {
			t.Errorf("offset %v after the jumps, want about -1.5 s", got)
		}
	})
}

// A till whose clock is hours fast would refuse everything as expired, the acks
// of its backlog included. It asks the cloud for the time instead.
func TestFastClockWithBacklog(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.clock.wall = func() time.Time { return time.Now().Add(8 * time.Hour) }
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if p.topic == tillSource+"/request" {
				var q request
				if err := json.Unmarshal(p.body, &q); err != nil {
					t.Error(err)
				}
				c.puback(p)
				c.send("response", r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"error": map[string]string{"code": "not_found", "message": "?"}}}))
				return false
			}
			return a.take(c, p)
		}
		r.append(0, 2000, 50) // all before the link starts: acks of it prove nothing
		r.start()
		pass(time.Minute)
		if got := r.store.AckedSeq(); got != 2000 {
			t.Errorf("acked %d, want 2000; refused %v", got, r.link.Counters().Refused)
		}
		if got, ok := r.clock.Offset(); !ok || (got+8*time.Hour).Abs() > time.Second {
			t.Errorf("offset %v, want -8h", got)
		}
		if !r.condition("clock_off") {
			t.Error("no condition for a clock that is 8 h off")
		}
	})
}

// The trusted time survives a restart.
func TestFloorSurvives(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.append(0, 1, 10)
		r.start()
		pass(time.Hour)
		r.append(1, 1, 10)
		pass(time.Second)
		floor := r.clock.floorNow()
		if time.Since(floor) > 2*time.Second {
			t.Fatalf("floor %v, now %v", floor, time.Now())
		}
		r.halt()
		r.closeStore()
		r.openStore()
		r.clock.wall = func() time.Time { return time.Now().Add(-50 * time.Hour) }
		r.start()
		if got := r.clock.Now(); got.Before(floor.Truncate(time.Millisecond)) {
			t.Errorf("after a restart with the clock set back: %v, before %v", got, floor)
		}
	})
}

// Acks of an earlier epoch that a broker has kept answer nothing that was sent in
// this one: the clock does not go by them, nor do expired commands come to life.
func TestClockIgnoresAcksOfBefore(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		pass(100 * time.Hour)
		a.hold = true
		r.start()
		pass(time.Second)
		r.append(1, 3, 10)
		pass(time.Second)
		for i := range 5 {
			token, err := r.key.Sign(cloud.Message{
				ID: fmt.Sprintf("old-%d", i), Audience: tillPath, Type: "ack", Life: 2 * time.Hour,
				Data: map[string]any{"epoch": strings.Repeat("0", 32), "through": 2, "hash": strings.Repeat("0", 64)},
			}, time.Now().Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			b.last().send("ack", []byte(token))
			pass(time.Second)
		}
		if got, _ := r.clock.Offset(); got.Abs() > time.Minute {
			t.Errorf("offset %v by acks of an hour ago", got)
		}
	})
}
