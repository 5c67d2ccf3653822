package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/journal"
)

// mallRoot is the topic root at the mall, mallTill the till's path there.
const (
	mallRoot = "mall/v1"
	mallTill = "tenant-0815/level-2/03"
)

// mallSide is a mall: a broker and a cloud of its own, which keep what a till
// copies for it, and settle it with the brand's books. It is the same cloud as
// the brand's, only that nobody asks it anything.
type mallSide struct {
	dir    string
	broker broker
	cloud  *cloud.Cloud
	trust  string

	cancel   context.CancelFunc
	parts    sync.WaitGroup
	stopFlap func() // nil while the broker is left alone
}

// openMall starts a mall below dir, with a broker of a kind.
func openMall(ctx context.Context, dir, kind string, log *slog.Logger) (*mallSide, error) {
	m := &mallSide{dir: filepath.Join(dir, "mall")}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, err
	}
	key, err := cloud.LoadKey(m.file("key.json"), "mall-1")
	if err != nil {
		return nil, err
	}
	trust, err := cloud.TrustFile(key)
	if err != nil {
		return nil, err
	}
	m.trust = m.file("mall-keys.json")
	if err := os.WriteFile(m.trust, trust, 0o600); err != nil {
		return nil, err
	}
	ledger, err := cloud.OpenLedger(m.file("events"))
	if err != nil {
		return nil, err
	}
	if m.broker, err = newBroker(kind, m.dir); err != nil {
		return nil, err
	}
	if err := m.broker.Start(ctx); err != nil {
		return nil, err
	}
	m.cloud = cloud.New(cloud.Options{Broker: fmt.Sprintf("tcp://127.0.0.1:%d", m.broker.Port()), TopicRoot: mallRoot, Key: key, Ledger: ledger, Log: log})
	run, cancel := context.WithCancel(ctx)
	m.cancel = cancel
	m.parts.Go(func() {
		if err := m.cloud.Run(run); err != nil && run.Err() == nil {
			fmt.Fprintln(os.Stderr, "tillsim: mall:", err)
		}
	})
	return m, nil
}

func (m *mallSide) file(name string) string { return filepath.Join(m.dir, name) }

// config is what tilld's configuration needs: shopOptions.config.
func (m *mallSide) config() string {
	return fmt.Sprintf("mall: {url: \"mqtt://127.0.0.1:%d\", topic_root: %s, trust_file: %q, merchant: tenant-0815, store: level-2}\n", m.broker.Port(), mallRoot, m.trust)
}

// flap fails the mall's broker again and again until the returned function is
// called, which leaves it running.
func (m *mallSide) flap(ctx context.Context, rng *rand.Rand) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	m.stopFlap = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			fmt.Fprintln(os.Stderr, "tillsim: mall:", err)
		}
	})
	pause := func() {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(200+rng.IntN(1500)) * time.Millisecond):
		}
	}
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			pause()
			if err = m.broker.Stop(); err == nil {
				pause()
				err = m.broker.Start(context.WithoutCancel(ctx))
			}
		}
		done <- err
	}()
	return m.stopFlap
}

// settle waits until brand and mall have acknowledged everything and compares
// their books. What is not explained is an error.
func (s *shop) settle(ctx context.Context) (journal.Settlement, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	for {
		status, err := s.api.status(ctx)
		if m := status.Mall; err == nil && m != nil && m.LastSeq > 0 && m.LastSeq == m.AckedSeq && status.Queue.Depth == 0 {
			return s.mall.settle(s.file("cloud"))
		}
		select {
		case <-ctx.Done():
			return journal.Settlement{}, fmt.Errorf("the mall is behind: %+v: %w", status.Mall, errors.Join(err, context.Cause(ctx)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// settleMall is the end of a run with a mall.
func (p *script) settleMall(ctx context.Context) error {
	if p.shop.mall == nil {
		return nil
	}
	if stop := p.shop.mall.stopFlap; stop != nil {
		stop()
	}
	s, err := p.shop.settle(ctx)
	if err != nil {
		return err
	}
	sales, net := 0, int64(0)
	for _, d := range s.Days {
		sales, net = sales+d.Mall.Sales, net+d.Mall.Net
		if fmt.Sprint(d.Brand) != fmt.Sprint(d.Mall) {
			return fmt.Errorf("settlement of %s: brand %+v, mall %+v", d.Day, d.Brand, d.Mall)
		}
	}
	fmt.Fprintf(p.out, "mall:  %d sales, %s net, %d movements the same as the brand's, %d differences, all explained\n", sales, money(net), s.Same, len(s.Differences))
	return nil
}

// settle compares the books of the brand, a directory that [cloud.OpenLedger]
// keeps, with the mall's own. Differences without an explanation are an error.
func (m *mallSide) settle(brand string) (journal.Settlement, error) {
	var books [2]journal.Books
	for i, dir := range []string{brand, m.file("events")} {
		files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if err != nil {
			return journal.Settlement{}, err
		}
		slices.Sort(files)
		for _, file := range files {
			if err := books[i].Read(file, func() (io.ReadCloser, error) { return os.Open(file) }); err != nil {
				return journal.Settlement{}, err
			}
		}
	}
	list := journal.Settle(&books[0], &books[1], "")
	if len(list) != 1 {
		return journal.Settlement{}, fmt.Errorf("%d tills in the books, want one", len(list))
	}
	s := list[0]
	for _, d := range s.Differences {
		if !d.Explained {
			return s, fmt.Errorf("settlement: %d differences are not explained, the first: %s %s: %s", s.Unexplained, d.Kind, d.ID, d.Text)
		}
	}
	return s, nil
}

func (m *mallSide) close() error {
	m.cancel()
	m.parts.Wait()
	return m.broker.Stop()
}
