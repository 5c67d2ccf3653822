package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"tilld/internal/cloud"
)

// saleCmd is `tillsim sale`.
type saleCmd struct {
	Sales   int    `help:"How many complete sales." default:"1"`
	Chaos   bool   `help:"kill -9 tilld at random points and fail the broker now and then."`
	Mall    bool   `help:"The till also feeds a mall with a broker of its own, which is settled at the end."`
	Broker  string `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"embedded"`
	Printer string `help:"What the printers understand: escpos, starprnt or star-line." enum:"escpos,starprnt,star-line" default:"escpos"`
	Seed    uint64 `help:"Makes the same run again; 0 draws one."`
	Tilld   string `help:"The tilld to run; else the one beside tillsim, else one is built." type:"path"`
	Keep    string `help:"Work in this directory and leave it: data, logs, configuration, pictures of the receipts." type:"path"`
	Verbose bool   `help:"Every step of every sale." short:"v"`
}

// Run is the command.
func (c *saleCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *saleCmd) run(ctx context.Context, out io.Writer) error {
	if c.Sales < 1 {
		return errors.New("--sales has to be at least 1")
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	limit := 3*time.Minute + time.Duration(c.Sales)*20*time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%d sales took more than %v", c.Sales, limit))
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	s, err := openShop(ctx, shopOptions{broker: c.Broker, tilld: c.Tilld, keep: c.Keep, log: log, mall: c.Mall, printer: c.Printer})
	if err != nil {
		return err
	}
	p := &script{shop: s, out: out, seed: c.Seed, rng: rand.New(rand.NewPCG(c.Seed, 1)), verbose: c.Verbose || c.Sales <= 3, scanned: map[string]time.Time{}}
	fmt.Fprintf(out, "seed %d, broker %s on port %d, tilld on %s, files in %s\n", c.Seed, c.Broker, s.broker.Port(), s.api.base, s.dir)
	if c.Chaos {
		err = p.chaos(ctx, c.Sales)
	} else {
		err = p.calm(ctx, c.Sales)
	}
	if err != nil {
		p.showLog()
	}
	if c.Keep != "" {
		err = errors.Join(err, p.savePictures())
	}
	return errors.Join(err, s.close())
}

// script plays a cashier and a shopper and knows what must come of it.
type script struct {
	shop    *shop
	out     io.Writer
	seed    uint64
	rng     *rand.Rand
	verbose bool
	screen  *stream
	sold    []sold // what must be in the cloud at the end
	voided  int
	times   timeline
	scanned map[string]time.Time // when each code was last read
	killer  *killer              // nil in a calm run
	quiet   bool                 // no line per sale
	calls   int                  // made so far, for their keys
	// refunded are sold ones whose money went back.
	refunded map[string]bool
}

// sold is a sale that the till has called closed.
type sold struct {
	id    string
	total int64
}

// basket is what is going to be bought.
type basket []cloud.Article

// goods draws one to four different articles.
func (p *script) goods() basket {
	all := cloud.Demo().Articles
	p.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return basket(all[:1+p.rng.IntN(4)])
}

// scan reads a code, not sooner after the same one than a hand can: the till
// takes a code within 300 ms of itself for a bounce. A busy machine may have
// handed it the last one late: the till's own sign of life counts too.
func (p *script) scan(ctx context.Context, code string) (at time.Time, err error) {
	again := p.scanned[code].Add(400 * time.Millisecond)
	if seen := p.screen.newest().Add(350 * time.Millisecond); seen.After(again) && time.Since(p.scanned[code]) < 10*time.Second {
		again = seen
	}
	select {
	case <-ctx.Done():
		return at, context.Cause(ctx)
	case <-time.After(time.Until(again)):
	}
	at = time.Now()
	p.scanned[code] = at
	p.killer.moment()
	return at, p.shop.scanner.Scan(code)
}

// total is the price, worked out here and not by the till.
func (b basket) total() (sum int64) {
	for _, a := range b {
		sum += a.UnitPrice
	}
	return sum
}

// calm is the run in which every step must work at once.
func (p *script) calm(ctx context.Context, n int) error {
	began := time.Now()
	if err := p.shop.start(ctx, true); err != nil {
		return err
	}
	p.times.add("start → ready, hardware and link", time.Since(began))
	if err := p.stockUp(ctx); err != nil {
		return err
	}
	for i := range n {
		if i > 0 && i == (n+1)/2 {
			// The other half of the receipts comes out of the serial printer.
			if err := p.swapPrinters(ctx); err != nil {
				return err
			}
		}
		if err := p.oneCalm(ctx, i); err != nil {
			return fmt.Errorf("sale %d of %d: %w", i+1, n, err)
		}
	}
	return p.finish(ctx, n)
}

// oneCalm is one sale with what comes before it.
func (p *script) oneCalm(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	switch i % 8 {
	case 2:
		if err := p.voidSale(ctx); err != nil {
			return fmt.Errorf("void: %w", err)
		}
	case 5:
		return p.offlineSale(ctx, i)
	}
	s := &one{script: p, goods: p.goods(), began: time.Now(), name: fmt.Sprintf("sale %d", i+1)}
	switch i % 4 {
	case 1:
		return s.play(ctx, s.scanAll, s.cash, s.receipt, s.inCloud)
	case 3:
		return s.play(ctx, s.scanAll, s.payCode, s.changeOfMind, s.payCode, s.shopperPays, s.receipt, s.inCloud)
	}
	return s.play(ctx, s.scanAll, s.payCode, s.shopperPays, s.receipt, s.inCloud)
}

// stockUp gives the till its price book, all but one article, which it has to
// ask for.
func (p *script) stockUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	p.screen = follow(ctx, p.shop.api.base+"/screen/events")
	p.screen.close()
	p.screen = follow(context.WithoutCancel(ctx), p.shop.api.base+"/screen/events")
	if _, err := p.screen.wait(ctx, 0, "the idle scene", func(f frame) bool { return f.event == "scene" }); err != nil {
		return err
	}
	articles := cloud.Demo().Articles
	began := time.Now()
	r, err := p.shop.cloud.Command(ctx, tillPath, "pricebook.apply", map[string]any{"version": "1", "items": articles[:len(articles)-1]})
	if err != nil {
		return err
	}
	if r.State != "done" {
		return fmt.Errorf("pricebook.apply is %s: %+v", r.State, r.Error)
	}
	p.times.add("command → reply", time.Since(began))
	return nil
}

