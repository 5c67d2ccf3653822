package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// unknownCode: nothing is added, the sale goes on.
func unknownCode(ctx context.Context, s *one) error {
	if err := s.scanAll(ctx); err != nil {
		return err
	}
	if _, err := s.scan(ctx, "6999999999994"); err != nil {
		return err
	}
	err := s.until(ctx, "a refused scan", func() (bool, error) {
		var list struct {
			Scans []struct {
				Code    string `json:"code"`
				Refused *struct {
					Code string `json:"code"`
				} `json:"refused"`
			} `json:"scans"`
		}
		err := s.shop.api.call(ctx, "GET", "/v1/scans?limit=1000", "", nil, &list)
		for _, x := range list.Scans {
			if x.Code == "6999999999994" && x.Refused != nil && x.Refused.Code == "unknown_code" {
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		return err
	}
	return s.then(ctx, s.cash, s.receipt, s.inCloud)
}

// then runs steps in order.
func (s *one) then(ctx context.Context, steps ...func(context.Context) error) error {
	for _, f := range steps {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// samePiece: one-item-one-code; the second scan of a serial adds nothing.
func samePiece(ctx context.Context, s *one) error {
	link := "https://id.example/01/0" + s.goods[0].GTIN + "/21/" + fmt.Sprintf("S%d", time.Now().UnixNano())
	s.goods = s.goods[:1]
	mark := s.screen.mark()
	if _, err := s.scan(ctx, link); err != nil {
		return err
	}
	err := s.sees(ctx, mark, "the piece", func(sc scene) bool { s.id = sc.SaleID; return len(sc.Lines) == 1 })
	if err != nil {
		return err
	}
	if _, err := s.scan(ctx, link); err != nil {
		return err
	}
	err = never(ctx, 600*time.Millisecond, "the same piece is in the sale twice", func() bool {
		got, err := s.shop.api.sale(ctx, s.id)
		return err != nil || len(got.Items) != 1 || got.Items[0].Quantity != "1"
	})
	if err != nil {
		return err
	}
	return s.then(ctx, s.cash, s.receipt, s.inCloud)
}

// controlCodes: text never becomes a command of the printer or the display.
func controlCodes(ctx context.Context, s *one) error {
	name := "tea \x1bp\x00\x19z \x10\x14\x01\x00\x01 \x1b@ \x0c end"
	unknown := s.shop.pole.Unknown()
	err := s.shop.api.call(ctx, "POST", "/v1/sales", s.key("open"), map[string]any{
		"items": []map[string]any{{"sku": "EVIL", "name": name, "quantity": "1", "unit_price": 300}},
	}, &struct{ ID *string }{&s.id})
	if refused(err) == "invalid_field" { // also right
		s.goods = s.book(1)
		return s.then(ctx, s.scanAll, s.cash, s.receipt, s.inCloud)
	}
	if err != nil {
		return err
	}
	s.goods = basket{{SKU: "EVIL", Name: "tea", UnitPrice: 300}}
	if err := s.then(ctx, s.cash, s.receipt, s.inCloud); err != nil { // cash: one pulse, not three
		return err
	}
	if got := s.shop.pole.Unknown(); got != unknown {
		return fmt.Errorf("the pole display got %d bytes that are no text", got-unknown)
	}
	return nil
}

// paperOut: the sale closes; the receipt comes, once, when there is paper.
func paperOut(ctx context.Context, s *one) error {
	s.shop.lan.Set(func(w *sim.Switches) { w.PaperOut = true })
	if err := s.then(ctx, s.scanAll, s.cash); err != nil {
		return err
	}
	err := s.until(ctx, "a condition about the printer", func() (bool, error) {
		status, err := s.shop.api.status(ctx)
		return slices.ContainsFunc(status.Conditions, func(c condition) bool { return c.Subject == "printer-lan" && c.Text != "" && c.Remedy != "" }), err
	})
	if err != nil {
		return err
	}
	if o, c := s.receipts(); o+c > 0 {
		return fmt.Errorf("%d receipts without paper", o+c)
	}
	s.shop.lan.Set(func(w *sim.Switches) { w.PaperOut = false })
	if err := s.papers(ctx, 1, 0); err != nil {
		return err
	}
	return s.then(ctx, s.inCloud)
}

// paperEnds: what is in the printer's buffer comes out on the new roll.
func paperEnds(ctx context.Context, s *one) error {
	s.shop.lan.Set(func(w *sim.Switches) { w.PaperLeft = 300 })
	if err := s.then(ctx, s.scanAll, s.payCode, s.shopperPays); err != nil {
		return err
	}
	if err := s.until(ctx, "the end of the paper", func() (bool, error) { return s.shop.lan.Switches().PaperOut, nil }); err != nil {
		return err
	}
	s.shop.lan.Set(func(w *sim.Switches) { w.PaperOut = false })
	if err := s.outcome(ctx, "confirmed", "sent", "unknown"); err != nil {
		return err
	}
	if err := s.papers(ctx, 1, 0); err != nil {
		return err
	}
	return s.then(ctx, s.inCloud)
}

// cableCut: nobody knows what is on paper, so the till does not print again by
// itself; the cashier's reprint is marked.
func cableCut(ctx context.Context, s *one) error {
	s.shop.lan.CutAfter(700)
	if err := s.then(ctx, s.scanAll, s.payCode, s.shopperPays); err != nil {
		return err
	}
	if err := s.outcome(ctx, "unknown", "failed"); err != nil {
		return err
	}
	if err := s.device(ctx, "printer-lan", true); err != nil {
		return err
	}
	err := never(ctx, time.Second, "the receipt was printed again by itself", func() bool { o, c := s.receipts(); return o+c > 0 })
	if err != nil {
		return err
	}
	if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/reprint", s.key("reprint"), map[string]any{}, nil); err != nil {
		return err
	}
	if err := s.papers(ctx, 0, 1); err != nil {
		return err
	}
	return s.then(ctx, s.inCloud)
}

// killedPrinting: the serial printer is left in the middle of a command. What it
// prints next must be whole all the same, and the torn receipt is not printed
// again by itself.
func killedPrinting(ctx context.Context, s *one) error {
	if err := s.swapPrinters(ctx); err != nil {
		return err
	}
	s.shop.serial.Set(func(w *sim.Switches) { w.Deaf = true })
	// A long receipt: a short one would fit into the line's buffers.
	var items []map[string]any
	s.goods = nil
	for i := range 120 {
		name := fmt.Sprintf("第 %d 件商品，名称较长，为使小票变长", i+1)
		items = append(items, map[string]any{"sku": fmt.Sprintf("LONG-%d", i), "name": name, "quantity": "1", "unit_price": 100})
		s.goods = append(s.goods, cloud.Article{Name: name, UnitPrice: 100})
	}
	if err := s.shop.api.call(ctx, "POST", "/v1/sales", s.key("open"), map[string]any{"items": items}, &struct{ ID *string }{&s.id}); err != nil {
		return err
	}
	if err := s.then(ctx, s.payCode, s.shopperPays); err != nil {
		return err
	}
	select { // until the line is full
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(700 * time.Millisecond):
	}
	if err := s.shop.tilld.Kill(); err != nil {
		return err
	}
	s.shop.serial.Set(func(w *sim.Switches) { w.Deaf = false })
	if err := s.shop.start(ctx, true); err != nil {
		return err
	}
	if err := s.outcome(ctx, "unknown"); err != nil {
		return err
	}
	if o, c := s.receipts(); o+c > 0 {
		return fmt.Errorf("%d receipts although the printer took only a part", o+c)
	}
	if _, err := s.shop.serial.Wait(ctx, s.mark[s.shop.serial]); err != nil {
		return fmt.Errorf("the torn receipt is not cut off: %w", err)
	}
	next := &one{script: s.script, goods: s.book(2), began: time.Now(), name: "the next sale"}
	if err := next.play(ctx, next.scanAll, next.cash, next.receipt, next.inCloud); err != nil {
		return fmt.Errorf("the next sale: %w", err)
	}
	if o, c := s.receipts(); o+c > 0 {
		return fmt.Errorf("the torn receipt was printed again by itself: %d", o+c)
	}
	key := s.key("reprint")
	if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/reprint", key, map[string]any{}, nil); err != nil {
		return err
	}
	if err := s.papers(ctx, 0, 1); err != nil {
		return err
	}
	return s.inCloud(ctx)
}

// printerSilent: takes everything, says nothing, as cheap clones do.
func printerSilent(ctx context.Context, s *one) error {
	s.shop.lan.Set(func(w *sim.Switches) { w.Silent = true })
	defer s.shop.lan.Set(func(w *sim.Switches) { w.Silent = false })
	if err := s.then(ctx, s.scanAll, s.cash, s.inCloud); err != nil {
		return err
	}
	err := never(ctx, 2*time.Second, "more than one receipt", func() bool { o, c := s.receipts(); return o+c > 1 })
	if err != nil {
		return err
	}
	s.shop.lan.Set(func(w *sim.Switches) { w.Silent = false })
	if err := s.outcome(ctx, "confirmed", "sent", "unknown"); err != nil {
		return err
	}
	if err := s.device(ctx, "printer-lan", true); err != nil {
		return err
	}
	return s.papers(ctx, 1, 0)
}

// scannerUnplugged: back in service within 2 s of being plugged in.
func scannerUnplugged(ctx context.Context, s *one) error {
	if err := s.shop.scanner.Unplug(); err != nil {
		return err
	}
	if err := s.device(ctx, "scanner-1", false); err != nil {
		return err
	}
	if err := s.shop.scanner.Plug(); err != nil {
		return err
	}
	began := time.Now()
	if err := s.device(ctx, "scanner-1", true); err != nil {
		return err
	}
	s.note("plugged in → in service", time.Since(began))
	return s.then(ctx, s.scanAll, s.cash, s.receipt, s.inCloud)
}

// poleUnplugged: what stands on it afterwards is what is true now.
func poleUnplugged(ctx context.Context, s *one) error {
	if err := s.scanAll(ctx); err != nil {
		return err
	}
	if err := s.shop.poleway.Unplug(); err != nil {
		return err
	}
	if err := s.device(ctx, "pole-1", false); err != nil {
		return err
	}
	s.shop.pole.Feed([]byte("\x0c")) // it lost its power
	if err := s.shop.poleway.Plug(); err != nil {
		return err
	}
	if err := s.pole(ctx, money(s.goods.total())); err != nil {
		return err
	}
	return s.then(ctx, s.cash, s.receipt, s.inCloud)
}

// refund: the money goes back the way it came, and both numbers are in one
// series.
func refund(ctx context.Context, s *one) error {
	if err := s.then(ctx, s.scanAll, s.payCode, s.shopperPays, s.receipt, s.inCloud); err != nil {
		return err
	}
	key := s.key("refund")
	for range 2 { // asked twice, done once
		if err := s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/refund", key, map[string]any{"reason": "does not fit"}, nil); err != nil {
			return err
		}
	}
	if err := s.shop.cloud.Await(ctx, func() bool { return s.event("tilld.sale.refunded.v1", s.id) != nil }); err != nil {
		return fmt.Errorf("no sale.refunded: %w", err)
	}
	pay := s.shop.cloud.Payments()[s.payID]
	if len(pay.Refunds) != 1 || pay.Refunds[0].Amount != s.goods.total() {
		return fmt.Errorf("the cloud gave back %+v, want %d once", pay.Refunds, s.goods.total())
	}
	s.refunded[s.id] = true
	return nil
}

// paperText is everything printed so far.
func (p *script) paperText() string {
	var text strings.Builder
	list, _ := p.shop.lan.Tickets(0)
	for _, k := range list {
		text.WriteString(strings.Join(k.Lines, "\n"))
	}
	return text.String()
}
