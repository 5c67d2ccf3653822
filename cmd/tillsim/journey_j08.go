package main

import (
	"context"
	"fmt"

	"tilld/internal/cloud"
)

// journey8: ordered online, picked up in the store.
func journey8() journey {
	return journey{
		id: "J8", name: "Order online, pick up in store",
		shop: func(o *shopOptions) {
			o.catalogue.Pickups = map[string]cloud.Pickup{
				"P-8801-AAAA": {ID: "pu-8801", Number: "8801", State: "ready", ShopperMasked: "李**", Items: []cloud.Article{article("TEA-OOL-250"), article("MILK-UHT-1")}},
				"P-8802-AAAA": {ID: "pu-8802", Number: "8802", State: "ready", ShopperMasked: "周**", Items: []cloud.Article{article("RICE-5")}},
				"P-8803-AAAA": {ID: "pu-8803", Number: "8803", State: "done", ShopperMasked: "吴**", Items: []cloud.Article{article("RICE-5")}},
			}
		},
		facts: func(v *visit) []fact {
			between := v.buy("WATER-550", "BREAD-RYE")
			subject := func() string { return "pu-8801" }
			return []fact{
				{"the pickup code from the shopper's phone shows the order: number, goods, the shopper masked", steps(v.scans("P-8801-AAAA"), v.sceneHas("pickup", "8801", "李**", article("TEA-OOL-250").Name, article("MILK-UHT-1").Name), v.snapScreen)},
				{"nothing is recorded before the goods are handed over", v.times("tilld.pickup.completed.v1", 0)},
				{"the code scanned again says that they were; pickup.completed names order, goods and time", steps(v.scans("P-8801-AAAA"), v.reported("tilld.pickup.completed.v1", subject, `"number":"8801"`, `"items":2`))},
				{"a third scan is refused: handed over once", steps(v.scans("P-8801-AAAA"), v.refusedScan("pickup_done"))},
				{"also after kill -9", steps(func(ctx context.Context) error {
					if err := v.shop.tilld.Kill(); err != nil {
						return err
					}
					return v.shop.start(ctx, true)
				}, v.scans("P-8801-AAAA"), v.refusedScan("pickup_done"))},
				{"the cashier can confirm with a button as well; asked twice, it is recorded once", steps(v.scans("P-8802-AAAA"), v.sceneHas("pickup", "8802"), v.confirms("pu-8802"), v.times("tilld.pickup.completed.v1", 2))},
				{"an order that another till handed over is refused", steps(v.scans("P-8803-AAAA"), v.refusedScan("pickup_done"))},
				{"a pickup code that nobody knows is refused", steps(v.scans("P-0000-AAAA"), v.refusedScan("not_found"))},
				{"without a link it is refused at once", steps(v.offline(v.scans("P-9999-AAAA"), v.refusedScan("link_down")), v.online)},
				{"sales between are not touched by it", between.first(between.scanAll, between.cash, between.receipt, between.snapPaper(v), between.inCloud)},
				{"the cloud has each hand-over once, whatever was repeated on the way", v.times("tilld.pickup.completed.v1", 2)},
			}
		},
	}
}

// times checks how often the cloud has a kind of event, once all is there.
func (v *visit) times(kind string, want int) step {
	return func(ctx context.Context) error {
		if err := v.drained(ctx); err != nil {
			return err
		}
		if n := v.count(kind); n != want {
			return fmt.Errorf("%d events %s, want %d", n, kind, want)
		}
		return nil
	}
}

// confirms says twice, with one key, that an order was handed over.
func (v *visit) confirms(id string) step {
	return func(ctx context.Context) error {
		for range 2 {
			if err := v.shop.api.call(ctx, "POST", "/v1/pickups/"+id+"/confirm", "j8-"+id, map[string]any{}, nil); err != nil {
				return err
			}
		}
		err := v.shop.api.call(ctx, "POST", "/v1/pickups/"+id+"/confirm", "j8-again-"+id, map[string]any{}, nil)
		if refused(err) != "pickup_done" {
			return fmt.Errorf("confirmed again: %v, want pickup_done", err)
		}
		return nil
	}
}
