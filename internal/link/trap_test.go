package link

import (
	"context"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/cloud"
	"tilld/queue"
)

// trap runs a test in fake time with a till, a fake broker and a cloud behind it.
func trap(t *testing.T, f func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		b := &fakeBroker{t: t}
		a := &ackCloud{r: r}
		b.onPublish = a.take
		r.open = b.open
		r.opts.URL = "mqtt://broker.test"
		f(t, r, b, a)
		r.halt()
		b.closeAll()
		b.wg.Wait()
		pass(writeStall + time.Second) // what was inside the library ends
	})
}

// pass lets fake time pass and waits until all is at rest: only then may a test
// look at what other goroutines have written.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A connection that is lost before the PUBACK says nothing about delivery: the
// events come again, with the same bytes.
func TestLostWithoutPuback(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		cut := 0
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/event") && cut < 3 {
				cut++
				c.c.Close()
				return false
			}
			return a.take(c, p)
		}
		r.append(0, 300, 50)
		r.start()
		pass(5 * time.Second)
		if got := r.store.AckedSeq(); got != 300 {
			t.Errorf("acked %d, want 300", got)
		}
		if through, _, _, broken := a.state(); through != 300 || broken != "" {
			t.Errorf("cloud has %d, %s", through, broken)
		}
		first := b.published("event")[0]
		for _, p := range b.published("event")[1:cut] {
			if string(p.body) != string(first.body) {
				t.Error("an event was sent with other bytes the second time")
			}
		}
	})
}

// A peer that stops reading is noticed by the write that makes no progress, not
// only by a ping that would wait behind it.
func TestStalledPeer(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		stalled := make(chan struct{})
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/status") && b.connects() == 1 {
				c.puback(p)
				<-stalled // reads no more
				return false
			}
			return a.take(c, p)
		}
		r.append(0, 300, 500)
		r.start()
		pass(time.Second)
		if !r.link.Up() {
			t.Fatal("not up")
		}
		pass(11 * time.Second)
		if n := b.connects(); n != 2 {
			t.Errorf("%d connections 12 s after the peer stopped reading, want 2", n)
		}
		close(stalled)
		pass(2 * time.Second)
		if got := r.store.AckedSeq(); got != 300 {
			t.Errorf("acked %d, want 300", got)
		}
	})
}

// The same with nothing to send: the ping itself gets stuck, and with it the
// library's goroutine that would notice a missing answer.
func TestStalledPeerIdle(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		stalled := make(chan struct{})
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/status") && b.connects() == 1 {
				c.puback(p)
				<-stalled // reads no more
			}
			return true
		}
		r.start()
		pass(time.Minute)
		if n := b.connects(); n != 2 {
			t.Errorf("%d connections a minute after the peer stopped reading, want 2", n)
		}
		close(stalled)
	})
}

// The agent has 5 s to stop, and the link 2 s of them, also when the peer takes
// no bytes.
func TestStopWhileStalled(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		stalled := make(chan struct{})
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/status") {
				c.puback(p)
				<-stalled // reads no more
			}
			return true
		}
		r.append(0, 300, 500)
		r.start()
		pass(time.Second)
		began := time.Now()
		r.halt()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}
		close(stalled)
	})
}

// A half-open link answers nothing at all; the keep-alive ends it.
func TestHalfOpen(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		b.onPing = func() bool { return b.connects() > 1 }
		r.start()
		pass(50 * time.Second)
		if n := b.connects(); n != 2 {
			t.Errorf("%d connections after 50 s without an answer to a ping, want 2", n)
		}
	})
}

// A broker that answers pings but takes no PUBLISH is given up as well.
func TestNeverPuback(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/event") && b.connects() == 1 {
				return false
			}
			return a.take(c, p)
		}
		r.append(0, 10, 50)
		r.start()
		pass(maxStuck + 2*time.Second)
		if got := r.store.AckedSeq(); got != 10 || b.connects() != 2 {
			t.Errorf("acked %d over %d connections, want 10 over 2", got, b.connects())
		}
	})
}

