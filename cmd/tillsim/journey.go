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
	"strings"
	"time"

	"tilld/internal/cloud"
)

// journeyCmd is `tillsim journey`.
type journeyCmd struct {
	Which    string `arg:"" optional:"" help:"J1 to J16, or all."`
	List     bool   `help:"What there is."`
	Facts    bool   `help:"What is checked, without playing it."`
	Pictures string `help:"Leave pictures of the customer screen and of the receipt in this directory; needs chromium." type:"path"`
	Broker   string `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"embedded"`
	Tilld    string `help:"The tilld to run; else the one beside tillsim, else one is built." type:"path"`
	Keep     string `help:"Work below this directory and leave it." type:"path"`
}

// journey is a real shop's practice at the till, from the customer's side and
// back: its facts are played in order, each in the state the one before left.
type journey struct {
	id, name string
	shop     func(*shopOptions)  // how this shop differs; nil: not at all
	facts    func(*visit) []fact // must not touch the shop: facts are also listed without one
}

// fact is one sentence about the journey and what proves it.
type fact struct {
	text  string
	check step
}

type step = func(context.Context) error

// journeys lists them all.
func journeys() []journey {
	return []journey{
		journey1(), journey2(), journey3(), journey4(), journey5(), journey6(), journey7(), journey8(),
		journey9(), journey10(), journey11(), journey12(), journey13(), journey14(), journey15(), journey16(),
	}
}

// Run is the command.
func (c *journeyCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *journeyCmd) run(ctx context.Context, out io.Writer) error {
	if c.List || c.Which == "" {
		for _, j := range journeys() {
			fmt.Fprintf(out, "%-4s %s\n", j.id, j.name)
		}
		return nil
	}
	played := 0
	for _, j := range journeys() {
		if c.Which != "all" && !strings.EqualFold(c.Which, j.id) {
			continue
		}
		played++
		if c.Facts {
			fmt.Fprint(out, checkedList(j))
			continue
		}
		if err := c.play(ctx, out, j); err != nil {
			return fmt.Errorf("%s: %w", j.id, err)
		}
	}
	if played == 0 {
		return fmt.Errorf("no journey %q: J1 to J16, or all; --list names them", c.Which)
	}
	return nil
}

// checkedList is the section "What is checked" of a journey's page.
func checkedList(j journey) string {
	var b strings.Builder
	b.WriteString("## What is checked\n\n")
	for _, f := range append(j.facts(&visit{script: &script{}}), fact{text: lastFact}) {
		fmt.Fprintf(&b, "- %s\n", f.text)
	}
	return b.String()
}

// pageName is the file of a journey's page in docs/journeys.
func pageName(id string) string {
	return fmt.Sprintf("J%02s.md", strings.TrimPrefix(id, "J"))
}

// play opens a shop of its own for the journey, plays it, and proves that
// nothing was lost or doubled.
func (c *journeyCmd) play(ctx context.Context, out io.Writer, j journey) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("not within three minutes"))
	defer cancel()
	o := shopOptions{broker: c.Broker, tilld: c.Tilld, log: slog.New(slog.DiscardHandler), catalogue: cloud.Demo()}
	if c.Keep != "" {
		o.keep = filepath.Join(c.Keep, j.id)
	}
	if j.shop != nil {
		j.shop(&o)
	}
	s, err := openShop(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	v := &visit{script: &script{
		shop: s, out: io.Discard, rng: rand.New(rand.NewPCG(1, 1)), scanned: map[string]time.Time{}, quiet: true,
		seed: rand.Uint64(), refunded: map[string]bool{},
	}}
	began := time.Now()
	fmt.Fprintf(out, "%s  %s\n", j.id, j.name)
	fail := func(what string, err error) error {
		fmt.Fprintf(out, "  FAILED  %s\n", what)
		v.out = out
		v.showLog()
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := s.start(ctx, true); err != nil {
		return fail("the till starts", err)
	}
	if err := v.stockUp(ctx); err != nil {
		return fail("the till has its price book", err)
	}
	if c.Pictures != "" {
		if v.album, err = openAlbum(ctx, c.Pictures, j.id, s.api.base+"/screen"); err != nil {
			return fail("pictures", err)
		}
		defer func() { err = errors.Join(err, v.album.close()) }()
	}
	for _, f := range j.facts(v) {
		own, cancel := within(ctx, time.Minute, "the fact")
		err := f.check(own)
		cancel()
		if err != nil {
			return fail(f.text, errors.Join(err, s.tilld.Crashed()))
		}
		fmt.Fprintf(out, "  ok  %s\n", f.text)
	}
	if err := v.finish(ctx, len(v.sold)); err != nil {
		return fail("nothing is lost or doubled", err)
	}
	fmt.Fprintf(out, "  ok  %s (%.1f s)\n", lastFact, time.Since(began).Seconds())
	return nil
}

// lastFact is proved at the end of each journey.
const lastFact = "`tilld verify` is content, and the cloud has each sale once, in an unbroken chain, with numbers without holes"
