package main

import (
	"context"
	"errors"
	"fmt"
)

// journey14: what every cashier does daily.
func journey14() journey {
	return journey{id: "J14", name: "Refund, void, reprint, park and recall, shift and cash count", facts: func(v *visit) []fact {
		s, part, parked, quick, gone := v.buy("TEA-OOL-250", "MILK-UHT-1"), v.buy("CUP-CELADON", "BREAD-RYE"), v.buy("RICE-5"), v.buy("WATER-550"), v.buy("CHOC-100")
		var expected int64
		drawer := func() string { return "drawer" }
		return []fact{
			{"the cashier opens the shift with 200.00 in the drawer", func(ctx context.Context) error {
				expected = 20000
				return v.shop.api.call(ctx, "POST", "/v1/shift/open", "j14-open", map[string]any{"cashier": "E-zhang", "float": 20000}, nil)
			}},
			{"a cash sale opens the drawer once and gives change", s.first(s.scanAll, s.cash, s.receipt, s.inCloud, func(context.Context) error { expected += s.goods.total(); return nil })},
			{"a basket is parked for a shopper who forgot something; the next shopper is served meanwhile", steps(parked.first(parked.scanAll, parked.parks), quick.first(quick.scanAll, quick.cash, quick.receipt, quick.inCloud, func(context.Context) error { expected += quick.goods.total(); return nil }))},
			{"recalled, the basket is as it was, also after kill -9 in between", steps(func(ctx context.Context) error {
				if err := v.shop.tilld.Kill(); err != nil {
					return err
				}
				return v.shop.start(ctx, true)
			}, parked.recalls, v.sceneHas("basket", article("RICE-5").Name), parked.payCode, parked.shopperPaysPlain, parked.receipt, parked.inCloud)},
			{"a sale that the shopper gives up is void: it has no number, and sale.voided says why and by whom", gone.first(gone.scanAll, gone.voids, v.reported("tilld.sale.voided.v1", gone.theSale, `"void_reason":"changed their mind"`))},
			{"one line of a sale paid by phone comes back: exactly that money goes back the way it came", part.first(part.scanAll, part.payCode, part.shopperPaysPlain, part.receipt, part.inCloud, part.givesBack(map[string]any{"lines": []int{1}, "reason": "chipped"}, 12800))},
			{"asking the same again gives nothing back", part.refundRefused(map[string]any{"lines": []int{1}, "reason": "chipped"})},
			{"the rest comes back too; more than was paid never does", steps(part.givesBack(map[string]any{"reason": "the rest"}, 980), part.refundRefused(map[string]any{"amount": 1, "reason": "once more"}), func(context.Context) error { v.refunded[part.id] = true; return nil })},
			{"refunds are numbered in the same series as sales and have a receipt of their own", v.refundPaper(part)},
			{"a reprint is marked COPY and 重打; the original stays the only one", s.reprints},
			{"the drawer opened without a sale is in the journal before it opens, with reason and cashier", steps(func(ctx context.Context) error {
				return v.shop.api.call(ctx, "POST", "/v1/drawer/open", "j14-drawer", map[string]any{"reason": "change for till 2", "cashier": "E-zhang"}, nil)
			}, v.reported("tilld.drawer.opened.v1", drawer, `"reason":"change for till 2"`))},
			{"the cash count says what should be there, what is and the difference", steps(v.nextIdle, func(ctx context.Context) error {
				var c struct{ Expected, Counted, Difference int64 }
				if err := v.shop.api.call(ctx, "POST", "/v1/shift/close", "j14-close", map[string]any{"cashier": "E-zhang", "counted": expected - 150}, &c); err != nil {
					return err
				}
				if c.Expected != expected || c.Counted != expected-150 || c.Difference != -150 {
					return fmt.Errorf("the count is %+v, want %d expected and -150 difference", c, expected)
				}
				return v.reported("tilld.shift.closed.v1", func() string { return "E-zhang" }, `"difference":-150`)(ctx)
			})},
			{"the Z report has the day's sales, refunds and voids by tender, and its numbers add up to the events", v.zReport},
			{"the screen says that the till is closed", steps(v.sceneHas("closed_till"), v.snapScreen)},
		}
	}}
}

