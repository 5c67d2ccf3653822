package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// journey5: one-item-one-code.
func journey5() journey {
	serial := fmt.Sprintf("S%d", time.Now().UnixNano())
	link := "https://id.example/01/0" + article("TEA-OOL-250").GTIN + "/21/" + serial
	vendor := "https://v.example.cn/" + article("MILK-UHT-1").GTIN + "/V" + serial
	return journey{
		id: "J5", name: "One-item-one-code",
		shop: func(o *shopOptions) {
			o.config = `codes: {item_url: ['https://v\.example\.cn/(?P<gtin>\d{13})/(?P<serial>\w+)']}` + "\n"
		},
		facts: func(v *visit) []fact {
			s, later, again := v.buy("TEA-OOL-250", "MILK-UHT-1"), v.buy("WATER-550"), v.buy("TEA-OOL-250")
			tea, milk := `"gtin":"0`+article("TEA-OOL-250").GTIN+`"`, `"gtin":"0`+article("MILK-UHT-1").GTIN+`"`
			return []fact{
				{"a GS1 Digital Link on the single piece puts the article on the screen, and GTIN and serial on the line", s.first(v.scans(link), s.lines(1), s.apiHas(tea, `"serial":"`+serial+`"`))},
				{"a vendor's own address does the same by a rule of the configuration", steps(v.scans(vendor), s.lines(2), s.apiHas(milk, `"serial":"V`+serial+`"`), v.snapScreen)},
				{"the same piece once more is refused, on the screen in words and in the scan ledger; the basket stays as it is", steps(v.scans(link), v.refusedScan("duplicate_serial"), s.lines(2))},
				{"the serials are on the receipt", steps(s.cash, s.receipt, s.paperHas("SN "+serial, "SN V"+serial), s.snapPaper(v))},
				{"and travel with the sale", steps(s.inCloud, v.reported("tilld.sale.closed.v1", s.theSale, `"serial":"`+serial+`"`, `"serial":"V`+serial+`"`))},
				{"a piece that was sold is refused in the next sale, also after kill -9", later.first(later.scanAll, func(ctx context.Context) error {
					if err := v.shop.tilld.Kill(); err != nil {
						return err
					}
					return v.shop.start(ctx, true)
				}, v.scans(link), v.refusedScan("serial_sold"), later.lines(1), later.cash, later.receipt, later.inCloud)},
				{"once it came back, it can be sold again", steps(s.cashBack(1), again.first(v.scans(link), again.lines(1), again.apiHas(`"serial":"`+serial+`"`), again.cash, again.receipt, again.inCloud))},
				{"two pieces of one kind are two lines, each with its serial", func(ctx context.Context) error {
					two := v.buy("MILK-UHT-1", "MILK-UHT-1")
					return two.first(v.scans(vendor+"a"), two.lines(1), v.scans(vendor+"b"), two.lines(2), two.cash, two.receipt, two.inCloud)(ctx)
				}},
			}
		},
	}
}

// lines waits until the screen shows a basket of n lines, whose sale is ours.
func (s *one) lines(n int) step {
	return func(ctx context.Context) error {
		v := &visit{script: s.script}
		over := func(id string) bool { // its last scene may still be on its way to us
			return slices.ContainsFunc(s.sold, func(x sold) bool { return x.id == id })
		}
		err := v.shows(fmt.Sprintf("%d lines", n), func(sc scene) bool { return sc.SaleID != "" && !over(sc.SaleID) && len(sc.Lines) == n })(ctx)
		if err != nil {
			return err
		}
		id := v.scene().SaleID
		if s.id != "" && s.id != id {
			return fmt.Errorf("the screen shows sale %s, not %s", id, s.id)
		}
		s.id = id
		return nil
	}
}

// cashBack gives back one line of a sale paid in cash: the drawer opens, and the
// refund has a receipt of its own.
func (s *one) cashBack(line int) step {
	return func(ctx context.Context) error {
		pulses := s.paper.Stats().Pulses
		if err := s.post(ctx, "refund", map[string]any{"lines": []int{line}, "reason": "test"}, nil); err != nil {
			return err
		}
		if err := s.shop.cloud.Await(ctx, func() bool { return s.event("tilld.sale.refunded.v1", s.id) != nil }); err != nil {
			return err
		}
		return s.until(ctx, "the refund's receipt and the drawer open", func() (bool, error) {
			list, _ := s.paper.Tickets(s.ticket.ID)
			for _, k := range list {
				if k.Cut && lacking([]byte(strings.Join(k.Lines, "\n")), []string{"退款小票", s.id}) == "" {
					return s.paper.Stats().Pulses > pulses, nil
				}
			}
			return false, nil
		})
	}
}
