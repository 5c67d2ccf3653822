package link

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/fault"
	"tilld/queue"
)

// fullDisk is a store that takes a number of changes and then none, until it has
// room again.
type fullDisk struct {
	Records
	room atomic.Int64 // changes that still fit
}

func (d *fullDisk) Update(ctx context.Context, f func(*queue.Tx) error) error {
	if d.room.Add(-1) < 0 {
		return fault.New(fault.Full, "queue", "put", syscall.ENOSPC)
	}
	return d.Records.Update(ctx, f)
}

// A disk that is full at any step of a command costs nothing once there is room
// again, without a restart: the command is run once, in its turn, and answered.
func TestCommandOnFullDisk(t *testing.T) {
	for name, fits := range map[string]int64{"to begin": 1, "to answer": 2} {
		t.Run(name, func(t *testing.T) {
			trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
				disk := &fullDisk{}
				disk.room.Store(1 << 40)
				r.prepare = func(l *Link) {
					disk.Records = l.dispatch.inbox.q
					l.dispatch.inbox.q = disk
				}
				var mu sync.Mutex
				var ran []string
				r.routes = []Route{{Type: "receipt.set", Handle: func(_ context.Context, c Command) (any, error) {
					mu.Lock()
					defer mu.Unlock()
					ran = append(ran, c.ID)
					return nil, nil
				}}}
				r.start()
				pass(time.Second)
				disk.room.Store(fits)
				first := order(r, b, "j1", "receipt.set", map[string]any{})
				pass(time.Minute)
				b.last().send("command", first) // the cloud has no reply yet
				pass(time.Second)
				if n := len(b.published("reply")); n != 0 {
					t.Errorf("%d replies of which none is stored", n)
				}
				disk.room.Store(1) // the next one is taken, and has to wait for its turn
				order(r, b, "j2", "receipt.set", map[string]any{})
				disk.room.Store(1 << 40)
				pass(time.Minute)
				var done []string
				for _, reply := range replies(t, b) {
					done = append(done, reply.ID+" "+string(reply.State))
				}
				mu.Lock()
				defer mu.Unlock()
				if want := []string{"j1", "j2"}; !slices.Equal(ran, want) {
					t.Errorf("ran %v, want %v", ran, want)
				}
				if want := []string{"j1 done", "j2 done"}; !slices.Equal(done, want) {
					t.Errorf("replies %v, want %v", done, want)
				}
			})
		})
	}
}

// What a run of before left is answered once there is room for that; a till with
// a full disk starts and sells all the same.
func TestRecoverOnFullDisk(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var block atomic.Bool
		block.Store(true)
		r.routes = []Route{{Type: "drawer.open", Handle: func(ctx context.Context, _ Command) (any, error) {
			if block.Load() {
				<-ctx.Done()
			}
			return nil, ctx.Err()
		}}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "drawer.open", map[string]any{"reason": "x"})
		r.halt()
		block.Store(false)
		disk := &fullDisk{}
		r.prepare = func(l *Link) {
			disk.Records = l.dispatch.inbox.q
			l.dispatch.inbox.q = disk
		}
		r.restart() // a link that gives up is an error of the rig
		pass(time.Minute)
		if n := len(b.published("reply")); n != 0 {
			t.Errorf("%d replies of which none is stored", n)
		}
		disk.room.Store(1 << 40)
		pass(time.Minute)
		if got := replies(t, b); len(got) != 1 || got[0].ID != "j1" || got[0].State != Unknown {
			t.Errorf("replies %+v, want j1 unknown", got)
		}
	})
}

// A till whose clock comes up weeks ahead must not forget what it has run: the
// cloud may send it again until it has the reply.
func TestFastClockForgetsNoCommand(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var ran atomic.Int32
		r.routes = []Route{{Type: "drawer.open", Handle: func(context.Context, Command) (any, error) { ran.Add(1); return nil, nil }}}
		r.start()
		pass(time.Second)
		token := r.sign(cloud.Message{ID: "j1", Type: "drawer.open", Life: 12 * time.Hour, Data: map[string]any{}})
		b.last().send("command", token)
		pass(time.Second)
		r.halt()
		r.prepare = func(l *Link) {
			l.clock.wall = func() time.Time { return time.Now().Add(30 * 24 * time.Hour) }
			l.open = func(context.Context) (*wire, error) { return nil, syscall.ECONNREFUSED }
		}
		open := r.open
		r.open = nil
		r.restart() // without a link
		pass(time.Minute)
		r.halt()
		r.prepare, r.open = nil, open
		r.restart() // somebody has set the clock
		pass(time.Second)
		b.last().send("command", token)
		pass(time.Second)
		if ran.Load() != 1 {
			t.Errorf("ran %d times", ran.Load())
		}
		for _, p := range b.published("reply") {
			if !strings.Contains(string(p.body), `"state":"done"`) {
				t.Errorf("reply %s", p.body)
			}
		}
	})
}
