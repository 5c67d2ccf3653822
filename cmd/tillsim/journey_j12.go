package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"tilld/internal/cloud"
)

// mallSource is what the mall calls our till.
const mallSource = mallRoot + "/" + mallTill

// journey12: settlement with a mall.
func journey12() journey {
	return journey{
		id: "J12", name: "Mall settlement",
		shop: func(o *shopOptions) {
			o.mall = true
			o.catalogue.Members = map[string]cloud.Member{memberCode: {IDMasked: "138****5678", Level: "gold", Consent: true}}
		},
		facts: func(v *visit) []fact {
			first, second, third, gone := v.buy("TEA-OOL-250", "MILK-UHT-1"), v.buy("CUP-CELADON"), v.buy("RICE-5"), v.buy("CHOC-100")
			return []fact{
				{"a member buys; the sale closes and reaches brand and mall", first.first(first.scanAll, v.scans(memberCode), v.sceneHas("member"), v.sceneHas("basket"), first.payCode, v.snapScreen, first.shopperPaysPlain, first.receipt, first.snapPaper(v), first.inCloud, v.mallHas(first))},
				{"the mall's view names neither member nor payment; the brand's does", v.mallView(first)},
				{"while the mall is away, selling, printing and the brand's link go on", steps(v.mallAway, second.first(second.scanAll, second.cash, second.receipt, second.inCloudOnly), gone.first(gone.scanAll, gone.voids, v.reported("tilld.sale.voided.v1", gone.theSale)))},
				{"a refund is numbered in the same series", steps(second.cashBack(1), func(context.Context) error { v.refunded[second.id] = true; return nil })},
				{"when the mall is back it gets what waited, once and in order", steps(v.mallBack, v.mallHas(second))},
				{"while brand and mall are both away the till sells on; both catch up", steps(v.offline(v.mallAway, third.first(third.scanAll, third.cash, third.receipt)), v.online, v.mallBack, third.inCloud, v.mallHas(third))},
				{"also after kill -9 with copies waiting", func(ctx context.Context) error {
					last := v.buy("WATER-550")
					return steps(v.mallAway, last.first(last.scanAll, last.cash, last.receipt), func(ctx context.Context) error {
						if err := v.shop.tilld.Kill(); err != nil {
							return err
						}
						return v.shop.start(ctx, false)
					}, v.mallBack, last.inCloud, v.mallHas(last))(ctx)
				}},
				{"numbers are gapless at the brand and at the mall, refunds included", v.numbersGapless},
				{"each of the mall's copies names its event and the SHA-256 of that event's bytes; brand and mall compare, and nothing is lost, doubled or changed", v.reconciled},
				{"the settlement of the two sides' books (`tillctl settle`) finds the same movements and no difference that is not explained", v.settleMall},
				{"the Z report per day and tender has the same sums as both ledgers", steps(v.zReport, v.mallSums)},
			}
		},
	}
}

// mallHas waits until the mall has the sale's copy.
func (v *visit) mallHas(s *one) step {
	return func(ctx context.Context) error {
		return v.shop.mall.cloud.Await(ctx, func() bool { return v.mallEvent("tilld.sale.closed.v1", s.id) != nil })
	}
}

func (v *visit) mallEvent(kind, subject string) *cloud.Event {
	for _, e := range v.shop.mall.cloud.Ledger().Events(mallSource, 0) {
		if e.Type == kind && e.Subject == subject {
			return &e
		}
	}
	return nil
}

