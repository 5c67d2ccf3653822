package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// chaos is the run in which steps may fail and what was promised must hold.
func (p *script) chaos(ctx context.Context, n int) error {
	if err := p.shop.start(ctx, true); err != nil {
		return err
	}
	if err := p.stockUp(ctx); err != nil {
		return err
	}
	// Paper comes out at the speed of a real printer, so that kills hit receipts.
	for _, pr := range []*sim.Printer{p.shop.lan, p.shop.serial} {
		pr.Set(func(s *sim.Switches) { s.DotsPerSecond = 4000 })
	}
	if p.shop.mall != nil {
		defer p.shop.mall.flap(ctx, rand.New(rand.NewPCG(p.seed, 3)))()
	}
	k := &killer{shop: p.shop, rng: rand.New(rand.NewPCG(p.seed, 2)), moments: make(chan struct{}, 1), served: make(chan struct{})}
	p.killer = k
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); k.run(run) }()
	err := p.sellAll(ctx, n)
	stop()
	<-done
	if err = errors.Join(err, k.err); err != nil {
		return fmt.Errorf("after %d kills and %d failures of the broker: %w", k.kills, k.outage, err)
	}
	fmt.Fprintf(p.out, "tilld was killed %d times, the broker failed %d times\n", k.kills, k.outage)
	if err := p.shop.start(ctx, true); err != nil {
		return err
	}
	if err := p.settleReceipts(ctx); err != nil {
		return err
	}
	return p.finish(ctx, n)
}

