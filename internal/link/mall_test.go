package link

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/queue"
)

// withMall opens the rig's store with copies of sale.closed for a mall.
func (r *rig) withMall() {
	r.t.Helper()
	r.closeStore()
	k, err := Copier(View{Events: []string{"sale.closed"}, Redact: []string{"member"}}, tillSource, "boot-1", r.clock, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	r.store, err = queue.Open(context.Background(), queue.Options{
		Dir: filepath.Join(r.dir, "data"), Seal: SaltedSealer(tillSource, "boot-1", r.clock), Copies: k,
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// startMall runs a link to the mall at url until the test ends.
func (r *rig) startMall(url string) *Link {
	r.t.Helper()
	o := r.opts
	o.URL, o.Clock, o.Changed = url, r.clock, nil
	m, err := NewMall(o, r.store.Copies(), r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	m.timing = r.timing
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("mall: %v", err)
		}
	})
	return m
}

func (r *rig) sell(n int) {
	r.t.Helper()
	err := r.store.Update(context.Background(), func(tx *queue.Tx) error {
		for range n {
			if _, err := tx.Append(queue.Message{Type: "tilld.sale.closed.v1", Data: []byte(`{"total":5,"member":{"id_masked":"**1"}}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// The mall gets its copies over its own broker and acks them; what else it says
// has no effect.
func TestMall(t *testing.T) {
	brand, b := startMosquitto(t, ""), &fakeBroker{t: t}
	r := newRig(t)
	r.withMall()
	r.opts.URL = brand.url()
	c := r.startCloud(brand.url())
	ledger := cloud.NewLedger()
	b.onPublish = func(c *fakeConn, p *packet) bool {
		if !strings.HasSuffix(p.topic, "/event") {
			return true
		}
		v, err := ledger.Ingest(tillSource, p.body)
		if err != nil || v.Fork {
			t.Errorf("batch: %v, %+v", err, v)
		}
		c.puback(p)
		c.send("ack", r.ackToken(v.Epoch, v.Through, hex.EncodeToString(v.Hash[:])))
		return false
	}
	r.start()
	m := r.startMall(b.listen())
	r.append(0, 50, 10)
	r.sell(20)
	r.until("both acked", func() bool {
		return r.store.AckedSeq() == 70 && r.store.Copies().AckedSeq() == 21
	})
	if err := ledger.Verify(); err != nil {
		t.Error(err)
	}
	list := ledger.Events(tillSource, 0)
	if list[0].Type != ViewType || len(list) != 21 || strings.Contains(string(list[5].Body), "member") {
		t.Errorf("%d copies, the first %s", len(list), list[0].Body)
	}
	inOrder(t, numbers(t, c), 50)

	// A mall that poses as the cloud: orders, answers, wrong acks.
	conn := b.last()
	before, offset := r.store.Epoch(), r.clock.floorNow()
	conn.send("command", r.sign(cloud.Message{Type: "drawer.open", Data: map[string]any{"reason": "x"}}))
	conn.send("response", r.sign(cloud.Message{Type: "price.lookup", Ref: "01JZZZZZZZZZZZZZZZZZZZZZZZ", Data: map[string]any{"items": []any{}}}))
	conn.send("ack", r.ackToken(r.store.Epoch(), 70, strings.Repeat("ab", 32)))
	conn.send("ack", r.ackToken(r.store.Copies().Epoch(), 20, strings.Repeat("ab", 32)))
	conn.send("ack", r.ackToken(r.store.Copies().Epoch(), 21, strings.Repeat("ab", 32)))
	r.until("all refused", func() bool {
		n := m.Counters().Refused
		return n[string(refTopic)] == 2 && n[string(refAck)] == 2
	})
	if !r.condition("mall_ack_refused") || r.condition("link_ack_refused") {
		t.Errorf("conditions %+v", r.health.List(lang.EN))
	}
	if r.store.Epoch() != before || !r.clock.floorNow().Equal(offset) && r.clock.floorNow().Before(offset) {
		t.Error("the mall moved the till's epoch or clock")
	}
	err := r.store.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Inbox, nil, nil, func(k, _ []byte) (bool, error) { t.Errorf("in the inbox: %s", k); return true, nil })
	})
	if err != nil {
		t.Error(err)
	}
}

// The mall's set-back database, and a till restored from an old copy: only the
// copies begin a new epoch.
func TestMallRestoredCopy(t *testing.T) {
	r := newRig(t)
	r.withMall()
	b := &fakeBroker{t: t}
	r.sell(3)
	epoch, old := r.store.Epoch(), r.store.Copies().Epoch()
	r.startMall(b.listen())
	r.until("connected", func() bool { return b.last() != nil && len(b.published("event")) > 0 })
	b.last().send("ack", r.ackToken(old, 99, strings.Repeat("ab", 32)))
	r.until("a new epoch of copies", func() bool { return r.store.Copies().Epoch() != old })
	if r.store.Epoch() != epoch {
		t.Error("the till's own epoch changed")
	}
	r.until("it is said", func() bool { return r.condition("mall_restored_copy") })
}

// Whatever the mall does wrong, and for however long: the cloud gets everything
// meanwhile, and a question is answered as fast as ever.
func TestMallAwayTouchesNothing(t *testing.T) {
	for name, mall := range map[string]func(t *testing.T) string{
		"refuses": func(t *testing.T) string { // nobody listens
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			return "mqtt://" + l.Addr().String()
		},
		"hangs": func(t *testing.T) string { // takes connections and never says a word
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { c.Close() })
					go io.Copy(io.Discard, c)
				}
			}()
			return "mqtt://" + l.Addr().String()
		},
		"acks nothing": func(t *testing.T) string {
			b := &fakeBroker{t: t}
			return b.listen()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brand := startMosquitto(t, "")
			r := newRig(t)
			r.withMall()
			r.opts.URL = brand.url()
			c := r.startCloud(brand.url())
			r.startMall(mall(t))
			r.start()
			for i := range 10 {
				r.append(i*100, 100, 300)
				r.sell(20)
				r.until("the cloud has all", func() bool { return r.store.AckedSeq() == uint64(120*(i+1)) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, err := r.link.Ask(ctx, Question{Type: "price.lookup", Data: map[string]any{"code": "0"}})
				cancel()
				if !isRemote(err) {
					t.Fatalf("price.lookup: %v", err)
				}
			}
			inOrder(t, numbers(t, c), 1000)
			if st := r.store.Copies().Stats(); st.AckedSeq != 0 || st.LastSeq != 201 || st.Depth != 201 {
				t.Errorf("copies %+v", st)
			}
			if name != "acks nothing" {
				r.until("it is said", func() bool { return r.condition("mall_down") })
			}
			if r.condition("link_down") {
				t.Error("the cloud's link is said to be down")
			}
		})
	}
}

// The mall's conditions never speak of the cloud, in either language.
func TestMallWords(t *testing.T) {
	l := &Link{o: Options{mall: true}}
	leftover := regexp.MustCompile(`(?i)cloud|云端|link_`)
	kinds := append([]health.Kind{}, downKinds...)
	for _, k := range append(kinds, condTakeover, condNoAck, condAckRefused, condBehind, condNewEpoch, condForked, condWeaker, condTrust, condMessages) {
		m := l.kind(k)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("mall.ack to cloud", "", "mall.ack 设为 cloud", "").Replace(string(text)) // a value, not a place
		if leftover.MatchString(plain) || !strings.HasPrefix(m.Code, "mall_") || m.Remedy.ZH == "" || m.Remedy.EN == "" {
			t.Errorf("%s", text)
		}
	}
	if got := l.words(`cloud.ca_file: no such file`); got != "mall.ca_file: no such file" {
		t.Error(got)
	}
}

// BenchmarkBesideAMall is a burst of 100 events to the cloud's ack and then a
// question, alone and beside a mall that hangs.
func BenchmarkBesideAMall(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "mall hangs"}[with], func(b *testing.B) {
			brand := startMosquitto(b, "")
			r := newRig(b)
			r.withMall()
			r.opts.URL = brand.url()
			r.startCloud(brand.url())
			if with {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { l.Close() }) // accepted by the system, answered by nobody
				r.startMall("mqtt://" + l.Addr().String())
			}
			r.start()
			until(b, "up", func() bool { return r.link.Up() })
			var asked time.Duration
			n := 0
			for b.Loop() {
				r.sell(100)
				n += 100
				until(b, "acked", func() bool { return r.store.AckedSeq() == uint64(n) })
				began := time.Now()
				if _, err := r.link.Ask(b.Context(), Question{Type: "price.lookup", Data: map[string]any{"code": "0"}}); !isRemote(err) {
					b.Fatal(err)
				}
				asked += time.Since(began)
			}
			b.ReportMetric(float64(asked.Microseconds())/float64(n/100), "µs/question")
		})
	}
}

// What a rule leaves in of a shopper lies sealed like the event itself, and is
// sent as it is; what it leaves out is in no copy at all.
func TestMallCopiesOfPersonalEvents(t *testing.T) {
	for _, tt := range []struct {
		redact []string
		sealed bool
	}{{[]string{"member"}, true}, {personal, false}} {
		k, err := Copier(View{Events: []string{"sale.closed"}, Redact: tt.redact}, tillSource, "b", NewClock(time.Time{}), 0)
		if err != nil {
			t.Fatal(err)
		}
		if k.Personal != tt.sealed {
			t.Errorf("without %v copies are personal: %v", tt.redact, k.Personal)
		}
		dir := t.TempDir()
		s, err := queue.Open(t.Context(), queue.Options{Dir: dir, Seal: SaltedSealer(tillSource, "b", NewClock(time.Time{})), Copies: k})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(), func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{
				Type: "tilld.sale.closed.v1", Subject: "S", Personal: true,
				Data: []byte(`{"id":"plain-text","member":{"id_masked":"canary-member"},"points":{"earned":"canary-points"}}`),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.Copies().Pending(1, 10, 1<<20)
		if err != nil || len(list) != 1 || strings.Contains(string(list[0].Body), "canary-member") || strings.Contains(string(list[0].Body), "canary-points") != tt.sealed {
			t.Errorf("without %v the mall gets %q, %v", tt.redact, fmt.Sprint(list), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, text := range []string{"canary", "plain-text"} {
				if bytes.Contains(b, []byte(text)) {
					seen[text] = true
				}
			}
			return err
		})
		if err != nil || seen["canary"] || seen["plain-text"] == tt.sealed {
			t.Errorf("without %v the files have in clear %v, %v", tt.redact, seen, err)
		}
	}
}