// A refused CONNECT is tried again with backoff, never at once as MQTT 3.1, and
// the status page says who has to do what.
func TestRefusedConnect(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		var mu sync.Mutex
		var versions []byte
		b.onConnect = func(p *packet) byte {
			mu.Lock()
			defer mu.Unlock()
			versions = append(versions, p.version)
			return 5
		}
		r.timing = usual
		r.start()
		pass(500 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(versions) < 3 || len(versions) > 60 {
			t.Errorf("%d tries in 500 s", len(versions))
		}
		for _, v := range versions {
			if v != 4 {
				t.Errorf("CONNECT with protocol version %d", v)
			}
		}
		if !r.condition("link_refused") || r.link.Up() || r.link.Status().State == "up" {
			t.Errorf("status %+v, condition %v", r.link.Status(), r.condition("link_refused"))
		}
	})
}

// A few bytes must not make the till allocate 256 MiB.
func TestHugeHeader(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.last().write([]byte{0x40, 0xff, 0xff, 0xff, 0x7f, 0, 1})
		synctest.Wait()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
			t.Errorf("allocated %d bytes", grown)
		}
		if n := r.link.Counters().Refused["oversized"]; n != 1 {
			t.Errorf("counted %d times as refused", n)
		}
		if s := r.link.Status(); s.State == "up" || !r.condition("link_packet_too_large") {
			t.Errorf("status %+v, condition %v", s, r.condition("link_packet_too_large"))
		}
		pass(time.Second)
		if !r.link.Up() || r.condition("link_packet_too_large") {
			t.Error("not up again")
		}
		b.last().write([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x01})
		pass(time.Second)
		if n := b.connects(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	})
}

// A subscription that the broker refuses is not a link.
func TestRefusedSubscription(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		b.onSubscribe = func(topics []string) []byte {
			codes := make([]byte, len(topics))
			for i, topic := range topics {
				codes[i] = 1
				if strings.HasSuffix(topic, "/command") {
					codes[i] = 0x80
				}
			}
			return codes
		}
		r.start()
		pass(time.Second)
		if r.link.Up() || !r.condition("link_subscribe_refused") {
			t.Errorf("status %+v, %q", r.link.Status(), r.conditionText("link_subscribe_refused"))
		}
		if n := len(b.published("status")); n != 0 {
			t.Errorf("%d births without a subscription", n)
		}
	})
}

// Without an ack the pump goes back to the event after the watermark, at first
// after 10 s, then after 20 s, and resumes normally once the cloud is there.
func TestGoBackN(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 20, 50)
		r.start()
		count := func() int { return len(b.published("event")) }
		pass(9 * time.Second)
		n := count()
		pass(2 * time.Second) // 11 s
		if count() <= n {
			t.Error("not sent again after 10 s")
		}
		n = count()
		pass(18 * time.Second) // 29 s
		if count() != n {
			t.Error("sent again before 20 s more")
		}
		pass(2 * time.Second) // 31 s
		if count() <= n {
			t.Error("not sent again after 20 s more")
		}
		a.mu.Lock()
		a.hold = false
		a.mu.Unlock()
		pass(45 * time.Second)
		if got := r.store.AckedSeq(); got != 20 {
			t.Errorf("acked %d, want 20", got)
		}
		if _, _, gaps, broken := a.state(); gaps != 0 || broken != "" {
			t.Errorf("%d gaps, %s", gaps, broken)
		}
	})
}

// The window bounds what is under way, and acks that come late still count.
func TestWindowAndLateAck(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 2000, 50)
		r.start()
		pass(5 * time.Second)
		if through, _, _, _ := a.state(); through != 512 {
			t.Errorf("%d events under way without an ack, want 512", through)
		}
		pass(6 * time.Second) // went back once: the cursor is below what was sent
		if r.link.Counters().Rewinds == 0 {
			t.Fatal("did not go back")
		}
		a.ack(b.last())
		pass(time.Second)
		if got := r.store.AckedSeq(); got != 512 {
			t.Errorf("a late ack moved the watermark to %d, want 512", got)
		}
		a.mu.Lock()
		a.hold = false
		a.mu.Unlock()
		a.ack(b.last())
		pass(30 * time.Second)
		if got := r.store.AckedSeq(); got != 2000 {
			t.Errorf("acked %d, want 2000", got)
		}
	})
}

