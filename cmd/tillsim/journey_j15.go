package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tilld/internal/cloud"
)

// peak is what a peak day's run found.
type peak struct {
	calm, rush *rush
	flood      *flood
	took       time.Duration
	resident   int64
	noise      []time.Duration // how late this machine woke us meanwhile
}

// peakDay runs normal traffic for a moment, then times as much together with
// junk requests and slow connections.
func peakDay(ctx context.Context, s *shop, times float64, calm, busy time.Duration, junk int) (*peak, error) {
	token, err := s.api.token()
	if err != nil {
		return nil, err
	}
	demo := cloud.Demo().Articles
	reply, err := s.cloud.Command(ctx, tillPath, "pricebook.apply", map[string]any{"version": "peak", "items": append(demo[:len(demo)-1:len(demo)-1], peakBook()...)})
	if err != nil || reply.State != "done" {
		return nil, fmt.Errorf("price book: %+v: %w", reply, err)
	}
	p := &peak{calm: newRush(s, 4), rush: newRush(s, times), flood: &flood{addr: strings.TrimPrefix(s.api.base, "http://"), token: token}}
	p.rush.first = int(calm.Seconds()*4*normalScans)/len(s.scanners) + 2
	if err := p.calm.run(ctx, calm); err != nil {
		return p, fmt.Errorf("ordinary traffic: %w", err)
	}
	if err := p.calm.payRest(ctx); err != nil {
		return p, err
	}
	began := time.Now()
	var bad sync.WaitGroup
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	bad.Go(func() { p.flood.run(flooding, junk, 8, 40) })
	var deaf error
	bad.Go(func() { p.noise, deaf = listen(flooding, s.dir, busy) })
	err = p.rush.run(ctx, busy)
	bad.Wait() // all of the junk, however long that takes
	p.took = time.Since(began)
	p.resident = s.tilld.Resident()
	return p, errors.Join(err, deaf, p.rush.payRest(ctx))
}

// payRest ends the sale that is still open.
func (r *rush) payRest(ctx context.Context) error { return r.pay(ctx) }

// listen measures for d how late the machine wakes this process, and how long its
// disk takes to keep one line: what else runs there holds the real work up as
// well, whoever is to blame.
func listen(ctx context.Context, dir string, d time.Duration) (late []time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "noise"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const gap = 20 * time.Millisecond
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		began := time.Now()
		time.Sleep(gap)
		if _, err := f.WriteString("one line\n"); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		late = append(late, time.Since(began)-gap)
	}
	return late, nil
}

// limit is what 99 of 100 may take: 100 ms, and more only by what the machine
// was held up in the same seconds. A call is some turns between two processes
// and the disk.
func (p *peak) limit() time.Duration { return 100*time.Millisecond + 5*quantile(p.noise, 0.99) }

func (p *peak) slowed(limit time.Duration) error {
	for what, took := range map[string][]time.Duration{"API calls": p.rush.calls, "scans": p.rush.scans} {
		if got := quantile(took, 0.99); got > limit || len(took) == 0 {
			return fmt.Errorf("%d %s: p99 is %v, at most %v (the machine's own delay: p99 %v)", len(took), what, got, limit, quantile(p.noise, 0.99))
		}
	}
	return nil
}

// journey15: peak days.
func journey15() journey {
	return journey{
		id: "J15", name: "Peak days: 56 times the traffic and junk requests",
		shop: func(o *shopOptions) { o.scanners = 4 },
		facts: func(v *visit) []fact {
			var p *peak
			after := v.buy("TEA-OOL-250", "WATER-550")
			return []fact{
				{"ordinary traffic first, then 56 times as much from four scanners and eight callers at once, while junk requests and slow connections pour in: every call and every scan is answered", func(ctx context.Context) (err error) {
					p, err = peakDay(ctx, v.shop, 56, 2*time.Second, 6*time.Second, 30_000)
					return err
				}},
				{"every scan is in the ledger once, in the order in which its scanner read it", func(ctx context.Context) error {
					return steps(p.calmLedger, v.snapScreen)(ctx)
				}},
				{"every article that was scanned or added is in exactly one closed sale at the cloud, in order; a scan in the very moment of paying is refused with a beep, never put into the wrong sale", func(ctx context.Context) error {
					for _, r := range []*rush{p.calm, p.rush} {
						for _, id := range r.closed {
							got, err := v.shop.api.sale(ctx, id)
							if err != nil {
								return err
							}
							v.sold = append(v.sold, sold{id, got.Total})
						}
					}
					if err := v.drained(ctx); err != nil {
						return err
					}
					for _, r := range []*rush{p.calm, p.rush} {
						lines, err := r.itemsInCloud(v.shop.cloud.Ledger().Events(source, 0))
						if err != nil {
							return err
						}
						if lines != r.lines() {
							return fmt.Errorf("%d scanned and added, %d lines in the cloud", r.lines(), lines)
						}
					}
					return nil
				}},
				{"every junk request got its refusal (421, 403, 401, 415, 413), and none had an effect", func(context.Context) error {
					if len(p.flood.wrong) > 0 || p.flood.sent.Load() < 20_000 {
						return fmt.Errorf("%d refused; wrong: %q", p.flood.sent.Load(), p.flood.wrong)
					}
					if n := v.count("tilld.drawer.opened.v1"); n != 0 {
						return fmt.Errorf("the drawer was opened %d times", n)
					}
					return nil
				}},
				{"99 of 100 real calls and scans were answered at once: within two seconds here, beside whatever else the machine does; `tillsim load` demands 100 ms", func(context.Context) error { return p.slowed(2*time.Second + p.limit()) }},
				{"tilld stayed below 160 MiB of memory", func(context.Context) error {
					if p.resident > 160<<20 {
						return fmt.Errorf("%d MiB", p.resident>>20)
					}
					return nil
				}},
				{"afterwards the till sells as before", after.first(after.scanAll, after.cash, after.receiptAtLast, after.snapPaper(v), after.inCloud)},
			}
		},
	}
}

// calmLedger checks the order of both runs together.
func (p *peak) calmLedger(ctx context.Context) error {
	both := newRush(p.rush.shop, 0)
	for _, r := range []*rush{p.calm, p.rush} {
		for name, list := range r.sent {
			both.sent[name] = append(both.sent[name], list...)
		}
	}
	return both.ledgerInOrder(ctx)
}

// receiptAtLast waits for this sale's receipt behind those of the rush.
func (s *one) receiptAtLast(ctx context.Context) error {
	pr := s.printer(ctx)
	for after := s.mark[pr]; ; after++ {
		k, err := pr.Wait(ctx, after)
		if err != nil {
			return err
		}
		if _, err := (&one{ticket: k}).paperCode(saleURL(s.id)); err == nil {
			s.ticket, s.paper = k, pr
			return s.read(k)
		}
	}
}
