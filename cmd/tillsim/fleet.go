package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/link"
	"tilld/queue"
)

// fleetCmd is `tillsim fleet`.
type fleetCmd struct {
	N      int    `help:"How many tills." short:"n" default:"100"`
	Events int    `help:"Events of each till." default:"20"`
	Broker string `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"mosquitto"`
	Dir    string `help:"Where the tills' data is; else a temporary directory." type:"path"`
}

// Run is the command.
func (c *fleetCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *fleetCmd) run(ctx context.Context, out io.Writer) (err error) {
	if c.N < 1 || c.N > 100_000 || c.Events < 1 {
		return errors.New("-n and --events have to be at least 1")
	}
	limit := 2*time.Minute + time.Duration(c.N)*100*time.Millisecond
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %v", limit))
	defer cancel()
	f := &fleet{dir: c.Dir, out: out}
	if c.Dir == "" {
		if f.dir, err = os.MkdirTemp("", "tillsim-fleet-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(f.dir)) }()
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.open(ctx, c.Broker); err != nil {
		return err
	}
	before := memory()
	if err := f.connect(ctx, c.N); err != nil {
		return err
	}
	after := memory()
	fmt.Fprintf(out, "memory: %d KiB of heap and stacks a till, %d goroutines a till, %d MiB resident in all\n",
		(after.inUse-before.inUse)/int64(c.N)>>10, (after.goroutines-before.goroutines)/c.N, after.resident>>20)
	if err := f.load(ctx, c.Events); err != nil {
		return err
	}
	if err := f.storm(ctx, c.Events); err != nil {
		return err
	}
	return f.verify(2 * c.Events)
}

// fleet is many tills' storage and links in one process, one broker, one cloud.
type fleet struct {
	dir    string
	out    io.Writer
	broker broker
	cloud  *cloud.Cloud
	trust  string
	tills  []*fleetTill
	cancel context.CancelFunc
	parts  sync.WaitGroup

	mu  sync.Mutex
	ups []time.Time // when links came up, since the last look
	err error
}

type fleetTill struct {
	path  string // acme/s-001/t-0001
	store *queue.Store
}

func (f *fleet) open(ctx context.Context, kind string) (err error) {
	run, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	key, err := cloud.NewKey("fleet-1")
	if err != nil {
		return err
	}
	trust, err := cloud.TrustFile(key)
	if err != nil {
		return err
	}
	f.trust = filepath.Join(f.dir, "cloud-keys.json")
	if err := os.WriteFile(f.trust, trust, 0o600); err != nil {
		return err
	}
	if f.broker, err = newBroker(kind, f.dir); err != nil {
		return err
	}
	if err := f.broker.Start(ctx); err != nil {
		return err
	}
	f.cloud = cloud.New(cloud.Options{Broker: fmt.Sprintf("tcp://127.0.0.1:%d", f.broker.Port()), Key: key})
	f.parts.Go(func() { f.fail(f.cloud.Run(run)) })
	return f.cloud.Await(ctx, func() bool { return f.cloud.Counts().Connects > 0 })
}

func (f *fleet) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = errors.Join(f.err, err)
}

// connect starts n tills at once and waits until the cloud knows all of them.
func (f *fleet) connect(ctx context.Context, n int) error {
	run, cancel := context.WithCancel(ctx)
	stop := f.cancel
	f.cancel = func() { cancel(); stop() }
	began := time.Now()
	for i := range n {
		if err := f.add(run, i); err != nil {
			return fmt.Errorf("till %d: %w", i, err)
		}
	}
	opened := time.Since(began)
	if err := f.cloud.Await(ctx, func() bool { return len(f.cloud.Tills()) == n }); err != nil {
		return fmt.Errorf("%d of %d tills were born: %w", len(f.cloud.Tills()), n, err)
	}
	fmt.Fprintf(f.out, "%d tills: files opened in %.1f s, all links up after %.1f s\n", n, opened.Seconds(), time.Since(began).Seconds())
	f.spread()
	return nil
}

// add opens one till's real queue and runs its real link.
func (f *fleet) add(ctx context.Context, i int) error {
	store, till := fmt.Sprintf("s-%03d", i/20), fmt.Sprintf("t-%04d", i)
	t := &fleetTill{path: "acme/" + store + "/" + till}
	clock := link.NewClock(time.Time{})
	boot := fmt.Sprintf("%032x", i+1)
	var err error
	t.store, err = queue.Open(ctx, queue.Options{
		Dir: filepath.Join(f.dir, till), Seal: link.Sealer("tilld/v1/"+t.path, boot, clock),
		MaxBytes: 64 << 20, ReserveBytes: 64 << 10,
	})
	if err != nil {
		return err
	}
	f.tills = append(f.tills, t)
	var last string
	l, err := link.New(link.Options{
		URL: fmt.Sprintf("mqtt://127.0.0.1:%d", f.broker.Port()), TrustFile: f.trust,
		Merchant: "acme", Store: store, Till: till, Version: "fleet", BootID: boot, Clock: clock,
		Changed: func(s link.Status) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if s.State == "up" && last != "up" {
				f.ups = append(f.ups, time.Now())
			}
			last = s.State
		},
	}, t.store, nil)
	if err != nil {
		return err
	}
	f.parts.Go(func() { f.fail(t.store.Run(ctx)) })
	f.parts.Go(func() { f.fail(l.Run(ctx)) })
	return nil
}

