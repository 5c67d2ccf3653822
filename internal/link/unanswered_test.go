package link

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/lang"
)

// A cloud that takes events and answers no questions is said so: once in the
// log, in the figures, and as a condition after three in a row of one type,
// while other types are answered. A lost link is not the cloud's silence.
func TestUnanswered(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var silent, gone atomic.Bool
		b.onConnect = func(*packet) byte {
			if gone.Load() {
				return 3 // server unavailable
			}
			return 0
		}
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			if q.Type == "price.lookup" && silent.Load() {
				return
			}
			answer := cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"items": []any{}}}
			if q.Type == "member.lookup" {
				answer.Data = map[string]any{"error": map[string]any{"code": "not_found", "message": "no such code"}}
			}
			c.send("response", r.sign(answer))
		})
		var log lockedBuffer
		r.opts.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.start()
		time.Sleep(time.Second)
		ask := func(kind string) error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := r.link.Ask(ctx, Question{Type: kind})
			return err
		}
		said := func(text string) int { return strings.Count(log.String(), text) }
		if err := ask("price.lookup"); err != nil {
			t.Fatal(err)
		}
		silent.Store(true)
		for n := range 5 {
			if err := ask("price.lookup"); !errors.Is(err, ErrNoAnswer) {
				t.Fatal(err)
			}
			if err := ask("member.lookup"); !isRemote(err) {
				t.Fatal(err)
			}
			if up := r.condition("cloud_silent"); up != (n+1 >= silentAfter) {
				t.Errorf("after %d questions without an answer: condition %v", n+1, up)
			}
		}
		for _, c := range r.health.List(lang.EN) {
			if c.Code == "cloud_silent" && !strings.Contains(c.Text, "price.lookup") {
				t.Errorf("%+v", c)
			}
		}
		if said("the cloud does not answer") != 1 || said("answers again") != 0 {
			t.Errorf("log:\n%s", log.String())
		}
		// Who goes away before the time is up says nothing about the cloud.
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := r.link.Ask(ctx, Question{Type: "price.lookup"}); !errors.Is(err, ErrNoAnswer) {
			t.Fatal(err)
		}
		got := r.link.Counters().Fates
		if p, m := got["price.lookup"], got["member.lookup"]; p["answered"] != 1 || p["unanswered"] != 5 || m["refused"] != 5 {
			t.Errorf("figures %v", got)
		}
		silent.Store(false)
		if err := ask("price.lookup"); err != nil || r.condition("cloud_silent") || said("answers again") != 1 {
			t.Errorf("answered again: %v, condition %v\n%s", err, r.condition("cloud_silent"), &log)
		}
		silent.Store(true)
		for range silentAfter {
			ask("price.lookup")
		}
		if !r.condition("cloud_silent") {
			t.Error("silent for the second time")
		}
		gone.Store(true)
		b.closeAll()
		time.Sleep(time.Second)
		if r.condition("cloud_silent") {
			t.Error("without a link it is not the cloud that is silent")
		}
	})
}
