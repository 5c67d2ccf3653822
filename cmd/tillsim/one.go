package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/png" // the pay code is a PNG
	"net/http"
	"slices"
	"strings"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// one is one sale as it is played.
type one struct {
	*script
	name   string
	goods  basket
	began  time.Time
	id     string
	payID  string
	pulses int
	cashed bool
	mark   map[*sim.Printer]int
	odd    map[*sim.Printer]int // commands unknown to a printer before: an earlier incident may have torn one
	ticket sim.Ticket           // the receipt, once it is out
	paper  *sim.Printer
}

// play runs the steps and prints the timeline.
func (s *one) play(ctx context.Context, steps ...func(context.Context) error) error {
	if s.verbose {
		fmt.Fprintf(s.out, "\n%s: %d articles, %s\n", s.name, len(s.goods), money(s.goods.total()))
	}
	s.begin()
	for _, f := range steps {
		if err := f(ctx); err != nil {
			return errors.Join(err, s.shop.tilld.Crashed())
		}
	}
	if !s.verbose && !s.quiet {
		fmt.Fprintf(s.out, "%-20s %d articles  %10s  %6d ms\n", s.name, len(s.goods), money(s.goods.total()), time.Since(s.began).Milliseconds())
	}
	return nil
}

// begin notes how the printers stand before the sale.
func (s *one) begin() {
	s.began, s.pulses, s.mark, s.odd = time.Now(), 0, map[*sim.Printer]int{}, map[*sim.Printer]int{}
	for _, pr := range []*sim.Printer{s.shop.lan, s.shop.serial} {
		s.mark[pr], s.odd[pr] = pr.Stats().Out, pr.Stats().Unknown
		s.pulses += pr.Stats().Pulses
	}
}

// step measures f and notes it under a name.
func (s *one) step(_ context.Context, name string, f func() error) error {
	began := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.note(name, time.Since(began))
	return nil
}

func (s *one) note(name string, took time.Duration) {
	s.times.add(name, took)
	if s.verbose {
		fmt.Fprintf(s.out, "  %7.1f ms  %-40s %7.1f ms\n", ms(time.Since(s.began)), name, ms(took))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// key is an idempotency key of this sale.
func (s *one) key(what string) string {
	s.calls++
	return fmt.Sprintf("sim-%d-%s-%s-%d", s.seed, s.id, what, s.calls)
}

// scanAll reads each article with the scanner and sees it on the screen, on
// the pole display and in the API.
func (s *one) scanAll(ctx context.Context) error {
	for i, a := range s.goods {
		mark := s.screen.mark()
		began, err := s.scan(ctx, a.GTIN)
		if err != nil {
			return err
		}
		name := "scan → line on the screen"
		if s.asked(a) {
			name = "scan → line on the screen, price asked"
		}
		f, err := s.screen.wait(ctx, mark, "line of "+a.Name, func(f frame) bool {
			sc := decodeScene(f)
			return sc.Kind == "basket" && len(sc.Lines) == i+1 && sc.Lines[i].Name == a.Name && sc.Lines[i].Total == a.UnitPrice
		})
		if err != nil {
			return err
		}
		s.note(name, f.at.Sub(began))
		sc := decodeScene(f)
		if sc.Total == nil || *sc.Total != s.goods[:i+1].total() {
			return fmt.Errorf("screen shows total %v after %d articles, want %d", sc.Total, i+1, s.goods[:i+1].total())
		}
		s.id = sc.SaleID
	}
	got, err := s.shop.api.sale(ctx, s.id)
	if err != nil {
		return err
	}
	if got.State != "open" || got.Total != s.goods.total() || len(got.Items) != len(s.goods) {
		return fmt.Errorf("API: state %s, total %d, %d lines; want open, %d, %d", got.State, got.Total, len(got.Items), s.goods.total(), len(s.goods))
	}
	for i, it := range got.Items {
		if a := s.goods[i]; it.SKU != a.SKU || it.UnitPrice != a.UnitPrice || it.Quantity != "1" {
			return fmt.Errorf("API: line %d is %+v, want %s at %d", i+1, it, a.SKU, a.UnitPrice)
		}
	}
	return s.step(ctx, "pole display shows the total", func() error { return s.pole(ctx, money(s.goods.total())) })
}

// asked reports whether a is not in the price book.
func (s *one) asked(a cloud.Article) bool {
	all := cloud.Demo().Articles
	return a.SKU == all[len(all)-1].SKU
}

// pole waits until a text stands on the pole display.
func (s *one) pole(ctx context.Context, text string) error {
	for {
		changed := s.shop.pole.Changed()
		rows := s.shop.pole.Rows()
		if strings.Contains(rows[0]+"\n"+rows[1], text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pole display shows %q, want %s: %w", rows, text, context.Cause(ctx))
		case <-changed:
		}
	}
}

// payCode asks for a pay code, sees it on the screen and reads it there.
func (s *one) payCode(ctx context.Context) error {
	mark := s.screen.mark()
	began := time.Now()
	var answer struct{ Payment *payment }
	if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("pay"), map[string]any{"method": "qr"}, &answer); err != nil {
		return err
	}
	if answer.Payment == nil || answer.Payment.Amount != s.goods.total() || answer.Payment.State != "pending" {
		return fmt.Errorf("pay: %+v, want pending and %d", answer.Payment, s.goods.total())
	}
	s.note("pay → answer with the code", time.Since(began))
	f, err := s.screen.wait(ctx, mark, "pay code", func(f frame) bool {
		sc := decodeScene(f)
		return sc.Kind == "paying" && sc.Pay != nil && sc.Pay.PaymentID == answer.Payment.ID && sc.Pay.Amount == s.goods.total()
	})
	if err != nil {
		return err
	}
	s.note("pay → code on the screen", f.at.Sub(began))
	s.payID = answer.Payment.ID
	want := s.shop.cloud.Payments()[s.payID]
	if want.State != "pending" || want.Amount != s.goods.total() || want.Sale != s.id || want.URL == "" {
		return fmt.Errorf("cloud knows the payment as %+v", want)
	}
	return s.step(ctx, "code read off the screen", func() error {
		img, err := s.picture(ctx, "/screen/pay.png?side=400&id="+s.payID)
		if err != nil {
			return err
		}
		text, err := sim.DecodeQR(img)
		if err != nil {
			return err
		}
		if text != want.URL {
			return fmt.Errorf("the code says %q, want %q", text, want.URL)
		}
		return nil
	})
}

func (s *one) picture(ctx context.Context, path string) (image.Image, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.shop.api.base+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, res.Status)
	}
	img, _, err := image.Decode(res.Body)
	return img, err
}

