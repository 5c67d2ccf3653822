package link

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tilld/internal/cloud"
)

// answering is a fake broker's cloud that answers each request with f's token.
func answering(a *ackCloud, f func(c *fakeConn, q request)) func(*fakeConn, *packet) bool {
	return func(c *fakeConn, p *packet) bool {
		if !strings.HasSuffix(p.topic, "/request") {
			return a.take(c, p)
		}
		c.puback(p)
		var q request
		if err := StrictDecode(p.body, &q); err != nil {
			a.r.t.Errorf("request %s: %v", p.body, err)
		}
		f(c, q)
		return false
	}
}

func TestAsk(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		if _, err := New(r.opts, r.store, nil); err != nil {
			t.Fatal(err)
		}
		var asked []request
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			asked = append(asked, q)
			answer := cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"items": []any{}}}
			switch len(asked) {
			case 2:
				answer.Data = map[string]any{"error": map[string]any{"code": "not_found", "message": "no such code"}}
			case 3:
				answer.Type = "coupon.check"
			case 4:
				answer.Ref = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
			case 5:
				answer.Audience = "acme/sh-001/04"
			}
			c.send("response", r.sign(answer))
		})
		r.start()
		if _, err := r.link.Ask(t.Context(), Question{Type: "price.lookup"}); !errors.Is(err, ErrDown) {
			t.Errorf("before the link is up: %v, want ErrDown", err)
		}
		time.Sleep(time.Second)
		ask := func() (json.RawMessage, time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			data, err := r.link.Ask(ctx, Question{Type: "price.lookup", Sale: "s1", Data: map[string]any{"code": "690"}})
			return data, time.Since(began), err
		}
		if data, _, err := ask(); err != nil || string(data) != `{"items":[]}` {
			t.Errorf("answer %s, %v", data, err)
		}
		q := asked[0]
		if len(q.ID) != 26 || q.Type != "price.lookup" || q.Sale != "s1" || string(q.Data) != `{"code":"690"}` {
			t.Errorf("request %+v", q)
		}
		sent, err1 := time.Parse(time.RFC3339, q.Sent)
		expires, err2 := time.Parse(time.RFC3339, q.Expires)
		if err1 != nil || err2 != nil || expires.Sub(sent) != 2*time.Second {
			t.Errorf("sent %s, expires %s", q.Sent, q.Expires)
		}
		if _, _, err := ask(); !isRemote(err) || err.Error() != `cloud: not_found: "no such code"` {
			t.Errorf("error of the cloud: %v", err)
		}
		for _, what := range []string{"another type", "another ref", "another till"} {
			if _, took, err := ask(); !errors.Is(err, ErrNoAnswer) || took != 2*time.Second {
				t.Errorf("%s: %v after %v, want ErrNoAnswer after 2 s", what, err, took)
			}
		}
		if c := r.link.Counters(); c.Late != 1 || c.Refused["unknown_type"] != 1 || c.Refused["audience"] != 1 || c.Questions != 0 {
			t.Errorf("counters %+v", c)
		}
		if _, err := r.link.Ask(t.Context(), Question{ID: "x", Type: "price.lookup"}); err == nil {
			t.Error("an id that is no ULID was accepted")
		}
		if _, err := r.link.Ask(t.Context(), Question{Type: "price.lookup", Data: strings.Repeat("x", maxQuestion)}); err == nil {
			t.Error("a question of 64 KiB was accepted")
		}
	})
}

// A question under an ID that was used before is answered by a new message
// only: what was recorded from an earlier answer is worth nothing.
func TestAskReplay(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		const id = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
		var first []byte
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			if first == nil {
				first = r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"state": "pending"}})
			}
			c.send("response", first)
		})
		r.start()
		time.Sleep(time.Second)
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := r.link.Ask(ctx, Question{ID: id, Type: "payment.query"})
			return err
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if err := ask(); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("replayed answer: %v", err)
		}
		r.restart()
		time.Sleep(time.Second)
		if err := ask(); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("replayed answer after a restart: %v", err)
		}
		first = nil
		if err := ask(); err != nil {
			t.Errorf("new answer: %v", err)
		}
	})
}

// The link is lost while a question is out: it is asked again under its ID.
func TestAskAcrossLoss(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		ids := map[string]int{}
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			if ids[q.ID]++; b.connects() == 1 {
				c.c.Close()
				return
			}
			c.send("response", r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"state": "pending"}}))
		})
		r.start()
		time.Sleep(time.Second)
		if _, err := r.link.Ask(t.Context(), Question{Type: "payment.create", Data: map[string]any{}}); err != nil {
			t.Errorf("%v", err)
		}
		if len(ids) != 1 {
			t.Errorf("ids %v, want one", ids)
		}
	})
}
