package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tilld/internal/cloud"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// replies are the till's replies as they came, decoded.
func replies(t *testing.T, b *fakeBroker) (list []Reply) {
	t.Helper()
	for _, p := range b.published("reply") {
		var r Reply
		if err := StrictDecode(p.body, &r); err != nil {
			t.Errorf("reply %s: %v", p.body, err)
		}
		list = append(list, r)
	}
	return list
}

// order sends a command and lets fake time pass until everything is at rest.
func order(r *rig, b *fakeBroker, id, kind string, data any) []byte {
	token := r.sign(cloud.Message{ID: id, Type: kind, Data: data})
	b.last().send("command", token)
	pass(time.Second)
	return token
}

func TestCommandOutcomes(t *testing.T) {
	type body struct {
		Name string `json:"name"`
	}
	for name, c := range map[string]struct {
		handle func(ctx context.Context, c Command) (any, error)
		data   any
		state  State
		code   string
		reply  string
	}{
		"done":       {handle: func(context.Context, Command) (any, error) { return map[string]int{"n": 1}, nil }, state: Done, reply: `{"n":1}`},
		"done empty": {handle: func(context.Context, Command) (any, error) { return nil, nil }, state: Done},
		"done list":  {handle: func(context.Context, Command) (any, error) { return []int{1}, nil }, state: Done, reply: `{"value":[1]}`},
		"problem": {handle: func(context.Context, Command) (any, error) {
			return nil, fmt.Errorf("x: %w", &sale.Problem{Code: sale.CodeRateLimited, Detail: lang.Text{EN: "slow down"}})
		}, state: Refused, code: "rate_limited"},
		"device": {handle: func(context.Context, Command) (any, error) {
			return nil, fault.New(fault.Absent, "printer-1", "open", nil)
		}, state: Failed, code: "absent"},
		"refused": {handle: func(context.Context, Command) (any, error) {
			return nil, fault.New(fault.Refused, "guard", "stage", nil)
		}, state: Refused, code: "refused"},
		"other": {handle: func(context.Context, Command) (any, error) { return nil, errors.New("boom") }, state: Failed, code: "unknown"},
		"panic": {handle: func(context.Context, Command) (any, error) { panic("boom") }, state: Failed, code: CodePanic},
		"slow":  {handle: func(ctx context.Context, _ Command) (any, error) { <-ctx.Done(); return nil, ctx.Err() }, state: Failed, code: CodeTimeout},
		"stuck": {handle: func(context.Context, Command) (any, error) { time.Sleep(time.Hour); return nil, nil }, state: Unknown, code: CodeTimeout},
		"huge result": {handle: func(context.Context, Command) (any, error) {
			return map[string]string{"x": strings.Repeat("x", maxReply)}, nil
		}, state: Done, code: CodeInvalid},
		"unknown data": {data: map[string]any{"name": "a", "x": 1}, handle: func(_ context.Context, c Command) (any, error) { var b body; return nil, StrictDecode(c.Data, &b) }, state: Refused, code: CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
				r.routes = []Route{{Type: "device.test", Timeout: 5 * time.Second, Handle: c.handle}}
				r.start()
				pass(time.Second)
				if c.data == nil {
					c.data = map[string]any{}
				}
				token := order(r, b, "j1", "device.test", c.data)
				pass(12 * time.Second)
				got := replies(t, b)
				if len(got) != 1 || got[0].ID != "j1" || got[0].State != c.state || string(got[0].Data) != c.reply {
					t.Fatalf("replies %+v, want one %s %s", got, c.state, c.reply)
				}
				if (got[0].Error == nil) != (c.code == "") || got[0].Error != nil && got[0].Error.Code != c.code {
					t.Errorf("error %+v, want code %q", got[0].Error, c.code)
				}
				// A repeat gets the same stored reply, byte by byte.
				b.last().send("command", token)
				pass(time.Second)
				p := b.published("reply")
				if len(p) != 2 || string(p[0].body) != string(p[1].body) {
					t.Errorf("repeat: %d replies", len(p))
				}
				pass(2 * time.Hour) // lets "stuck" end
			})
		})
	}
}

// A command runs once, also when it comes again after a restart of the agent.
func TestCommandOnceAcrossRestarts(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		ran := 0
		r.routes = []Route{{Type: "drawer.open", Handle: func(context.Context, Command) (any, error) { ran++; return nil, nil }}}
		r.start()
		pass(time.Second)
		token := order(r, b, "j1", "drawer.open", map[string]any{"reason": "x"})
		for range 3 {
			b.last().send("command", token)
			pass(time.Second)
		}
		r.restart()
		pass(time.Second)
		b.last().send("command", token)
		pass(time.Second)
		if ran != 1 {
			t.Errorf("ran %d times", ran)
		}
		got := b.published("reply")
		if len(got) != 5 {
			t.Errorf("%d replies, want 5", len(got))
		}
		for _, p := range got {
			if string(p.body) != `{"id":"j1","state":"done"}` {
				t.Errorf("reply %s", p.body)
			}
		}
		if n := r.link.Counters().Refused["repeated"]; n != 1 {
			t.Errorf("repeated %d times since the restart, want 1", n)
		}
	})
}

