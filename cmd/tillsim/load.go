package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"
)

// loadCmd is `tillsim load`: journey J15 for as long and as hard as one likes.
type loadCmd struct {
	Rate   string        `help:"Times the normal traffic of a till (a scan every two seconds, an API call every second)." default:"56x"`
	For    time.Duration `help:"How long." default:"1m"`
	Junk   int           `help:"Junk requests in the same time: wrong host, foreign page, no token, wrong type, huge body." default:"1000000"`
	Broker string        `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"embedded"`
	Tilld  string        `help:"The tilld to run; else the one beside tillsim, else one is built." type:"path"`
	Keep   string        `help:"Work in this directory and leave it." type:"path"`
}

// Run is the command.
func (c *loadCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *loadCmd) run(ctx context.Context, out io.Writer) error {
	times, err := strconv.ParseFloat(strings.TrimSuffix(c.Rate, "x"), 64)
	if err != nil || times < 1 || times > 1000 {
		return fmt.Errorf("--rate %s: 1x to 1000x", c.Rate)
	}
	limit := 2*c.For + 30*time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %v", limit))
	defer cancel()
	s, err := openShop(ctx, shopOptions{broker: c.Broker, tilld: c.Tilld, keep: c.Keep, scanners: 4, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	v := &visit{script: &script{shop: s, out: out, rng: rand.New(rand.NewPCG(1, 1)), scanned: map[string]time.Time{}, quiet: true, seed: rand.Uint64(), refunded: map[string]bool{}}}
	if err = c.play(ctx, v, times); err != nil {
		v.showLog()
	}
	return errors.Join(err, s.close())
}

func (c *loadCmd) play(ctx context.Context, v *visit, times float64) error {
	if err := steps(func(ctx context.Context) error { return v.shop.start(ctx, true) }, v.stockUp)(ctx); err != nil {
		return err
	}
	p, err := peakDay(ctx, v.shop, times, 5*time.Second, c.For, c.Junk)
	if err != nil {
		return err
	}
	sent, _ := p.rush.total()
	fmt.Fprintf(v.out, "%.0f times normal for %v: %d scans, %d API calls, %d sales; %d junk requests refused in %v (%.0f a second), %d slow connections ended\n",
		times, c.For, sent, len(p.rush.calls), len(p.rush.closed), p.flood.sent.Load(), p.took.Round(time.Second), float64(p.flood.sent.Load())/p.took.Seconds(), p.flood.slow.Load())
	for _, x := range []struct {
		what string
		took []time.Duration
	}{{"API calls before", p.calm.calls}, {"scans before", p.calm.scans}, {"API calls", p.rush.calls}, {"scans", p.rush.scans}} {
		fmt.Fprintf(v.out, "  %-18s p50 %6.1f ms  p99 %6.1f ms  max %6.1f ms\n", x.what, ms(quantile(x.took, 0.5)), ms(quantile(x.took, 0.99)), ms(quantile(x.took, 1)))
	}
	fmt.Fprintf(v.out, "  tilld: %d MiB resident at most; the machine's own delay: p99 %.1f ms\n", p.resident>>20, ms(quantile(p.noise, 0.99)))
	if len(p.flood.wrong) > 0 {
		return fmt.Errorf("junk: %s", strings.Join(p.flood.wrong, "; "))
	}
	for _, r := range []*rush{p.calm, p.rush} {
		for _, id := range r.closed {
			got, err := v.shop.api.sale(ctx, id)
			if err != nil {
				return err
			}
			v.sold = append(v.sold, sold{id, got.Total})
		}
	}
	if err := errors.Join(p.calmLedger(ctx), p.slowed(p.limit()), v.drained(ctx)); err != nil {
		return err
	}
	lines, err := p.rush.itemsInCloud(v.shop.cloud.Ledger().Events(source, 0))
	if err == nil && lines != p.rush.lines() {
		err = fmt.Errorf("%d scanned and added, %d lines in the cloud", p.rush.lines(), lines)
	}
	return errors.Join(err, v.finish(ctx, len(v.sold)))
}
