package link

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/queue"
)

const (
	tillPath   = "acme/sh-001/03"
	tillSource = "tilld/v1/" + tillPath
)

// fastTiming makes tests short without changing what they prove.
var fastTiming = timing{
	first: 20 * time.Millisecond, most: 100 * time.Millisecond, healthy: time.Minute, takeover: 100 * time.Millisecond,
	progress: 10 * time.Second, telemetry: time.Minute,
}

// rig is a till's queue and link, and the keys of its cloud.
type rig struct {
	t      testing.TB
	dir    string
	key    cloud.Key
	clock  *Clock
	store  *queue.Store
	health *health.Board
	opts   Options
	routes []Route
	timing timing
	open   func(context.Context) (*wire, error)
	// prepare changes a link before it runs; may be nil.
	prepare func(*Link)

	link *Link
	stop func()

	mu     sync.Mutex
	states []Status
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), timing: fastTiming, health: &health.Board{}}
	var err error
	if r.key, err = cloud.NewKey("k1"); err != nil {
		t.Fatal(err)
	}
	trust, err := cloud.TrustFile(r.key)
	if err != nil {
		t.Fatal(err)
	}
	r.opts = Options{
		Merchant: "acme", Store: "sh-001", Till: "03", Version: "1.2.3", BootID: "boot-1",
		TrustFile: filepath.Join(r.dir, "trust.json"), Health: r.health, Changed: r.changed,
	}
	if testing.Verbose() {
		r.opts.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if err := os.WriteFile(r.opts.TrustFile, trust, 0o600); err != nil {
		t.Fatal(err)
	}
	r.openStore()
	t.Cleanup(func() {
		r.halt()
		r.closeStore()
	})
	return r
}

func (r *rig) openStore() {
	r.t.Helper()
	r.clock = NewClock(time.Time{})
	var err error
	r.store, err = queue.Open(context.Background(), queue.Options{Dir: filepath.Join(r.dir, "data"), Seal: Sealer(tillSource, "boot-1", r.clock)})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) closeStore() {
	if r.store != nil {
		if err := r.store.Close(); err != nil {
			r.t.Error(err)
		}
		r.store = nil
	}
}

func (r *rig) changed(s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

// start runs the link.
func (r *rig) start() {
	r.t.Helper()
	r.opts.Clock = r.clock
	var err error
	if r.link, err = New(r.opts, r.store, r.routes); err != nil {
		r.t.Fatal(err)
	}
	r.link.timing = r.timing
	if r.prepare != nil {
		r.prepare(r.link)
	}
	if r.open != nil {
		r.link.open = r.open
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.store.Run(ctx); err != nil && ctx.Err() == nil {
			r.t.Errorf("store: %v", err)
		}
	})
	running.Go(func() {
		if err := r.link.Run(ctx); err != nil {
			r.t.Errorf("link: %v", err)
		}
	})
	r.stop = func() {
		cancel()
		running.Wait()
	}
}

func (r *rig) halt() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// restart stops everything and starts it again on the same data directory.
func (r *rig) restart() {
	r.halt()
	r.closeStore()
	r.openStore()
	r.start()
}

// append stores n numbered events, each with pad bytes of filling.
func (r *rig) append(from, n, pad int) {
	r.t.Helper()
	for n > 0 {
		some := min(n, 500)
		err := r.store.Update(context.Background(), func(tx *queue.Tx) error {
			for i := range some {
				data := fmt.Appendf(nil, `{"n":%d,"pad":"%0*d"}`, from+i, pad, 0)
				if _, err := tx.Append(queue.Message{Type: "tilld.test.v1", Data: data}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
		from, n = from+some, n-some
	}
}

// until waits for ok; what names it in the failure.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	until(r.t, what, ok)
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after a minute: %s", what)
		}
		time.Sleep(2 * time.Millisecond) // polling; the deadline is what counts
	}
}

// condition reports whether a condition is up.
func (r *rig) condition(code string) bool { return r.conditionText(code) != "" }

func (r *rig) conditionText(code string) string {
	for _, c := range r.health.List(lang.EN) {
		if c.Code == code {
			return c.Text
		}
	}
	return ""
}

// sign makes a signed message for the till, issued now.
func (r *rig) sign(m cloud.Message) []byte {
	r.t.Helper()
	if m.Audience == "" {
		m.Audience = tillPath
	}
	s, err := r.key.Sign(m, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return []byte(s)
}

// startCloud runs the cloud's half against a broker.
func (r *rig) startCloud(url string) *cloud.Cloud {
	r.t.Helper()
	c := cloud.New(cloud.Options{Broker: "tcp" + url[len("mqtt"):], Key: r.key, Log: r.opts.Log, AckEvery: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			r.t.Errorf("cloud: %v", err)
		}
	}()
	r.t.Cleanup(func() { cancel(); <-done })
	until(r.t, "cloud connected", func() bool { return c.Counts().Connects > 0 })
	return c
}

// numbers are the n of the test events the cloud holds, in its order.
func numbers(t testing.TB, c *cloud.Cloud) []int {
	t.Helper()
	var list []int
	for _, e := range c.Ledger().Events(tillSource, 0) {
		var d struct{ N int }
		if e.Type != "tilld.test.v1" {
			continue
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		list = append(list, d.N)
	}
	return list
}

// inOrder fails unless list is 0 … n-1.
func inOrder(t testing.TB, list []int, n int) {
	t.Helper()
	if len(list) != n {
		t.Fatalf("the cloud has %d events, want %d", len(list), n)
	}
	for i, got := range list {
		if got != i {
			t.Fatalf("event %d of the cloud is number %d", i, got)
		}
	}
}