// The agent dies while commands run: what must not run again is answered
// unknown, what may is run again, and a command that crashes the agent each
// time is given up.
func TestCommandDiedInBetween(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var mu sync.Mutex
		ran := map[string]int{}
		block := true
		handle := func(ctx context.Context, c Command) (any, error) {
			mu.Lock()
			ran[c.Type]++
			stop := block
			mu.Unlock()
			if stop {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, nil
		}
		r.routes = []Route{{Type: "drawer.open", Handle: handle}, {Type: "log.level", Repeatable: true, Handle: handle}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "drawer.open", map[string]any{"reason": "x"})
		order(r, b, "j2", "log.level", map[string]any{"level": "info"})
		order(r, b, "j3", "drawer.open", map[string]any{"reason": "waits behind j1"})
		if n := len(b.published("reply")); n != 0 {
			t.Fatalf("%d replies while running", n)
		}
		r.halt() // as a crash would: nothing is finished
		mu.Lock()
		block = false
		mu.Unlock()
		r.restart()
		pass(2 * time.Second)
		states := map[string]State{}
		for _, p := range replies(t, b) {
			states[p.ID] = p.State
		}
		if states["j1"] != Unknown || states["j2"] != Done || states["j3"] != Done {
			t.Errorf("after the restart: %v, want j1 unknown, j2 and j3 done", states)
		}
		mu.Lock()
		if ran["drawer.open"] != 2 || ran["log.level"] != 2 {
			t.Errorf("ran %v, want drawer.open twice (j1, j3), log.level twice (j2)", ran)
		}
		block = true
		mu.Unlock()
		order(r, b, "j4", "log.level", map[string]any{"level": "info"})
		for range 2 {
			r.restart()
			pass(time.Second)
		}
		mu.Lock()
		n := ran["log.level"]
		mu.Unlock()
		r.restart()
		pass(time.Second)
		if ran["log.level"] != n {
			t.Error("a command that was begun twice was begun again")
		}
		last := replies(t, b)
		if got := last[len(last)-1]; got.ID != "j4" || got.State != Unknown {
			t.Errorf("last reply %+v, want j4 unknown", got)
		}
	})
}

func TestCommandIdle(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var open atomic.Bool
		open.Store(true)
		r.opts.Idle = func() bool { return !open.Load() }
		r.routes = []Route{{Type: "till.restart", Idle: true, Handle: func(context.Context, Command) (any, error) { return nil, nil }}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "till.restart", nil)
		open.Store(false)
		order(r, b, "j2", "till.restart", nil)
		got := replies(t, b)
		if len(got) != 2 || got[0].State != Refused || got[0].Error.Code != CodeSelling || got[1].State != Done {
			t.Errorf("replies %+v", got)
		}
	})
}

// A command that waited for others until it was over is not run: whoever sent it
// has stopped counting on it.
func TestCommandExpiresWhileItWaits(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var ran atomic.Int32
		r.routes = []Route{{Type: "drawer.open", Handle: func(context.Context, Command) (any, error) {
			ran.Add(1)
			time.Sleep(20 * time.Second)
			return nil, nil
		}}}
		r.start()
		pass(time.Second)
		order(r, b, "first", "drawer.open", nil)
		b.last().send("command", r.sign(cloud.Message{ID: "late", Type: "drawer.open", Life: 10 * time.Second}))
		b.last().send("command", r.sign(cloud.Message{ID: "third", Type: "drawer.open", Life: time.Minute}))
		pass(time.Minute)
		states := map[string]State{}
		for _, reply := range replies(t, b) {
			states[reply.ID] = reply.State
		}
		if len(states) != 3 || states["first"] != Done || states["late"] != Expired || states["third"] != Done || ran.Load() != 2 {
			t.Errorf("replies %v, run %d times", states, ran.Load())
		}
	})
}

// Commands of one type run in order; another type does not wait for them.
func TestCommandLanes(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var mu sync.Mutex
		var seen []string
		note := func(s string) { mu.Lock(); seen = append(seen, s); mu.Unlock() }
		r.routes = []Route{
			{Type: "printer.print", Handle: func(_ context.Context, c Command) (any, error) {
				time.Sleep(10 * time.Second)
				note(c.ID)
				return nil, nil
			}},
			{Type: "payment.result", Handle: func(_ context.Context, c Command) (any, error) { note(c.ID); return nil, nil }},
		}
		r.start()
		pass(time.Second)
		for _, id := range []string{"p1", "p2", "p3"} {
			order(r, b, id, "printer.print", map[string]any{})
		}
		order(r, b, "pay", "payment.result", map[string]any{})
		pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"pay", "p1", "p2", "p3"}; !slices.Equal(seen, want) {
			t.Errorf("order %v, want %v", seen, want)
		}
	})
}