// swapPrinters stops tilld in order and starts it with the printers' roles
// exchanged.
func (p *script) swapPrinters(ctx context.Context) error {
	took, err := p.shop.tilld.Stop()
	if err != nil {
		return err
	}
	p.times.add("SIGTERM → exit 0", took)
	if err := p.shop.configure(p.shop.port(), "printer-serial", "printer-lan"); err != nil {
		return err
	}
	began := time.Now()
	if err := p.shop.start(ctx, true); err != nil {
		return err
	}
	p.times.add("start → ready, hardware and link", time.Since(began))
	if p.verbose {
		fmt.Fprintf(p.out, "\ntilld stopped in order after %v and started again; receipts come from the serial printer now\n", took.Round(time.Millisecond))
	}
	return nil
}

// voidSale scans and gives up.
func (p *script) voidSale(ctx context.Context) error {
	s := &one{script: p, goods: p.goods(), began: time.Now(), name: "void"}
	return s.play(ctx, s.scanAll, func(ctx context.Context) error {
		if err := p.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/void", s.key("void"), map[string]any{"reason": "changed their mind"}, nil); err != nil {
			return err
		}
		p.voided++
		return s.step(ctx, "void → event in the cloud", func() error {
			return p.shop.cloud.Await(ctx, func() bool { return p.event("tilld.sale.voided.v1", s.id) != nil })
		})
	})
}

// offlineSale sells for cash while the broker is down; afterwards everything
// must drain by itself.
func (p *script) offlineSale(ctx context.Context, i int) error {
	if err := p.shop.cutLine(); err != nil {
		return err
	}
	if err := (&visit{script: p}).linkIs(ctx, false); err != nil {
		return err
	}
	goods := p.book(1 + p.rng.IntN(4)) // nobody can be asked for a price
	s := &one{script: p, goods: goods, began: time.Now(), name: fmt.Sprintf("sale %d, offline", i+1)}
	return s.play(ctx, s.scanAll, s.noPayCode, s.cash, s.receipt, func(ctx context.Context) error {
		status, err := p.shop.api.status(ctx)
		if err != nil {
			return err
		}
		if status.Queue.Depth == 0 || status.Link.State == "up" {
			return fmt.Errorf("broker is down, yet link %s and queue depth %d", status.Link.State, status.Queue.Depth)
		}
		return p.shop.mendLine(ctx)
	}, s.inCloud)
}

// event finds an event of a sale in the cloud.
func (p *script) event(kind, subject string) *cloud.Event {
	events := p.shop.cloud.Ledger().Events(source, 0)
	for i := len(events) - 1; i >= 0; i-- {
		if e := &events[i]; e.Type == kind && e.Subject == subject {
			return e
		}
	}
	return nil
}

// decodeScene reads what the screen was sent.
func decodeScene(f frame) (s scene) {
	if f.event == "scene" {
		if err := json.Unmarshal([]byte(f.data), &s); err != nil {
			s.Kind = "unreadable: " + err.Error()
		}
	}
	return s
}

// scene is what is needed of a scene.
type scene struct {
	Kind   string `json:"kind"`
	SaleID string `json:"sale_id"`
	Title  string `json:"title"`
	Text   string `json:"text"`
	Lines  []struct {
		Name      string `json:"name"`
		Quantity  string `json:"quantity"`
		UnitPrice int64  `json:"unit_price"`
		OldPrice  int64  `json:"old_price"`
		Total     int64  `json:"total"`
	} `json:"lines"`
	Total *int64 `json:"total"`
	Pay   *struct {
		PaymentID string `json:"payment_id"`
		Offline   bool   `json:"offline"`
		URL       string `json:"url"`
		Picture   string `json:"picture_png_base64"`
		Amount    int64  `json:"amount"`
	} `json:"pay"`
	Paid   json.RawMessage `json:"paid"`
	Offers []struct {
		ID      string    `json:"id"`
		Title   string    `json:"title"`
		Brand   string    `json:"brand"`
		Picture string    `json:"picture_png_base64"`
		Expires time.Time `json:"expires"`
	} `json:"offers"`
	QR []struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	} `json:"qr"`
}