func (s *one) parks(ctx context.Context) error { return s.post(ctx, "park", map[string]any{}, nil) }
func (s *one) recalls(ctx context.Context) error {
	s.begin()
	var got sale
	if err := s.post(ctx, "recall", map[string]any{}, &got); err != nil {
		return err
	}
	if got.State != "open" || got.Total != s.goods.total() || len(got.Items) != len(s.goods) {
		return fmt.Errorf("recalled: %+v", got)
	}
	return nil
}

func (s *one) voids(ctx context.Context) error {
	var got sale
	if err := s.post(ctx, "void", map[string]any{"reason": "changed their mind"}, &got); err != nil {
		return err
	}
	s.voided++
	if got.State != "void" || got.Number != 0 {
		return fmt.Errorf("void: state %s, number %d", got.State, got.Number)
	}
	return nil
}

// givesBack refunds, and the cloud has to give back exactly amount more.
func (s *one) givesBack(body map[string]any, amount int64) step {
	return func(ctx context.Context) error {
		before := s.givenBack()
		if err := s.post(ctx, "refund", body, nil); err != nil {
			return err
		}
		if err := s.shop.cloud.Await(ctx, func() bool { return s.givenBack() != before }); err != nil {
			return err
		}
		if got := s.givenBack() - before; got != amount {
			return fmt.Errorf("the cloud gave back %d, want %d", got, amount)
		}
		return s.shop.cloud.Await(ctx, func() bool {
			return s.eventWith("tilld.sale.refunded.v1", s.id, []string{fmt.Sprintf(`"amount":%d,`, amount)}) != nil
		})
	}
}

func (s *one) givenBack() (sum int64) {
	for _, r := range s.shop.cloud.Payments()[s.payID].Refunds {
		sum += r.Amount
	}
	return sum
}

func (s *one) refundRefused(body map[string]any) step {
	return func(ctx context.Context) error {
		before := s.givenBack()
		if err := s.post(ctx, "refund", body, nil); refused(err) == "" {
			return fmt.Errorf("refund %v: %v, want a refusal", body, err)
		}
		if s.givenBack() != before {
			return errors.New("money went back all the same")
		}
		return nil
	}
}

// refundPaper finds the refunds' receipts.
func (v *visit) refundPaper(s *one) step {
	return func(ctx context.Context) error {
		found := 0
		err := v.until(ctx, "two refund receipts", func() (bool, error) {
			found = 0
			list, _ := s.paper.Tickets(0)
			for _, k := range list {
				if lacking([]byte(fmt.Sprint(k.Lines)), []string{"退款小票", "原单号", s.id}) == "" {
					s.ticket = k
					found++
				}
			}
			return found >= 2, nil
		})
		if err != nil {
			return err
		}
		if found != 2 {
			return fmt.Errorf("%d refund receipts, want 2", found)
		}
		return s.snapPaper(v)(ctx)
	}
}

func (s *one) reprints(ctx context.Context) error {
	if err := s.post(ctx, "reprint", map[string]any{}, nil); err != nil {
		return err
	}
	return s.papers(ctx, 1, 1)
}

// zReport compares the report with what the cloud has.
func (v *visit) zReport(ctx context.Context) error {
	var z struct {
		Sales, Refunds, Voids, Gross, Refunded, Net int64
		LastNumber                                  int `json:"last_number"`
		Tenders                                     map[string]int64
	}
	if err := v.shop.api.call(ctx, "GET", "/v1/reports/z", "", nil, &z); err != nil {
		return err
	}
	if err := v.drained(ctx); err != nil {
		return err
	}
	r := v.shop.cloud.Ledger().Report(source)
	var tenders int64
	for _, n := range z.Tenders {
		tenders += n
	}
	if z.Sales != int64(r.Closed) || z.Refunds != int64(r.Refunded) || z.Voids != int64(r.Voided) || z.Gross != r.Total || z.LastNumber != r.Closed+r.Refunded || z.Net != z.Gross-z.Refunded || tenders != z.Net {
		return fmt.Errorf("the Z report is %+v, the cloud has %+v", z, r)
	}
	return nil
}