func (p *script) sellAll(ctx context.Context, n int) error {
	for i := range n {
		p.killer.next()
		own, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("not within three minutes"))
		err := p.sellInChaos(own, i)
		cancel()
		if err != nil {
			return fmt.Errorf("sale %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

// sellInChaos is a cashier who looks before doing something again.
func (p *script) sellInChaos(ctx context.Context, i int) error {
	s := &one{script: p, goods: p.goods(), began: time.Now(), name: fmt.Sprintf("sale %d", i+1)}
	var opened sale
	key := fmt.Sprintf("chaos-%d-open-%d", p.seed, i)
	err := p.insist(ctx, func() error {
		return p.shop.api.call(ctx, "POST", "/v1/sales", key, map[string]any{"external_id": key}, &opened)
	})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s.id = opened.ID
	for _, a := range s.goods {
		if err := s.scanUntilThere(ctx, a); err != nil {
			return fmt.Errorf("scan %s: %w", a.SKU, err)
		}
	}
	if i%3 == 1 {
		err = s.cashInChaos(ctx)
	} else {
		err = s.payInChaos(ctx)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%-12s %d articles  %10s  %6d ms\n", s.name, len(s.goods), money(s.goods.total()), time.Since(s.began).Milliseconds())
	return nil
}

// insist repeats a call with the same key until it has an answer; only a
// definite refusal ends it.
func (p *script) insist(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || refused(err) != "" && refused(err) != "unavailable" {
			return err
		}
		if err := p.rest(ctx, err); err != nil {
			return err
		}
	}
}

// rest waits a little, unless tilld is gone for good.
func (p *script) rest(ctx context.Context, cause error) error {
	select {
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), cause)
	case <-time.After(20 * time.Millisecond):
	}
	return p.shop.tilld.Crashed()
}

// scanUntilThere scans, looks, and scans again only when the article is not in
// the sale and cannot come any more: the scan was refused, or it went down with
// the till. One too many is taken out again, as a cashier would.
func (s *one) scanUntilThere(ctx context.Context, a cloud.Article) error {
	for {
		if err := s.insist(ctx, func() error { return s.scannerReads(ctx) }); err != nil {
			return err
		}
		kills := s.killer.killed()
		before, err := s.refusals(ctx, a.GTIN)
		if err != nil {
			return err
		}
		if _, err := s.scan(ctx, a.GTIN); err != nil {
			return err
		}
		for again := time.Now().Add(20 * time.Second); time.Now().Before(again); {
			var got sale
			err := s.insist(ctx, func() (err error) { got, err = s.shop.api.sale(ctx, s.id); return err })
			if err != nil {
				return err
			}
			lines := slices.DeleteFunc(got.Items, func(it item) bool { return it.SKU != a.SKU })
			switch {
			case len(lines) == 1 && lines[0].Quantity == "1":
				return nil
			case len(lines) >= 1:
				return s.takeOut(ctx, lines)
			}
			n, err := s.refusals(ctx, a.GTIN)
			if err != nil {
				return err
			}
			if n > before {
				break
			}
			if n := s.killer.killed(); n > kills { // what is left in the line is read soon after the start
				kills, again = n, time.Now().Add(1500*time.Millisecond)
				if s.asked(a) {
					again = again.Add(2 * time.Second) // the cloud's time to say a price
				}
			}
			if err := s.rest(ctx, errors.New("the line is not there")); err != nil {
				return err
			}
		}
	}
}

// scannerReads is an error as long as the till has not opened the scanner: what
// was in the line before is thrown away.
func (s *one) scannerReads(ctx context.Context) error {
	status, err := s.shop.api.status(ctx)
	if err != nil {
		return err
	}
	for _, d := range status.Devices {
		if d.Name == "scanner-1" && d.State == "ready" {
			return nil
		}
	}
	return errors.New("the scanner is not read")
}

// refusals counts the scans of a code that had no effect.
func (s *one) refusals(ctx context.Context, code string) (n int, err error) {
	var list struct {
		Scans []struct {
			Code    string
			Refused *problem
		}
		Next uint64
	}
	for after := uint64(0); ; after = list.Next {
		list.Scans = nil
		err := s.insist(ctx, func() error {
			return s.shop.api.call(ctx, "GET", fmt.Sprintf("/v1/scans?limit=1000&after=%d", after), "", nil, &list)
		})
		if err != nil || len(list.Scans) == 0 {
			return n, err
		}
		for _, row := range list.Scans {
			if row.Code == code && row.Refused != nil {
				n++
			}
		}
	}
}

// takeOut leaves one piece.
func (s *one) takeOut(ctx context.Context, lines []item) error {
	for i, it := range lines {
		path := fmt.Sprintf("/v1/sales/%s/items/%d", s.id, it.Line)
		method, body := "DELETE", any(nil)
		if i == 0 {
			method, body = "PATCH", map[string]any{"quantity": "1"}
		}
		if err := s.insist(ctx, func() error { return s.shop.api.call(ctx, method, path, "", body, nil) }); err != nil && refused(err) != "unknown_line" {
			return err
		}
	}
	return nil
}

func (s *one) cashInChaos(ctx context.Context) error {
	key := s.key("cash")
	given := s.goods.total() + 500
	s.killer.moment()
	err := s.insist(ctx, func() error {
		return s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", key, map[string]any{"method": "cash", "given": given}, nil)
	})
	if err != nil {
		return fmt.Errorf("cash: %w", err)
	}
	return s.closedInChaos(ctx)
}

// payInChaos asks for pay codes until one was paid.
func (s *one) payInChaos(ctx context.Context) error {
	for {
		var got sale
		if err := s.insist(ctx, func() (err error) { got, err = s.shop.api.sale(ctx, s.id); return err }); err != nil {
			return err
		}
		switch {
		case got.State == "closed":
			return s.closedInChaos(ctx)
		case got.Payment != nil && got.Payment.State == "pending":
			s.payID = got.Payment.ID
			s.killer.moment()
			s.shop.cloud.Settle(s.payID, "paid", s.rng.IntN(2) == 0)
			// The result comes by itself, after however many kills.
		case got.Payment != nil && (got.Payment.State == "unknown" || got.Payment.State == "requested"):
			// The till goes on asking.
		default:
			key := s.key("pay")
			s.killer.moment()
			err := s.insist(ctx, func() error {
				return s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", key, map[string]any{"method": "qr"}, nil)
			})
			switch refused(err) {
			case "", "link_down", "payment_unknown", "payment_pending", "wrong_state", "payment_failed", "nothing_due":
			default:
				return err
			}
		}
		if err := s.rest(ctx, fmt.Errorf("sale is %s, payment %+v", got.State, got.Payment)); err != nil {
			return err
		}
	}
}

func (s *one) closedInChaos(ctx context.Context) error {
	var wrong error
	err := s.insist(ctx, func() error {
		got, err := s.shop.api.sale(ctx, s.id) // one look: the till may be down now and up, or the sale closed, at the next
		if err == nil && got.State == "closed" && got.Total != s.goods.total() {
			wrong = fmt.Errorf("closed with %d, want %d", got.Total, s.goods.total())
			return nil // what is closed does not change any more
		}
		if err == nil {
			err = s.closed(ctx, s.goods.total())
		}
		return err
	})
	return errors.Join(wrong, err)
}

// settleReceipts is the cashier at the end: a receipt whose outcome is unknown
// is looked for on the paper, and printed again, as a marked copy, if it is not
// there.
func (p *script) settleReceipts(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	for _, s := range p.sold {
		for asked := false; ; {
			got, err := p.shop.api.sale(ctx, s.id)
			if err != nil {
				return err
			}
			outcome := ""
			if got.Receipt != nil {
				outcome = got.Receipt.Outcome
			}
			if outcome != "queued" && outcome != "sending" && (p.onPaper(s.id) || asked) {
				break
			}
			if outcome == "unknown" || outcome == "failed" {
				key := fmt.Sprintf("chaos-%d-reprint-%s", p.seed, s.id)
				if err := p.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/reprint", key, map[string]any{}, nil); err != nil {
					return err
				}
				asked = true
				for !p.onPaper(s.id) {
					if err := p.rest(ctx, fmt.Errorf("sale %s: the copy does not come out", s.id)); err != nil {
						return err
					}
				}
			}
			if err := p.rest(ctx, fmt.Errorf("sale %s: receipt %s", s.id, outcome)); err != nil {
				return err
			}
		}
	}
	return nil
}

// onPaper reports whether a whole receipt of a sale came out.
func (p *script) onPaper(id string) bool {
	for _, pr := range []*sim.Printer{p.shop.lan, p.shop.serial} {
		list, _ := pr.Tickets(0)
		for _, k := range list {
			if slices.Contains(k.QR, saleURL(id)) {
				return true
			}
		}
	}
	return false
}
