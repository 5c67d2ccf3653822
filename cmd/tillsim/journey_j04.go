package main

import (
	"context"
	"fmt"
)

// journey4: the receipt's code to the community group.
func journey4() journey {
	link := func(title, url string) map[string]any { return map[string]any{"title": title, "url": url} }
	return journey{
		id: "J4", name: "Receipt code to the community group",
		shop: func(o *shopOptions) { o.receipt = `, invoice_url: "https://tax.example/i"` },
		facts: func(v *visit) []fact {
			before, after, later := v.buy("MILK-UHT-1", "BREAD-RYE"), v.buy("WATER-550", "TEA-OOL-250"), v.buy("RICE-5")
			return []fact{
				{"the receipt ends with the store's group code, read from its dots, and apart from it the e-invoice code", before.first(before.scanAll, before.cash, before.receipt, before.paperHas("加入社群", "扫码开具电子发票"), before.groupAndInvoice(), before.inCloud)},
				{"head office sends other codes and another footer for this store", v.order("receipt.set", map[string]any{"footer": "团购群每晚 19:00 开团", "qr": []any{
					link("加入社群", groupURL), link("今晚团购", "https://s.example/t/{store}/{sale}"),
				}})},
				{"config.applied says what was changed by whom", v.reported("tilld.config.applied.v1", func() string { return "receipt" }, `"by":"receipt.set"`)},
				{"the next receipt has them, with short links that name store and sale and not the group: head office may point them elsewhere after printing", after.first(after.scanAll, after.cash, after.receipt, after.paperHas("今晚团购", "团购群每晚 19:00 开团"), after.shortLink, after.groupAndInvoice("https://s.example/t/"), after.snapPaper(v), after.inCloud)},
				{"the idle screen shows the code that needs no sale", v.order("receipt.set", map[string]any{"footer": "团购群每晚 19:00 开团", "qr": []any{link("加入社群", groupURL), link("团购群", "https://s.example/g/{store}")}})},
				{"it is on the screen as soon as the thanks are over", steps(v.nextIdle, v.sceneHas("idle", "https://s.example/g/sh-001"), v.snapScreen)},
				{"seven codes, or an address that no phone could read, are refused as a whole", steps(v.refusedOrder("receipt.set", map[string]any{"footer": "", "qr": []any{
					link("1", "https://s.example"), link("2", "https://s.example"), link("3", "https://s.example"), link("4", "https://s.example"), link("5", "https://s.example"), link("6", "https://s.example"), link("7", "https://s.example"),
				}}), v.refusedOrder("receipt.set", map[string]any{"footer": "", "qr": []any{link("x", "https://s.example/\x1bp")}}))},
				{"what was set is still there after kill -9", func(ctx context.Context) error {
					if err := v.shop.tilld.Kill(); err != nil {
						return err
					}
					return v.shop.start(ctx, true)
				}},
				{"and on the next receipt", later.first(later.scanAll, later.cash, later.receipt, later.paperHas("团购群"), later.groupAndInvoice("https://s.example/g/sh-001"), later.inCloud)},
			}
		},
	}
}

// groupAndInvoice checks that the receipt has the group's code, the e-invoice's,
// and these, by their beginnings.
func (s *one) groupAndInvoice(more ...string) step {
	return func(context.Context) error {
		want := append([]string{saleURL(s.id), "https://tax.example/i?ref="}, more...)
		for _, prefix := range want {
			if _, err := s.paperCode(prefix); err != nil {
				return err
			}
		}
		if len(s.ticket.QR) != len(want) {
			return fmt.Errorf("the receipt has the codes %q, want %d", s.ticket.QR, len(want))
		}
		return nil
	}
}

func (s *one) shortLink(context.Context) error {
	got, err := s.paperCode("https://s.example/t/")
	if want := "https://s.example/t/sh-001/" + s.id; err == nil && got != want {
		err = fmt.Errorf("the short link is %q, want %q", got, want)
	}
	return err
}

// refusedOrder has head office send a command that the till has to refuse.
func (v *visit) refusedOrder(kind string, data any) step {
	return func(ctx context.Context) error {
		r, err := v.shop.cloud.Command(ctx, tillPath, kind, data)
		if err == nil && (r.State != "refused" || r.Error == nil || r.Error.Message == "") {
			err = fmt.Errorf("%s is %s, %+v; want refused with a reason", kind, r.State, r.Error)
		}
		return err
	}
}

// nextIdle takes the thanks off the screen by a sale that is given up.
func (v *visit) nextIdle(ctx context.Context) error {
	s := v.buy("WATER-550")
	err := s.first(s.scanAll, func(ctx context.Context) error { return s.post(ctx, "void", map[string]any{"reason": "test"}, nil) })(ctx)
	v.voided++
	return err
}
