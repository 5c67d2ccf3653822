package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// incidentsCmd is `tillsim incidents`.
type incidentsCmd struct {
	Only   string `help:"Only incidents with this in their name."`
	Broker string `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"embedded"`
	Tilld  string `help:"The tilld to run; else the one beside tillsim, else one is built." type:"path"`
	Keep   string `help:"Work in this directory and leave it." type:"path"`
}

// incident is one thing that goes wrong in a shop and what has to come of it.
type incident struct {
	name string
	play func(context.Context, *one) error
}

// incidents lists them all.
func incidents() []incident {
	return []incident{
		{"an unknown barcode is refused", unknownCode},
		{"the same piece is scanned twice", samePiece},
		{"control codes in a product's name", controlCodes},
		{"the printer is out of paper", paperOut},
		{"the paper ends in the middle of a receipt", paperEnds},
		{"the printer's cable is cut in the middle of a receipt", cableCut},
		{"the scanner is unplugged", scannerUnplugged},
		{"the pole display is unplugged", poleUnplugged},
		{"the shopper's payment is declined", declined},
		{"a forged payment result", forged},
		{"every message comes twice", duplicates},
		{"the cloud does not answer a payment", cloudSilent},
		{"the money comes after the basket has changed", lateMoney},
		{"killed while the pay code is shown", killedPaying},
		{"the shopper's own pay code", authCode},
		{"the cloud acks nothing for a while", noAcks},
		{"the goods come back", refund},
		{"killed in the middle of a receipt", killedPrinting},
		// Last: a printer that said nothing is not asked again for some seconds.
		{"the printer answers nothing", printerSilent},
	}
}

// Run is the command.
func (c *incidentsCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *incidentsCmd) run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Minute, errors.New("not within twenty minutes"))
	defer cancel()
	s, err := openShop(ctx, shopOptions{broker: c.Broker, tilld: c.Tilld, keep: c.Keep, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	p := &script{shop: s, out: out, rng: rand.New(rand.NewPCG(1, 1)), scanned: map[string]time.Time{}, quiet: true, seed: rand.Uint64(), refunded: map[string]bool{}}
	if err = p.playAll(ctx, c.Only); err != nil {
		p.showLog()
	}
	return errors.Join(err, s.close())
}

func (p *script) playAll(ctx context.Context, only string) error {
	if err := p.shop.start(ctx, true); err != nil {
		return err
	}
	if err := p.stockUp(ctx); err != nil {
		return err
	}
	played := 0
	for _, i := range incidents() {
		if !strings.Contains(i.name, only) {
			continue
		}
		played++
		began := time.Now()
		own, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("not within two minutes"))
		s := &one{script: p, goods: p.book(2), began: began, name: i.name}
		err := s.play(own, func(ctx context.Context) error { return i.play(ctx, s) })
		cancel()
		if err != nil {
			fmt.Fprintf(p.out, "FAILED  %s\n", i.name)
			return fmt.Errorf("%s: %w", i.name, err)
		}
		fmt.Fprintf(p.out, "ok  %6.1f s  %s\n", time.Since(began).Seconds(), i.name)
	}
	if played == 0 {
		return fmt.Errorf("no incident has %q in its name", only)
	}
	return p.finish(ctx, len(p.sold))
}

// book draws n articles of the price book.
func (p *script) book(n int) basket {
	all := cloud.Demo().Articles
	all = all[:len(all)-1]
	p.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return basket(all[:n])
}

// until polls until ok; what says what is missing.
func (p *script) until(ctx context.Context, what string, ok func() (bool, error)) error {
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if err := p.rest(ctx, errors.New("missing: "+what)); err != nil {
			return err
		}
	}
}

// sees waits for a scene of this sale.
func (s *one) sees(ctx context.Context, mark int, what string, ok func(scene) bool) error {
	_, err := s.screen.wait(ctx, mark, what, func(f frame) bool { sc := decodeScene(f); return f.event == "scene" && ok(sc) })
	return err
}

// device waits until a device is, or is not, in service.
func (p *script) device(ctx context.Context, name string, ready bool) error {
	return p.until(ctx, fmt.Sprintf("%s ready: %v", name, ready), func() (bool, error) {
		status, err := p.shop.api.status(ctx)
		for _, d := range status.Devices {
			if d.Name == name {
				return (d.State == "ready") == ready, err
			}
		}
		return false, err
	})
}

// outcome waits until the receipt's outcome is one of want.
func (s *one) outcome(ctx context.Context, want ...string) error {
	last := ""
	err := s.until(ctx, "outcome "+strings.Join(want, " or "), func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		if err == nil && got.Receipt != nil {
			last = got.Receipt.Outcome
		}
		return slices.Contains(want, last), err
	})
	if err != nil {
		return fmt.Errorf("receipt is %s: %w", last, err)
	}
	return nil
}

// receipts counts originals and copies of this sale on paper.
func (s *one) receipts() (originals, copies int) {
	for _, pr := range []*sim.Printer{s.shop.lan, s.shop.serial} {
		list, _ := pr.Tickets(0)
		for _, k := range list {
			switch {
			case !slices.Contains(k.QR, saleURL(s.id)):
			case isCopy(pr, k):
				copies++
			default:
				originals++
			}
		}
	}
	return originals, copies
}

// papers waits for exactly these numbers of receipts and makes sure that no
// more come.
func (s *one) papers(ctx context.Context, originals, copies int) error {
	err := s.until(ctx, "receipts", func() (bool, error) { o, c := s.receipts(); return o >= originals && c >= copies, nil })
	o, c := s.receipts()
	if err != nil || o != originals || c != copies {
		return errors.Join(fmt.Errorf("%d originals and %d copies on paper, want %d and %d", o, c, originals, copies), err)
	}
	return nil
}

// never watches for a while that something does not happen.
func never(ctx context.Context, d time.Duration, what string, bad func() bool) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		if bad() {
			return errors.New(what)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
