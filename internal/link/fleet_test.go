package link

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tilld/queue"
)

// memoryOutbox is an Outbox without a disk.
type memoryOutbox struct {
	mu      sync.Mutex
	events  []queue.Event
	acked   uint64
	session uint64
	grown   chan struct{}
}

func newMemoryOutbox(n int) *memoryOutbox {
	o := &memoryOutbox{grown: make(chan struct{})}
	for i := range n {
		o.events = append(o.events, queue.Event{Sequence: uint64(i + 1), Body: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	return o
}

func (o *memoryOutbox) Epoch() string { return testEpoch }
func (o *memoryOutbox) LastSeq() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return uint64(len(o.events))
}

func (o *memoryOutbox) AckedSeq() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.acked
}

func (o *memoryOutbox) Pending(after uint64, most, bytes int) (list []queue.Event, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.events[after:] {
		if bytes -= len(e.Body); len(list) > 0 && (bytes < 0 || len(list) == most) {
			break
		}
		list = append(list, e)
	}
	return list, nil
}

func (o *memoryOutbox) Ack(_ context.Context, epoch string, through, sent uint64, hash [32]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case epoch != testEpoch:
		return queue.ErrEpoch
	case through > sent:
		return queue.ErrAhead
	case sha256.Sum256(o.events[through-1].Body) != hash:
		return queue.ErrHash
	}
	o.acked = max(o.acked, through)
	return nil
}

func (o *memoryOutbox) Grown() <-chan struct{} { return o.grown }

func (o *memoryOutbox) NextSession(context.Context) (uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.session++
	return o.session, nil
}

func (o *memoryOutbox) NewEpoch(context.Context, string) error { return nil }

// A thousand links in one process, as a load generator has them: few goroutines
// and little memory each, and nothing of them is left afterwards.
func TestFleet(t *testing.T) {
	const tills = fleetSize
	r := newRig(t)
	b := &fakeBroker{t: t}
	b.onPublish = func(c *fakeConn, p *packet) bool {
		b.mu.Lock()
		b.got = nil
		b.mu.Unlock()
		return true
	}
	before, heap := runtime.NumGoroutine(), heapInUse()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running sync.WaitGroup
	links := make([]*Link, tills)
	for i := range tills {
		o := r.opts
		o.Till, o.URL, o.Ack, o.Log, o.Health, o.Changed = fmt.Sprint("t", i), "mqtt://broker.test", "broker", nil, nil, nil
		out := newMemoryOutbox(50)
		l, err := build(o, out, r.store, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.open, l.timing = b.open, fastTiming
		links[i] = l
		running.Go(func() {
			if err := l.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for _, l := range links {
		until(t, "acked", func() bool { return l.q.AckedSeq() == 50 })
	}
	goroutines := runtime.NumGoroutine() - before - 2*tills // two of each are the fake broker's
	grown := heapInUse() - heap
	t.Logf("per link: %.1f goroutines, %d KiB of heap (its end at the fake broker included)", float64(goroutines)/tills, grown/tills>>10)
	if goroutines > 16*tills {
		t.Errorf("%d goroutines for %d links", goroutines, tills)
	}
	if grown > tills*96<<10 {
		t.Errorf("%d KiB of heap for %d links", grown>>10, tills)
	}
	cancel()
	running.Wait()
	b.closeAll()
	b.wg.Wait()
	until(t, "goroutines ended", func() bool { return runtime.NumGoroutine() <= before+5 })
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// A broker's restart must not bring all tills back at the same moment, nor keep
// one away for long.
func TestReconnectStorm(t *testing.T) {
	const tills = 200
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		b := &fakeBroker{t: t}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var mu sync.Mutex
		var back []time.Duration
		var down time.Time
		b.onConnect = func(*packet) byte {
			mu.Lock()
			defer mu.Unlock()
			if !down.IsZero() {
				back = append(back, time.Since(down))
			}
			return 0
		}
		for i := range tills {
			o := r.opts
			o.Till, o.URL, o.Log, o.Health, o.Changed = fmt.Sprint("t", i), "mqtt://broker.test", nil, nil, nil
			l, err := build(o, newMemoryOutbox(0), r.store, nil)
			if err != nil {
				t.Fatal(err)
			}
			l.open = b.open
			running.Go(func() { l.Run(ctx) })
		}
		pass(2 * time.Minute)
		mu.Lock()
		down = time.Now()
		mu.Unlock()
		b.closeAll()
		pass(time.Minute)
		mu.Lock()
		slots := map[time.Duration]int{}
		for _, d := range back {
			slots[d/(100*time.Millisecond)]++
		}
		if len(back) != tills {
			t.Errorf("%d of %d tills are back after a minute", len(back), tills)
		}
		for slot, n := range slots {
			if n > tills/4 {
				t.Errorf("%d tills came back in the same tenth of a second, %v after the restart", n, slot*100*time.Millisecond)
			}
		}
		mu.Unlock()
		cancel()
		running.Wait()
		b.closeAll()
		b.wg.Wait()
	})
}