// Whatever an ack says that cannot be true changes nothing and is shown.
func TestWrongAcks(t *testing.T) {
	zero := strings.Repeat("0", 64)
	hashOf := func(r *rig, seq uint64) string {
		h, err := r.store.Hash(seq)
		if err != nil {
			r.t.Fatal(err)
		}
		return hex.EncodeToString(h[:])
	}
	for name, token := range map[string]func(r *rig) []byte{
		"another epoch":            func(r *rig) []byte { return r.ackToken(strings.Repeat("ab", 16), 1, hashOf(r, 1)) },
		"another epoch, far ahead": func(r *rig) []byte { return r.ackToken(strings.Repeat("ab", 16), 99999, hashOf(r, 1)) },
		"nothing, with a hash":     func(r *rig) []byte { return r.ackToken(r.store.Epoch(), 0, hashOf(r, 1)) },
		"wrong hash":               func(r *rig) []byte { return r.ackToken(r.store.Epoch(), 5, hashOf(r, 4)) },
		"not sent yet":             func(r *rig) []byte { return r.ackToken(r.store.Epoch(), 600, hashOf(r, 600)) },
		"short hash":               func(r *rig) []byte { return r.ackToken(r.store.Epoch(), 5, hashOf(r, 5)[:62]) },
		"unsigned": func(r *rig) []byte {
			return []byte(`{"epoch":"` + r.store.Epoch() + `","through":5,"hash":"` + hashOf(r, 5) + `"}`)
		},
		"other till": func(r *rig) []byte {
			return r.sign(cloud.Message{Audience: "acme/sh-001/04", Type: "ack", Data: map[string]any{"epoch": r.store.Epoch(), "through": 5, "hash": hashOf(r, 5)}})
		},
		"unknown field": func(r *rig) []byte {
			return r.sign(cloud.Message{Type: "ack", Data: map[string]any{"epoch": r.store.Epoch(), "through": 5, "hash": hashOf(r, 5), "x": 1}})
		},
		"another type": func(r *rig) []byte {
			return r.sign(cloud.Message{Type: "nack", Data: map[string]any{"epoch": r.store.Epoch(), "through": 5, "hash": hashOf(r, 5)}})
		},
		"expired": func(r *rig) []byte {
			s, err := r.key.Sign(cloud.Message{Audience: tillPath, Type: "ack", Data: map[string]any{"epoch": r.store.Epoch(), "through": 5, "hash": hashOf(r, 5)}, Life: time.Minute}, time.Now().Add(-2*time.Minute))
			if err != nil {
				r.t.Fatal(err)
			}
			return []byte(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
				a.hold = true
				r.start()
				r.append(0, 1000, 50)
				pass(5 * time.Second)
				epoch := r.store.Epoch()
				b.last().send("ack", token(r))
				pass(time.Second)
				if got := r.store.AckedSeq(); got != 0 || r.store.Epoch() != epoch || b.connects() != 1 {
					t.Errorf("watermark moved to %d, epoch from %s to %s, %d connections", got, epoch, r.store.Epoch(), b.connects())
				}
				if len(r.link.Counters().Refused) == 0 || !r.condition("link_messages_refused") {
					t.Errorf("not counted or not shown: %v", r.link.Counters().Refused)
				}
				b.last().send("ack", r.ackToken(r.store.Epoch(), 5, hashOf(r, 5)))
				pass(time.Second)
				if got := r.store.AckedSeq(); got != 5 {
					t.Errorf("a good ack after it moved the watermark to %d, want 5", got)
				}
				b.last().send("ack", r.ackToken(r.store.Epoch(), 0, zero))
				b.last().send("ack", r.ackToken(r.store.Epoch(), 5, hashOf(r, 5)))
				b.last().send("ack", r.ackToken(r.store.Epoch(), 3, hashOf(r, 3)))
				pass(time.Second)
				if got := r.store.AckedSeq(); got != 5 || r.condition("link_cloud_behind") {
					t.Errorf("repeated and late acks: watermark %d, want 5; cloud_behind %v", got, r.condition("link_cloud_behind"))
				}
			})
		})
	}
}