func (v *visit) mallView(s *one) step {
	return func(context.Context) error {
		ours, theirs := v.event("tilld.sale.closed.v1", s.id), v.mallEvent("tilld.sale.closed.v1", s.id)
		if miss := lacking(ours.Data, []string{"138****5678", `"payment_id"`}); miss != "" {
			return fmt.Errorf("the brand's event lacks %s: %s", miss, ours.Data)
		}
		for _, secret := range []string{"138****5678", `"member"`, `"payment"`, `"payment_id"`, `"reference"`} {
			if lacking(theirs.Data, []string{secret}) == "" {
				return fmt.Errorf("the mall sees %s: %s", secret, theirs.Data)
			}
		}
		if miss := lacking(theirs.Data, []string{fmt.Sprintf(`"total":%d`, s.goods.total()), `"number":1`, `"method":"wallet"`}); miss != "" {
			return fmt.Errorf("the mall's copy lacks %s: %s", miss, theirs.Data)
		}
		return nil
	}
}

func (v *visit) mallAway(context.Context) error     { return v.shop.mall.broker.Stop() }
func (v *visit) mallBack(ctx context.Context) error { return v.shop.mall.broker.Start(ctx) }

// inCloudOnly is inCloud while copies for the mall wait.
func (s *one) inCloudOnly(ctx context.Context) error {
	return s.shop.cloud.Await(ctx, func() bool { return s.event("tilld.sale.closed.v1", s.id) != nil })
}

// copied is what a copy says of its event.
type copied struct {
	OriginalID   string `json:"originalid"`
	OriginalHash string `json:"originalhash"`
	Type         string `json:"type"`
}

// reconciled compares the two ledgers as brand and mall would.
func (v *visit) reconciled(context.Context) error {
	brand := map[string]cloud.Event{}
	var due []string
	for _, e := range v.shop.cloud.Ledger().Events(source, 0) {
		id := fmt.Sprintf("%s-%d", e.Epoch, e.Sequence)
		brand[id] = e
		if slices.Contains([]string{"tilld.sale.closed.v1", "tilld.sale.voided.v1", "tilld.sale.refunded.v1", "tilld.shift.closed.v1"}, e.Type) {
			due = append(due, id)
		}
	}
	var have []string
	for _, e := range v.shop.mall.cloud.Ledger().Events(mallSource, 0) {
		var c copied
		if err := json.Unmarshal(e.Body, &c); err != nil {
			return err
		}
		if c.Type == "tilld.mall.view.v1" {
			continue // the rule by which the copies are made
		}
		ours, ok := brand[c.OriginalID]
		sum := sha256.Sum256(ours.Body)
		if !ok || hex.EncodeToString(sum[:]) != c.OriginalHash || ours.Type != c.Type {
			return fmt.Errorf("the mall's event %d is a copy of %q with hash %s, which the brand does not have so", e.Sequence, c.OriginalID, c.OriginalHash)
		}
		have = append(have, c.OriginalID)
	}
	if !slices.Equal(have, due) || len(due) < 5 {
		return fmt.Errorf("the mall has copies of %q, want %q", have, due)
	}
	return v.shop.mall.cloud.Ledger().Verify()
}

// numbersGapless looks at both ledgers' reports.
func (v *visit) numbersGapless(ctx context.Context) error {
	if err := v.drained(ctx); err != nil {
		return err
	}
	for name, r := range map[string]cloud.Report{"brand": v.shop.cloud.Ledger().Report(source), "mall": v.shop.mall.cloud.Ledger().Report(mallSource)} {
		if len(r.Problems) > 0 || r.Closed < 4 || r.Refunded != 1 || r.Voided != 1 || r.Epochs != 1 {
			return fmt.Errorf("%s: %+v", name, r)
		}
	}
	return nil
}

// mallSums compares turnover and tenders.
func (v *visit) mallSums(context.Context) error {
	ours, theirs := v.shop.cloud.Ledger().Report(source), v.shop.mall.cloud.Ledger().Report(mallSource)
	if ours.Total != theirs.Total || fmt.Sprint(ours.Tenders) != fmt.Sprint(theirs.Tenders) || ours.Closed != theirs.Closed {
		return fmt.Errorf("brand: %d of %d, %v; mall: %d of %d, %v", ours.Closed, ours.Total, ours.Tenders, theirs.Closed, theirs.Total, theirs.Tenders)
	}
	return nil
}
