package link

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// The whole way against a real broker and an independent cloud: a backlog is
// drained in order, questions are answered, commands run once, and the retained
// status says when the till goes.
func TestWithMosquitto(t *testing.T) {
	b := startMosquitto(t, "")
	r := newRig(t)
	ran := make(chan Command, 10)
	r.routes = []Route{{Type: "till.report", Handle: func(_ context.Context, c Command) (any, error) {
		ran <- c
		return map[string]int{"open": 1}, nil
	}}}
	r.opts.URL = b.url()
	c := r.startCloud(b.url())
	r.append(0, 2000, 600)
	r.start()
	r.until("all acked", func() bool { return r.store.AckedSeq() == 2000 })
	inOrder(t, numbers(t, c), 2000)
	r.append(2000, 1, 10)
	r.until("a live event acked", func() bool { return r.store.AckedSeq() == 2001 })

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	data, err := r.link.Ask(ctx, Question{Type: "payment.create", Sale: "s1", Data: map[string]any{
		"payment_id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "amount": 1234, "currency": "CNY", "items_digest": "00", "ttl_s": 300,
	}})
	var p struct{ State, URL string }
	if err != nil || json.Unmarshal(data, &p) != nil || p.State != "pending" || p.URL == "" {
		t.Errorf("payment.create: %s, %v", data, err)
	}
	if _, err := r.link.Ask(ctx, Question{Type: "price.lookup", Data: map[string]any{"code": "0"}}); !isRemote(err) {
		t.Errorf("price.lookup of nothing: %v, want a RemoteError", err)
	}
	reply, err := c.Command(ctx, tillPath, "till.report", map[string]any{})
	if err != nil || reply.State != "done" || string(reply.Data) != `{"open":1}` {
		t.Errorf("till.report: %+v, %v", reply, err)
	}
	reply, err = c.Command(ctx, tillPath, "till.fly", map[string]any{})
	if err != nil || reply.State != "refused" || reply.Error.Code != CodeUnknownType {
		t.Errorf("unknown command: %+v, %v", reply, err)
	}
	if off, ok := r.clock.Offset(); !ok || off.Abs() > time.Second {
		t.Errorf("clock offset %v, %v", off, ok)
	}
	r.halt()
	r.until("death", func() bool { s, ok := c.Status(tillPath); return ok && !s.Online })
	if len(ran) != 1 {
		t.Errorf("command ran %d times", len(ran))
	}
}

func isRemote(err error) bool {
	_, ok := errors.AsType[*RemoteError](err)
	return ok
}