// What an earlier run of the agent has sent may be acked before this run has
// sent it again: the cloud answers the birth.
func TestAckOfEarlierRun(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 100, 500)
		r.start()
		pass(2 * time.Second)
		if through, _, _, _ := a.state(); through != 100 {
			t.Fatalf("sent %d", through)
		}
		b.onPublish = func(c *fakeConn, p *packet) bool {
			if strings.HasSuffix(p.topic, "/status") {
				a.ack(c)
			}
			return !strings.HasSuffix(p.topic, "/event")
		}
		r.restart()
		pass(2 * time.Second)
		if got := r.store.AckedSeq(); got != 100 {
			t.Errorf("acked %d, want 100; refused %v", got, r.link.Counters().Refused)
		}
	})
}

// More acks at once than there is room for: the newest counts, since none may
// follow it.
func TestNewestAckCounts(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 300, 50)
		r.start()
		pass(2 * time.Second)
		for seq := uint64(1); seq <= 300; seq++ {
			h, err := r.store.Hash(seq)
			if err != nil {
				t.Fatal(err)
			}
			b.last().send("ack", r.ackToken(r.store.Epoch(), seq, hex.EncodeToString(h[:])))
		}
		pass(time.Second)
		if got := r.store.AckedSeq(); got != 300 {
			t.Errorf("acked %d, want 300", got)
		}
	})
}

// A retained message was not sent to this session, perhaps years ago.
func TestRetainedRefused(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 10, 50)
		r.start()
		pass(time.Second)
		h, err := r.store.Hash(10)
		if err != nil {
			t.Fatal(err)
		}
		b.last().sendFlags("ack", r.ackToken(r.store.Epoch(), 10, hex.EncodeToString(h[:])), 0x33)
		pass(time.Second)
		if got := r.store.AckedSeq(); got != 0 || r.link.Counters().Refused["retained"] != 1 {
			t.Errorf("watermark %d, refused %v", got, r.link.Counters().Refused)
		}
	})
}

// The cloud was set back: that is shown, nothing moves back by itself.
func TestCloudBehind(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.append(0, 10, 50)
		r.start()
		pass(10 * time.Second)
		b.last().send("ack", r.ackToken(r.store.Epoch(), 0, strings.Repeat("0", 64)))
		pass(time.Second)
		if got := r.store.AckedSeq(); got != 10 || !r.condition("link_cloud_behind") {
			t.Errorf("watermark %d, condition %q", got, r.conditionText("link_cloud_behind"))
		}
		r.append(10, 1, 50)
		pass(time.Second)
		if r.store.AckedSeq() != 11 || r.condition("link_cloud_behind") {
			t.Error("condition stays after the cloud is back")
		}
	})
}

// An ack beyond our last event: this data directory is an old copy, and its
// next numbers are taken already.
func TestRestoredCopy(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 10, 50)
		r.start()
		pass(time.Second)
		old := r.store.Epoch()
		b.last().send("ack", r.ackToken(old, 99, strings.Repeat("ab", 32)))
		pass(2 * time.Second)
		if r.store.Epoch() == old || !r.condition("link_restored_copy") {
			t.Errorf("epoch %s, condition %q", r.store.Epoch(), r.conditionText("link_restored_copy"))
		}
		if !r.link.Up() || b.connects() != 2 {
			t.Errorf("up %v after %d connections", r.link.Up(), b.connects())
		}
		if birth := string(b.published("status")[len(b.published("status"))-1].body); !strings.Contains(birth, r.store.Epoch()) {
			t.Errorf("birth %s does not name the new epoch", birth)
		}
	})
}