// spread prints how links came up over time, in tenths of the whole.
func (f *fleet) spread() {
	f.mu.Lock()
	ups := f.ups
	f.ups = nil
	f.mu.Unlock()
	if len(ups) < 2 {
		return
	}
	first, last := ups[0], ups[0]
	for _, t := range ups {
		if t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
	}
	whole := last.Sub(first)
	var tenths [10]int
	for _, t := range ups {
		tenths[min(int(10*t.Sub(first)/max(whole, 1)), 9)]++
	}
	fmt.Fprintf(f.out, "links came up over %.1f s, in tenths of that: %v\n", whole.Seconds(), tenths)
}

// load has every till commit its events, one commit each, as fast as it can,
// and waits until the cloud has acked all.
func (f *fleet) load(ctx context.Context, events int) error {
	began := time.Now()
	if err := f.append(ctx, events); err != nil {
		return err
	}
	stored := time.Since(began)
	if err := f.drained(ctx); err != nil {
		return err
	}
	all := len(f.tills) * events
	took := time.Since(began)
	fmt.Fprintf(f.out, "%d events: on disk after %.1f s, acked by the cloud after %.1f s, %.0f/s end to end\n", all, stored.Seconds(), took.Seconds(), float64(all)/took.Seconds())
	return nil
}

// append commits events on each till; eight at a time, as the disk is one.
func (f *fleet) append(ctx context.Context, events int) error {
	work := make(chan *fleetTill)
	var errs []error
	var mu sync.Mutex
	var workers sync.WaitGroup
	data := []byte(`{"reason":"` + strings.Repeat("load ", 100) + `"}`)
	for range 8 {
		workers.Go(func() {
			for t := range work {
				for range events {
					err := t.store.Update(ctx, func(tx *queue.Tx) error {
						_, err := tx.Append(queue.Message{Type: "tilld.drawer.opened.v1", Data: data})
						return err
					})
					if err != nil {
						mu.Lock()
						errs = append(errs, fmt.Errorf("%s: %w", t.path, err))
						mu.Unlock()
						break
					}
				}
			}
		})
	}
	for _, t := range f.tills {
		work <- t
	}
	close(work)
	workers.Wait()
	return errors.Join(errs...)
}

// drained waits until no till has an event that is not acked.
func (f *fleet) drained(ctx context.Context) error {
	for {
		depth, behind := 0, ""
		for _, t := range f.tills {
			if n := t.store.Stats().Depth; n > 0 {
				depth += n
				behind = t.path
			}
		}
		if depth == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d events wait, some at %s: %w", depth, behind, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// storm fails the broker, lets the tills go on, and measures how they come back.
func (f *fleet) storm(ctx context.Context, events int) error {
	if err := f.broker.Stop(); err != nil {
		return err
	}
	if err := f.append(ctx, events); err != nil {
		return err
	}
	f.mu.Lock()
	f.ups = nil
	f.mu.Unlock()
	began := time.Now()
	if err := f.broker.Start(ctx); err != nil {
		return err
	}
	if err := f.drained(ctx); err != nil {
		return fmt.Errorf("after the broker's restart: %w", err)
	}
	fmt.Fprintf(f.out, "broker restarted: %d events of the outage acked after %.1f s\n", len(f.tills)*events, time.Since(began).Seconds())
	f.spread()
	return nil
}

// verify follows every chain at the cloud and counts.
func (f *fleet) verify(events int) error {
	ledger := f.cloud.Ledger()
	if err := ledger.Verify(); err != nil {
		return err
	}
	if a := ledger.Alarms(); len(a) > 0 {
		return fmt.Errorf("%d alarms, the first: %+v", len(a), a[0])
	}
	all := 0
	for _, t := range f.tills {
		n := len(ledger.Events("tilld/v1/"+t.path, 0))
		if n != events {
			return fmt.Errorf("%s: the cloud has %d events, want %d", t.path, n, events)
		}
		all += n
	}
	c := f.cloud.Counts()
	fmt.Fprintf(f.out, "cloud: %d chains whole, %d events once each, in %d batches (%d repeated, %d after a gap), %d acks\n",
		len(f.tills), all, c.Batches, c.Repeats, c.Gaps, c.Acks)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fleet) close() error {
	if f.cancel != nil {
		f.cancel()
	}
	f.parts.Wait()
	var errs []error
	for _, t := range f.tills {
		errs = append(errs, t.store.Close())
	}
	if f.broker != nil {
		errs = append(errs, f.broker.Stop())
	}
	return errors.Join(errs...)
}

// usage is what this process holds.
type usage struct {
	inUse, resident int64
	goroutines      int
}

func memory() usage {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{inUse: int64(m.HeapInuse + m.StackInuse), goroutines: runtime.NumGoroutine()}
	var pages int64
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Sscan(string(b), new(int64), &pages); err == nil {
			u.resident = pages * int64(os.Getpagesize())
		}
	}
	return u
}
