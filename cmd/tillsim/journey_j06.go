package main

import (
	"context"
	"errors"
	"fmt"

	"tilld/internal/cloud"
)

// journey6: the adviser's basket and the self-scan basket.
func journey6() journey {
	return journey{
		id: "J6", name: "Adviser-built basket and self-scan basket",
		shop: func(o *shopOptions) {
			o.catalogue.Baskets = map[string]cloud.Basket{
				"B-SELF-0815": {Items: []cloud.Article{article("TEA-OOL-250"), article("CUP-CELADON")}, Adviser: "adviser-7"},
				"B-LATE-0816": {Items: []cloud.Article{article("RICE-5")}},
			}
		},
		facts: func(v *visit) []fact {
			pushed, fetched, plain := v.buy("CUP-CELADON", "CHOC-100"), v.buy("TEA-OOL-250", "CUP-CELADON"), v.buy("WATER-550")
			return []fact{
				{"an adviser's tablet has the cloud push a basket: a sale opens with it and the screen shows it", pushed.first(v.order("basket.push", cloud.Basket{Items: pushed.goods, Adviser: "adviser-3"}), pushed.lines(2), pushed.apiHas(`"adviser":"adviser-3"`))},
				{"the shopper pays the code on the screen", steps(pushed.payCode, v.snapScreen, pushed.shopperPaysPlain)},
				{"receipt and sale.closed name the adviser", steps(pushed.receipt, pushed.paperHas("导购", "adviser-3"), pushed.snapPaper(v), pushed.inCloud, v.reported("tilld.sale.closed.v1", pushed.theSale, `"adviser":"adviser-3"`))},
				{"the hand-over code of a self-scan basket, read from the shopper's phone, fetches it from the cloud", fetched.first(v.scans("B-SELF-0815"), fetched.lines(2), fetched.apiHas(`"adviser":"adviser-7"`))},
				{"the cashier may add to it; what is due is the sum", steps(v.scans(article("WATER-550").GTIN), fetched.lines(3), func(context.Context) error {
					fetched.goods = append(fetched.goods, article("WATER-550"))
					return nil
				}, fetched.payCode, fetched.shopperPaysPlain, fetched.receipt, fetched.inCloud)},
				{"the same hand-over code again is refused: a basket is taken over once", steps(v.scans("B-SELF-0815"), v.refusedScan("basket_used"))},
				{"a basket pushed while the pay code is shown withdraws the code in the same moment", plain.first(plain.scanAll, plain.payCode, plain.pushedWhilePaying, plain.cash, plain.receipt, plain.inCloud)},
				{"a code that the cloud does not know is refused, with words", steps(v.scans("B-NONE-0000"), v.refusedScan("not_found"))},
				{"without a link a hand-over code is refused at once; nothing is guessed", steps(v.offline(v.scans("B-LATE-0816"), v.refusedScan("link_down")), v.online)},
				{"an article that is none is refused as a whole: no half basket", v.refusedOrder("basket.push", map[string]any{"items": []any{article("RICE-5"), map[string]any{"sku": "", "name": "x", "unit_price": 1}}})},
				{"after that there is no sale at the till", func(ctx context.Context) error {
					if err := v.shop.api.call(ctx, "GET", "/v1/sales/current", "", nil, nil); refused(err) != "no_current_sale" {
						return fmt.Errorf("the current sale: %v", err)
					}
					return nil
				}},
			}
		},
	}
}

// pushedWhilePaying: the code goes, the payment is cancelled.
func (s *one) pushedWhilePaying(ctx context.Context) error {
	mark := s.screen.mark()
	more := article("BREAD-RYE")
	r, err := s.shop.cloud.Command(ctx, tillPath, "basket.push", cloud.Basket{Items: []cloud.Article{more}})
	if err != nil || r.State != "done" {
		return errors.Join(fmt.Errorf("basket.push is %s: %+v", r.State, r.Error), err)
	}
	s.goods = append(s.goods, more)
	f, err := s.screen.wait(ctx, mark, "the next scene", func(f frame) bool { return f.event == "scene" })
	if err != nil {
		return err
	}
	if sc := decodeScene(f); sc.Pay != nil || len(sc.Lines) != 2 {
		return fmt.Errorf("the scene after the push: %s", f.data)
	}
	return s.shop.cloud.Await(ctx, func() bool { return s.shop.cloud.Payments()[s.payID].State == "cancelled" })
}