// One ack beyond our last event, in the middle of a session, is a wrong message:
// it is refused and shown, and the backlog keeps its numbers. A cloud that says
// so again each time it is asked is believed.
func TestAckAhead(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.append(0, 10, 50)
		r.start()
		pass(time.Second)
		a.mu.Lock()
		a.hold = true
		a.mu.Unlock()
		r.append(10, 5, 50)
		pass(time.Second)
		epoch, births := r.store.Epoch(), len(b.published("status"))
		claim := func(through uint64) { b.last().send("ack", r.ackToken(epoch, through, strings.Repeat("ab", 32))) }
		for range 5 { // not asked for
			claim(99)
			pass(100 * time.Millisecond)
		}
		if r.store.Epoch() != epoch || r.store.AckedSeq() != 10 || !r.condition("link_ack_refused") || r.link.Counters().Refused["ack"] != 5 {
			t.Errorf("epoch %s, acked %d, %v", r.store.Epoch(), r.store.AckedSeq(), r.link.Counters().Refused)
		}
		pass(3 * time.Second) // asked: the birth again, and what is not acked
		if n := len(b.published("status")); n != births+1 {
			t.Errorf("%d births, %d before", n, births)
		}
		claim(99)
		pass(3 * time.Second)
		h, err := r.store.Hash(15)
		if err != nil {
			t.Fatal(err)
		}
		b.last().send("ack", r.ackToken(epoch, 15, hex.EncodeToString(h[:]))) // it takes that back
		pass(time.Second)
		claim(99)
		pass(3 * time.Second)
		if r.store.Epoch() != epoch || r.store.AckedSeq() != 15 {
			t.Errorf("epoch %s, acked %d", r.store.Epoch(), r.store.AckedSeq())
		}
		claim(100)
		pass(3 * time.Second)
		claim(99) // less than before: begins anew
		pass(3 * time.Second)
		claim(99)
		pass(3 * time.Second)
		if r.store.Epoch() != epoch {
			t.Error("a new epoch after two claims")
		}
		claim(101)
		pass(3 * time.Second)
		if r.store.Epoch() == epoch || !r.condition("link_restored_copy") || !r.link.Up() {
			t.Errorf("the cloud is not believed: %q", r.conditionText("link_restored_copy"))
		}
	})
}

// An old copy that has sold on before it met the cloud: the cloud's hash of an
// event is another one, although it was sent what comes after.
func TestForkedCopy(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		a.hold = true
		r.append(0, 10, 50)
		r.start()
		pass(time.Second)
		epoch := r.store.Epoch()
		claim := func(through uint64) {
			b.last().send("ack", r.ackToken(epoch, through, strings.Repeat("ab", 32)))
			pass(3 * time.Second)
		}
		for range 2 * claims { // a cloud that hashes wrongly goes on to the end, also when asked again
			claim(4)
			claim(10)
		}
		for range 2 * claims {
			claim(10) // nothing comes after it
		}
		if r.store.Epoch() != epoch || !r.condition("link_ack_refused") {
			t.Fatalf("a new epoch because of wrong hashes: %q", r.conditionText("link_forked_copy"))
		}
		r.append(10, 1, 50)
		pass(time.Second)
		for range claims {
			claim(10)
		}
		if r.store.Epoch() == epoch || !r.condition("link_forked_copy") || r.store.AckedSeq() != 0 {
			t.Errorf("acked %d, condition %q", r.store.AckedSeq(), r.conditionText("link_forked_copy"))
		}
	})
}

// A broker without rights for our topics takes everything and delivers nothing,
// without a word.
func TestSilentBroker(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		b.onPublish = nil
		r.append(0, 10, 50)
		r.start()
		pass(4 * time.Minute)
		if r.condition("link_no_ack") {
			t.Error("condition too early")
		}
		pass(2 * time.Minute)
		if !r.condition("link_no_ack") || !r.link.Up() {
			t.Error("no condition after 6 minutes without an ack")
		}
	})
}