// noPayCode is refused at once while there is no link.
func (s *one) noPayCode(ctx context.Context) error {
	return s.step(ctx, "offline: pay code refused at once", func() error {
		err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("pay"), map[string]any{"method": "qr"}, nil)
		if code := refused(err); code != "link_down" {
			return fmt.Errorf("pay without a link: %v, want link_down", err)
		}
		return nil
	})
}

// changeOfMind cancels the payment; the code must vanish and the cloud know.
func (s *one) changeOfMind(ctx context.Context) error {
	mark := s.screen.mark()
	began := time.Now()
	if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/cancel-payment", s.key("cancel"), map[string]any{}, nil); err != nil {
		return err
	}
	f, err := s.screen.wait(ctx, mark, "scene without the code", func(f frame) bool {
		sc := decodeScene(f)
		return f.event == "scene" && sc.Pay == nil && sc.SaleID == s.id
	})
	if err != nil {
		return err
	}
	s.note("cancel → code off the screen", f.at.Sub(began))
	return s.shop.cloud.Await(ctx, func() bool { return s.shop.cloud.Payments()[s.payID].State == "cancelled" })
}

// shopperPays has the cloud report the payment; the screen must thank.
func (s *one) shopperPays(ctx context.Context) error {
	mark := s.screen.mark()
	began := time.Now()
	if !s.shop.cloud.Settle(s.payID, "paid", true) {
		return fmt.Errorf("payment %s is not pending at the cloud", s.payID)
	}
	f, err := s.screen.wait(ctx, mark, "paid scene", func(f frame) bool {
		sc := decodeScene(f)
		return (sc.Kind == "paid" || sc.Kind == "offers" || sc.Kind == "member") && sc.SaleID == s.id
	})
	if err != nil {
		return err
	}
	s.note("paid → screen thanks", f.at.Sub(began))
	return s.closed(ctx, s.goods.total())
}

// cash pays with notes; the drawer must open.
func (s *one) cash(ctx context.Context) error {
	given := s.goods.total() + 1000 - s.goods.total()%1000
	var answer sale
	err := s.step(ctx, "cash → sale closed", func() error {
		return s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/pay", s.key("cash"), map[string]any{"method": "cash", "given": given}, &answer)
	})
	if err != nil {
		return err
	}
	if answer.State != "closed" || answer.Change != given-s.goods.total() {
		return fmt.Errorf("cash: sale is %s, change %d, want closed and %d", answer.State, answer.Change, given-s.goods.total())
	}
	s.cashed = true
	return s.closed(ctx, s.goods.total())
}

