package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"tilld/internal/sim"
)

// finish proves that nothing was lost or doubled.
func (p *script) finish(ctx context.Context, n int) error {
	if err := p.drained(ctx); err != nil {
		return err
	}
	if err := p.settleMall(ctx); err != nil {
		return err
	}
	p.screen.close()
	took, err := p.shop.tilld.Stop()
	if err != nil {
		return err
	}
	p.times.add("SIGTERM → exit 0", took)
	p.times.print(p.out)
	fmt.Fprintln(p.out)
	return errors.Join(p.verifyTill(ctx), p.verifyCloud(n), p.verifyPayments(), p.verifyPaper())
}

// drained waits until the till says that the cloud has everything.
func (p *script) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	for {
		status, err := p.shop.api.status(ctx)
		if err == nil && status.Queue.Depth == 0 && status.Queue.LastSeq > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("queue is not drained: depth %d, link %s: %w", status.Queue.Depth, status.Link.State, errors.Join(err, context.Cause(ctx)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// verifyTill runs `tilld verify` on what the till left behind.
func (p *script) verifyTill(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, p.shop.tilld.path, "verify", "--data-dir", p.shop.file("data")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("tilld verify: %w\n%s", err, out)
	}
	fmt.Fprintf(p.out, "till:  %s", lastLine(string(out)))
	return nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1] + "\n"
}

// verifyCloud compares what was sold with what the cloud has.
func (p *script) verifyCloud(n int) error {
	r := p.shop.cloud.Ledger().Report(source)
	var total int64
	sales, err := p.shop.cloud.Ledger().Sales(source)
	if err != nil {
		return err
	}
	for _, s := range p.sold {
		total += s.total
		if got, ok := sales[s.id]; !ok || got.Total != s.total {
			r.Problems = append(r.Problems, fmt.Sprintf("sale %s of %d is in the cloud as %+v", s.id, s.total, got))
		}
	}
	if r.Closed != len(p.sold) || len(p.sold) != n || r.Total != total || r.Voided != p.voided {
		r.Problems = append(r.Problems, fmt.Sprintf("cloud: %d closed of %d, %d voided; till: %d closed of %d, %d voided; asked for %d",
			r.Closed, r.Total, r.Voided, len(p.sold), total, p.voided, n))
	}
	if r.Epochs != 1 {
		r.Problems = append(r.Problems, fmt.Sprintf("%d epochs", r.Epochs))
	}
	fmt.Fprintf(p.out, "cloud: %d events, chain whole; %d sales closed once each, %s in all, %d voided; numbers without holes\n",
		r.Events, r.Closed, money(r.Total), r.Voided)
	if len(r.Problems) > 0 {
		return fmt.Errorf("cloud: %s", strings.Join(r.Problems, "\n       "))
	}
	return nil
}

// verifyPayments checks that every paid payment is in exactly one closed sale.
func (p *script) verifyPayments() error {
	sales, err := p.shop.cloud.Ledger().Sales(source)
	if err != nil {
		return err
	}
	paid := map[string]int64{}
	var errs []error
	for _, pay := range p.shop.cloud.Payments() {
		if pay.State != "paid" {
			continue
		}
		left := pay.Amount
		for _, r := range pay.Refunds {
			left -= r.Amount
		}
		if _, ok := sales[pay.Sale]; !ok && left > 0 {
			errs = append(errs, fmt.Errorf("payment %s of %d was paid, and its sale %s is not closed", pay.ID, pay.Amount, pay.Sale))
		}
		paid[pay.Sale] += left
	}
	for id, amount := range paid {
		if p.refunded[id] {
			if amount != 0 {
				errs = append(errs, fmt.Errorf("sale %s is refunded, and the cloud still has %d of it", id, amount))
			}
			continue
		}
		var wallet int64
		for _, t := range sales[id].Tenders {
			if t.Method != "cash" {
				wallet += t.Amount
			}
		}
		if wallet != amount {
			errs = append(errs, fmt.Errorf("sale %s: the shopper paid %d, the sale has %d", id, amount, wallet))
		}
	}
	return errors.Join(errs...)
}

// minReceipt is the shortest piece of paper, in dots, that is more than a margin.
const minReceipt = 150

// verifyPaper checks that each sale has a receipt and at most one original.
func (p *script) verifyPaper() error {
	originals, copies := map[string]int{}, map[string]int{}
	torn := 0
	for _, pr := range []*sim.Printer{p.shop.lan, p.shop.serial} {
		pr.Tear()
		list, _ := pr.Tickets(0)
		for _, k := range list {
			owner := ""
			for _, s := range p.sold {
				if slices.Contains(k.QR, saleURL(s.id)) {
					owner = s.id
				}
			}
			switch {
			case len(k.Lines) == 0 && k.Height < minReceipt: // what comes after a cut
			case owner == "":
				torn++
			case isCopy(pr, k):
				copies[owner]++
			default:
				originals[owner]++
			}
		}
	}
	var errs []error
	for _, s := range p.sold {
		if originals[s.id] > 1 {
			errs = append(errs, fmt.Errorf("sale %s: %d original receipts", s.id, originals[s.id]))
		}
		if originals[s.id]+copies[s.id] == 0 {
			errs = append(errs, fmt.Errorf("sale %s: no receipt", s.id))
		}
	}
	fmt.Fprintf(p.out, "paper: %d originals, %d marked copies, %d torn off\n", len(originals), len(copies), torn)
	return errors.Join(errs...)
}

// savePictures leaves the receipts as PNG beside the logs.
func (p *script) savePictures() error {
	for name, pr := range map[string]*sim.Printer{"lan": p.shop.lan, "serial": p.shop.serial} {
		list, _ := pr.Tickets(0)
		for _, k := range list {
			f, err := os.Create(p.shop.file(fmt.Sprintf("receipt-%s-%03d.png", name, k.ID)))
			if err != nil {
				return err
			}
			err = png.Encode(f, pr.Picture(k.ID))
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// showLog prints the end of tilld's log, for a failed run.
func (p *script) showLog() {
	b, err := os.ReadFile(p.shop.tilld.log)
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	fmt.Fprintf(p.out, "\nend of tilld's log:\n")
	for _, l := range lines[max(0, len(lines)-40):] {
		fmt.Fprintf(p.out, "  %.400s\n", l)
	}
}