// Two tills with one client id throw each other out. Neither may hammer the
// broker, and people have to learn why.
func TestTakeover(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.timing = usual
		var alone atomic.Bool
		b.onPublish = func(c *fakeConn, p *packet) bool {
			c.puback(p)
			if strings.HasSuffix(p.topic, "/status") && !alone.Load() {
				time.AfterFunc(2*time.Second, func() { c.c.Close() })
			}
			return false
		}
		r.start()
		pass(5 * time.Minute)
		if !r.condition("link_takeover") {
			t.Error("no condition")
		}
		n := b.connects()
		pass(10 * time.Minute)
		if more := b.connects() - n; more > 20 {
			t.Errorf("%d connections in 10 minutes", more)
		}
		alone.Store(true)
		pass(30 * time.Minute)
		if r.condition("link_takeover") || !r.link.Up() {
			t.Error("condition stays after the other till is gone")
		}
	})
}

// A flood of messages must not block the library, which would stop reading the
// PUBACKs as well.
func TestInboundFlood(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		for range 2000 {
			b.last().send("command", []byte("x.y.z"))
		}
		r.append(0, 10, 50)
		pass(time.Second)
		if got := r.store.AckedSeq(); got != 10 {
			t.Errorf("acked %d during a flood, want 10", got)
		}
		c := r.link.Counters()
		if n := c.Refused["malformed"] + c.Dropped; n != 2000 {
			t.Errorf("refused %v + dropped %d = %d, want 2000", c.Refused, c.Dropped, n)
		}
	})
}

// gate is a store whose reads wait until it is opened, like a disk that hangs.
type gate struct {
	Records
	hangs *atomic.Bool
	open  chan struct{}
}

func (g gate) View(f func(*queue.Tx) error) error {
	if g.hangs.Load() {
		<-g.open
	}
	return g.Records.View(f)
}

// Even while the one goroutine that handles messages hangs, the library goes on
// reading: PUBACKs and ping answers must not get stuck behind commands.
func TestInboundHangs(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.routes = []Route{{Type: "log.level", Handle: func(context.Context, Command) (any, error) { return nil, nil }}}
		g := gate{r.store, new(atomic.Bool), make(chan struct{})}
		r.prepare = func(l *Link) { l.dispatch.inbox.q = g }
		r.start()
		pass(time.Second)
		g.hangs.Store(true)
		for i := range 2 * inboundMsgs {
			b.last().send("command", r.sign(cloud.Message{ID: fmt.Sprint("j", i), Type: "log.level", Data: map[string]any{}}))
		}
		r.append(0, 10, 50)
		pass(2 * time.Minute)
		if n := b.connects(); n != 1 {
			t.Errorf("%d connections: the link was lost while a message was being handled", n)
		}
		if through, _, _, _ := a.state(); through != 10 {
			t.Errorf("%d events sent, want 10", through)
		}
		close(g.open)
		pass(time.Second)
		if r.store.AckedSeq() != 10 || r.link.Counters().Dropped == 0 {
			t.Errorf("acked %d, dropped %d", r.store.AckedSeq(), r.link.Counters().Dropped)
		}
	})
}

// The session's number rises before each CONNECT, the will and the goodbye
// carry it, and a birth comes only after the subscriptions.
func TestSessionsAndWill(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		b.last().c.Close()
		pass(time.Second)
		r.halt()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.conns) != 2 {
			t.Fatalf("%d connections", len(b.conns))
		}
		for i, c := range b.conns {
			want := `{"online":false,"session":` + string(rune('1'+i)) + `}`
			if string(c.connect.will) != want || c.connect.willTop != tillSource+"/status" || !c.connect.clean || c.connect.flags&0x38 != 0x28 {
				t.Errorf("will %q on %q, flags %#x; want %q, clean, QoS 1, retained", c.connect.will, c.connect.willTop, c.connect.flags, want)
			}
			if c.connect.client != "acme_sh-001_03" {
				t.Errorf("client id %q", c.connect.client)
			}
		}
		last := b.got[len(b.got)-1]
		if string(last.body) != `{"online":false,"session":2}` || !last.retained() {
			t.Errorf("goodbye %s", last.body)
		}
	})
}