// A command that is expired by the measured time is answered so, whatever the
// till's own clock reads; one that came with a future time is refused.
func TestCommandAge(t *testing.T) {
	for name, off := range map[string]time.Duration{"right clock": 0, "slow": -time.Hour, "fast": time.Hour} {
		t.Run(name, func(t *testing.T) {
			trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
				pass(100 * time.Hour)
				ran := 0
				r.routes = []Route{{Type: "screen.clear", Handle: func(context.Context, Command) (any, error) { ran++; return nil, nil }}}
				r.clock.wall = func() time.Time { return time.Now().Add(off) }
				r.start()
				for i := range 4 { // acks teach the clock
					r.append(i, 1, 10)
					pass(time.Second)
				}
				send := func(id string, issued, life time.Duration) {
					s, err := r.key.Sign(cloud.Message{ID: id, Audience: tillPath, Type: "screen.clear", Life: life, Data: map[string]any{}}, time.Now().Add(issued))
					if err != nil {
						t.Fatal(err)
					}
					b.last().send("command", []byte(s))
					time.Sleep(time.Second)
				}
				send("good", 0, time.Minute)
				send("late", -2*time.Minute, time.Minute)
				send("later", -8*24*time.Hour, time.Minute) // its reply would be forgotten: no answer at all
				send("future", time.Hour, time.Minute)
				var got []string
				for _, p := range replies(t, b) {
					got = append(got, p.ID+" "+string(p.State))
				}
				if want := []string{"good done", "late expired"}; !slices.Equal(got, want) || ran != 1 {
					t.Errorf("replies %v, want %v; ran %d", got, want, ran)
				}
				if c := r.link.Counters().Refused; c["future"] != 1 || c["expired"] < 2 {
					t.Errorf("refused %v", c)
				}
			})
		})
	}
}

// A command that was run is answered from the store even when the repetition
// comes after its expiry.
func TestCommandRepeatedLate(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.routes = []Route{{Type: "screen.clear", Handle: func(context.Context, Command) (any, error) { return nil, nil }}}
		r.start()
		pass(time.Second)
		token := order(r, b, "j1", "screen.clear", map[string]any{})
		pass(time.Hour)
		b.last().send("command", token)
		pass(time.Second)
		if got := replies(t, b); len(got) != 2 || got[1].State != Done {
			t.Errorf("replies %+v, want done twice", got)
		}
	})
}

// The first message to a till whose clock is hours fast: it looks expired, waits
// until the till has asked for the time, and is run.
func TestDoubtfulCommand(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.clock.wall = func() time.Time { return time.Now().Add(8 * time.Hour) }
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			c.send("response", r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"error": map[string]string{"code": "not_found", "message": "?"}}}))
		})
		ran := 0
		r.routes = []Route{{Type: "screen.clear", Handle: func(context.Context, Command) (any, error) { ran++; return nil, nil }}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "screen.clear", map[string]any{})
		if got := replies(t, b); ran != 1 || len(got) != 1 || got[0].State != Done {
			t.Errorf("ran %d, replies %+v", ran, got)
		}
	})
}

// Commands issued before a copy was restored may have been run by the original.
func TestCommandBeforeRestore(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		ran := 0
		r.routes = []Route{{Type: "drawer.open", Handle: func(context.Context, Command) (any, error) { ran++; return nil, nil }}}
		r.append(0, 1, 10)
		r.start()
		pass(time.Second)
		old := r.sign(cloud.Message{ID: "j1", Type: "drawer.open", Data: map[string]any{}})
		pass(time.Second)
		epoch := r.store.Epoch()
		for range claims {
			b.last().send("ack", r.ackToken(epoch, 99, strings.Repeat("ab", 32)))
			pass(claimGap + time.Second)
		}
		b.last().send("command", old)
		pass(time.Second)
		if got := replies(t, b); ran != 0 || len(got) != 1 || got[0].State != Unknown {
			t.Errorf("ran %d, replies %+v", ran, got)
		}
		order(r, b, "j2", "drawer.open", map[string]any{})
		if ran != 1 {
			t.Errorf("a new command after it: ran %d", ran)
		}
	})
}

// noEpoch dies before it begins a new epoch.
type noEpoch struct{ Outbox }

func (noEpoch) NewEpoch(context.Context, string) error { return errors.New("the power fails") }