// closed checks the sale in the API.
func (s *one) closed(ctx context.Context, total int64) error {
	got, err := s.shop.api.sale(ctx, s.id)
	if err != nil {
		return err
	}
	var sum int64
	for _, t := range got.Tenders {
		sum += t.Amount
	}
	if got.State != "closed" || got.Total != total || got.Paid != total || sum != total || got.Number == 0 {
		return fmt.Errorf("API: state %s, number %d, total %d, paid %d, tenders %d; want closed and %d", got.State, got.Number, got.Total, got.Paid, sum, total)
	}
	s.sold = append(s.sold, sold{s.id, total})
	return nil
}

// receipt waits for the paper and reads it.
func (s *one) receipt(ctx context.Context) error {
	began := time.Now()
	pr := s.printer(ctx)
	k, err := pr.Wait(ctx, s.mark[pr])
	if err != nil {
		return fmt.Errorf("no receipt came out: %w", err)
	}
	name := "closed → receipt cut, network printer"
	if pr == s.shop.serial {
		name = "closed → receipt cut, serial printer"
	}
	s.note(name, time.Since(began))
	s.ticket, s.paper = k, pr
	if err := s.read(k); err != nil {
		return err
	}
	if n := pr.Stats().Unknown - s.odd[pr]; n > 0 {
		return fmt.Errorf("the printer got %d commands that no manual explains: %v", n, k.Events)
	}
	// The drawer does not wait for the receipt, nor the receipt for the drawer.
	want := map[bool]int{true: 1, false: 0}[s.cashed]
	now := func() int { return s.shop.lan.Stats().Pulses + s.shop.serial.Stats().Pulses - s.pulses }
	if err := s.until(ctx, "the drawer", func() (bool, error) { return now() >= want, nil }); err != nil {
		return fmt.Errorf("the drawer opened %d times, want %d: %w", now(), want, err)
	}
	if n := now(); n != want {
		return fmt.Errorf("the drawer opened %d times, want %d", n, want)
	}
	// A till that dies before the printer's answer has reached it cuts the torn
	// receipt off at its next start: that would be taken for the next one's.
	return s.outcome(ctx, "confirmed", "sent", "unknown", "failed")
}

// printer is the one with receipts: the first in the configuration.
func (s *one) printer(ctx context.Context) *sim.Printer {
	status, err := s.shop.api.status(ctx)
	if err == nil {
		for _, d := range status.Devices {
			switch d.Name {
			case "printer-lan":
				return s.shop.lan
			case "printer-serial":
				return s.shop.serial
			}
		}
	}
	return s.shop.lan
}

// read checks what is on the paper.
func (s *one) read(k sim.Ticket) error {
	text := strings.Join(k.Lines, "\n")
	if isCopy(s.paper, k) {
		return fmt.Errorf("the first receipt is marked as a copy:\n%s", text)
	}
	if want := saleURL(s.id); !slices.Contains(k.QR, want) {
		return fmt.Errorf("receipt has the codes %q, want %q:\n%s", k.QR, want, text)
	}
	for _, want := range append(s.goods.names(), money(s.goods.total())) {
		if !bears(s.paper, k, want) {
			return fmt.Errorf("receipt lacks %q:\n%s", want, text)
		}
	}
	return nil
}

func (b basket) names() (list []string) {
	for _, a := range b {
		list = append(list, a.Name)
	}
	return list
}

func saleURL(id string) string { return strings.ReplaceAll(groupURL, "{sale}", id) }

// isCopy reports whether a ticket bears the mark of a reprint.
func isCopy(pr *sim.Printer, k sim.Ticket) bool {
	return bears(pr, k, "COPY") && bears(pr, k, "重打")
}

// inCloud waits until the sale is safe there and the till knows it.
func (s *one) inCloud(ctx context.Context) error {
	var e *cloud.Event
	err := s.step(ctx, "sale.closed in the cloud", func() error {
		return s.shop.cloud.Await(ctx, func() bool { e = s.event("tilld.sale.closed.v1", s.id); return e != nil })
	})
	if err != nil {
		return err
	}
	sales, err := s.shop.cloud.Ledger().Sales(source)
	if err != nil {
		return err
	}
	if got := sales[s.id]; got.Total != s.goods.total() || got.State != "closed" || len(got.Items) != len(s.goods) {
		return fmt.Errorf("cloud has %+v, want total %d", got, s.goods.total())
	}
	return s.step(ctx, "acked, queue empty", func() error {
		for {
			status, err := s.shop.api.status(ctx)
			if err != nil {
				return err
			}
			if status.Queue.AckedSeq >= e.Sequence && status.Queue.Depth == 0 {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("event %d, acked %d, depth %d: %w", e.Sequence, status.Queue.AckedSeq, status.Queue.Depth, context.Cause(ctx))
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
}

// money writes minor units as receipts and displays do.
func money(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }
