package link

import (
	"context"
	"testing"
	"time"

	"tilld/internal/cloud"
)

// A payment is answered within a second while a long backlog drains, whatever
// the line: its bytes in flight follow the measured round trip. And the line is
// used, not spared.
func TestQuestionsDuringDrain(t *testing.T) {
	for name, c := range map[string]struct {
		line   *slowLine
		during time.Duration
		used   float64 // share of the line's speed
		within time.Duration
	}{
		"256 kbit/s":            {&slowLine{rate: 256_000 / 8, delay: 30 * time.Millisecond, buffer: 512 << 10}, time.Minute, 0.85, time.Second},
		"64 kbit/s":             {&slowLine{rate: 64_000 / 8, delay: 50 * time.Millisecond, buffer: 512 << 10}, time.Minute, 0.6, time.Second},
		"1 Mbit/s, far":         {&slowLine{rate: 1_000_000 / 8, delay: 200 * time.Millisecond, buffer: 512 << 10}, time.Minute, 0.8, 1200 * time.Millisecond},
		"10 Mbit/s":             {&slowLine{rate: 10_000_000 / 8, delay: 10 * time.Millisecond, buffer: 1 << 20}, 8 * time.Second, 0.6, time.Second},
		"256 kbit/s, no buffer": {&slowLine{rate: 256_000 / 8, delay: 30 * time.Millisecond, buffer: 1 << 10}, 40 * time.Second, 0.85, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
				r.open = c.line.open(b)
				b.onPublish = answering(a, func(fc *fakeConn, q request) {
					fc.send("response", r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"state": "pending"}}))
				})
				r.append(0, 20_000, 400)
				r.start()
				time.Sleep(3 * time.Second)
				bytesOf := func() (n int) {
					for _, p := range b.published("event") {
						n += len(p.body)
					}
					return n
				}
				before, began := bytesOf(), time.Now()
				var worst, when time.Duration
				asks := 0
				for time.Since(began) < c.during {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					at := time.Now()
					_, err := r.link.Ask(ctx, Question{Type: "payment.create", Data: map[string]any{"amount": 1}})
					cancel()
					if err != nil {
						t.Fatalf("%v into the drain: %v", time.Since(began), err)
					}
					if took := time.Since(at); took > worst {
						worst, when = took, at.Sub(began)
					}
					asks++
					time.Sleep(700 * time.Millisecond)
				}
				used := float64(bytesOf()-before) / time.Since(began).Seconds() / float64(c.line.rate)
				t.Logf("worst answer of %d after %v (%v into the drain), line used to %.0f %%", asks, worst, when.Round(time.Second), 100*used)
				if worst > c.within {
					t.Errorf("an answer took %v, want at most %v", worst, c.within)
				}
				if used < c.used {
					t.Errorf("line used to %.0f %%, want %.0f %%", 100*used, 100*c.used)
				}
				if _, _, gaps, broken := a.state(); gaps > 0 || broken != "" {
					t.Errorf("%d gaps, %s", gaps, broken)
				}
			})
		})
	}
}

// A line that becomes forty times slower while a backlog drains: what is in
// flight by then has to go out, after that questions are quick again.
func TestLineSlowsDown(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		line := &slowLine{rate: 10_000_000 / 8, delay: 10 * time.Millisecond, buffer: 1 << 20}
		r.open = line.open(b)
		b.onPublish = answering(a, func(fc *fakeConn, q request) {
			fc.send("response", r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"state": "pending"}}))
		})
		r.append(0, 20_000, 400)
		r.start()
		time.Sleep(3 * time.Second)
		line.set(256_000 / 8)
		time.Sleep(20 * time.Second)
		for range 20 {
			at := time.Now()
			if _, err := r.link.Ask(t.Context(), Question{Type: "payment.create"}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(at); took > time.Second {
				t.Errorf("an answer took %v", took)
			}
			time.Sleep(time.Second)
		}
	})
}