// Whatever happens while a new epoch is begun, there is none in which commands
// of the old one are run: that they may have been is on disk before.
func TestCommandsBarredBeforeTheNewEpoch(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		r.link.q = noEpoch{r.link.q}
		if err := r.link.restored(7, 0); err == nil {
			t.Fatal("a new epoch after all")
		}
		at, err := getTime(r.store, keyNotBefore)
		if err != nil || at.IsZero() {
			t.Errorf("commands not before %v, %v", at, err)
		}
	})
}

// More commands than a till can take are dropped, not stored.
func TestCommandFlood(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		ran := 0
		r.routes = []Route{{Type: "log.level", Handle: func(context.Context, Command) (any, error) { ran++; return nil, nil }}}
		r.start()
		pass(time.Second)
		for i := range 600 {
			b.last().send("command", r.sign(cloud.Message{ID: fmt.Sprint("j", i), Type: "log.level", Data: map[string]any{}}))
			synctest.Wait()
		}
		pass(10 * time.Second)
		c := r.link.Counters()
		if ran > floodBurst+floodRate || ran < floodBurst || c.Refused["flood"]+uint64(ran)+c.Dropped != 600 {
			t.Errorf("ran %d, refused %v, dropped %d", ran, c.Refused, c.Dropped)
		}
	})
}

// What may come at once is all run and answered, also when the till is slow with
// each; nothing of it has to be sent again.
func TestCommandBurst(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		ran := 0
		r.routes = []Route{{Type: "printer.print", Handle: func(context.Context, Command) (any, error) {
			ran++
			time.Sleep(100 * time.Millisecond)
			return nil, nil
		}}}
		r.start()
		pass(time.Second)
		for i := range floodBurst {
			b.last().send("command", r.sign(cloud.Message{ID: fmt.Sprint("j", i), Type: "printer.print", Data: map[string]any{}}))
		}
		pass(time.Minute)
		if n := len(replies(t, b)); ran != floodBurst || n != floodBurst {
			t.Errorf("ran %d, %d replies, refused %v, dropped %d", ran, n, r.link.Counters().Refused, r.link.Counters().Dropped)
		}
	})
}

// large is a message as the library hands it over.
type large struct {
	mqtt.Message
	body []byte
}

func (m large) Topic() string   { return "t/command" }
func (m large) Payload() []byte { return m.body }
func (m large) Retained() bool  { return false }

// Messages that wait are bounded in bytes as well.
func TestInboundBytes(t *testing.T) {
	l := &Link{clock: NewClock(time.Time{})}
	s := &session{l: l, base: "t/", msgs: make(chan inbound, inboundMsgs)}
	m := large{body: make([]byte, maxMessage)}
	for range 100 {
		s.incoming(nil, m)
	}
	if n := len(s.msgs); n != inboundSize/maxMessage || l.dropped.Load() != uint64(100-n) || s.held.Load() != inboundSize {
		t.Errorf("%d wait, %d dropped, %d bytes", n, l.dropped.Load(), s.held.Load())
	}
}

// Replies are kept for a week after the command's expiry, then forgotten.
func TestInboxSweep(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.routes = []Route{{Type: "log.level", Handle: func(context.Context, Command) (any, error) { return nil, nil }}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "log.level", map[string]any{})
		find := func() *entry {
			e, err := r.link.dispatch.inbox.find("j1")
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		sweep := func(age time.Duration) {
			if err := r.link.dispatch.inbox.sweep(t.Context(), time.Now().Add(age)); err != nil {
				t.Fatal(err)
			}
		}
		if sweep(7 * 24 * time.Hour); find() == nil {
			t.Error("forgotten within a week")
		}
		if sweep(7*24*time.Hour + time.Hour); find() != nil {
			t.Error("still there after a week and an hour")
		}
	})
}

// A reply that the broker did not take goes out with the next session.
func TestReplyAfterLoss(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		lose := true
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/reply") && lose {
				lose = false
				c.c.Close()
				return false
			}
			return a.take(c, p)
		}
		r.routes = []Route{{Type: "log.level", Handle: func(context.Context, Command) (any, error) { return nil, nil }}}
		r.start()
		pass(time.Second)
		order(r, b, "j1", "log.level", map[string]any{})
		pass(time.Second)
		if n := len(b.published("reply")); n != 2 || b.connects() != 2 {
			t.Errorf("%d replies over %d connections, want 2 over 2", n, b.connects())
		}
	})
}

func TestRoutesChecked(t *testing.T) {
	r := newRig(t)
	h := func(context.Context, Command) (any, error) { return nil, nil }
	for name, routes := range map[string][]Route{"twice": {{Type: "a", Handle: h}, {Type: "a", Handle: h}}, "no handler": {{Type: "a"}}, "no type": {{Handle: h}}} {
		if _, err := New(r.opts, r.store, routes); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
