package main

import (
	"context"
	"fmt"
)

// contactURL is the cashier's own contact code.
const contactURL = "https://wx.example/c/{cashier}"

// journey10: the cashier's own code and attribution.
func journey10() journey {
	return journey{id: "J10", name: "Cashier's own code and attribution", facts: func(v *visit) []fact {
		s, advised, other := v.buy("TEA-OOL-250", "CUP-CELADON"), v.buy("CHOC-100"), v.buy("MILK-UHT-1")
		zhang := func() string { return "E-zhang" }
		contact := func(who string) string { return `"url":"https://wx.example/c/` + who + `"` }
		return []fact{
			{"head office sets the cashier's contact code beside the group's", v.order("receipt.set", map[string]any{"footer": "", "qr": []any{
				map[string]any{"title": "加入社群", "url": groupURL}, map[string]any{"title": "加我微信", "url": contactURL},
			}})},
			{"with nobody signed in there is no contact code", v.shows("idle without a contact", func(sc scene) bool { return sc.Kind == "idle" && len(sc.QR) == 0 })},
			{"the cashier signs in by scanning the badge; cashier.signed_in says so", steps(v.scans("E-zhang"), v.reported("tilld.cashier.signed_in.v1", zhang, `"cashier":"E-zhang"`))},
			{"the idle screen shows this cashier's code", v.sceneHas("idle", contact("E-zhang"))},
			{"the badge does not sign out while a sale is open", s.first(s.scanAll, v.scans("E-zhang"), s.still("E-zhang"))},
			{"after the payment the screen shows it again", steps(s.payCode, s.shopperPaysPlain, v.sceneHas("paid", contact("E-zhang")), v.snapScreen)},
			{"and the receipt prints it, with the cashier's name", steps(s.receipt, s.paperHas("收银员", "E-zhang", "加我微信"), s.paperCodes(func() []string { return []string{saleURL(s.id), "https://wx.example/c/E-zhang"} }), s.snapPaper(v))},
			{"sale.closed names the cashier", steps(s.inCloud, v.reported("tilld.sale.closed.v1", s.theSale, `"cashier":"E-zhang"`))},
			{"a sale opened for an adviser names both, on the receipt and in the event", advised.first(advised.openFor("adviser-7"), advised.cash, advised.receipt, advised.paperHas("导购", "adviser-7", "E-zhang"), advised.inCloud, v.reported("tilld.sale.closed.v1", advised.theSale, `"cashier":"E-zhang"`, `"adviser":"adviser-7"`))},
			{"another cashier's badge changes the code, and the next sale is that cashier's", steps(v.scans("E-li"), other.first(other.scanAll, other.cash, other.receipt, other.paperCodes(func() []string { return []string{saleURL(other.id), "https://wx.example/c/E-li"} }), other.inCloud, v.reported("tilld.sale.closed.v1", other.theSale, `"cashier":"E-li"`)))},
			{"the badge of who is signed in signs out; the code is gone from the screen", steps(v.nextIdle, v.scans("E-li"), v.reported("tilld.cashier.signed_out.v1", func() string { return "E-li" }), v.shows("idle without a contact", func(sc scene) bool { return sc.Kind == "idle" && len(sc.QR) == 0 }))},
			{"every event of a sale that was made while a cashier was signed in has the cashier", func(context.Context) error {
				for _, e := range v.shop.cloud.Ledger().Events(source, 0) {
					if (e.Type == "tilld.sale.closed.v1" || e.Type == "tilld.sale.voided.v1") && lacking(e.Data, []string{`"cashier":"E-`}) != "" {
						return fmt.Errorf("event %d names no cashier: %s", e.Sequence, e.Data)
					}
				}
				return nil
			}},
		}
	}}
}

// still checks that a cashier is signed in while the sale is open.
func (s *one) still(cashier string) step {
	return func(ctx context.Context) error {
		if err := s.until(ctx, "the badge in the scan ledger", func() (bool, error) {
			list, err := (&visit{script: s.script}).ledger(ctx)
			return len(list) > 0 && list[len(list)-1].Kind == "badge", err
		}); err != nil {
			return err
		}
		if n := s.count("tilld.cashier.signed_out.v1"); n != 0 {
			return fmt.Errorf("%d sign-outs while a sale is open", n)
		}
		return s.apiHas(`"cashier":"` + cashier + `"`)(ctx)
	}
}

// openFor opens the sale over the API, as an adviser's tablet does.
func (s *one) openFor(adviser string) step {
	return func(ctx context.Context) error {
		var items []map[string]any
		for _, a := range s.goods {
			items = append(items, map[string]any{"code": a.GTIN})
		}
		return s.shop.api.call(ctx, "POST", "/v1/sales", s.key("open"), map[string]any{"adviser": adviser, "items": items}, &struct{ ID *string }{&s.id})
	}
}
