package main

import (
	"context"
	"fmt"
	"time"

	"tilld/internal/cloud"
)

// journey7: coupons claimed online, redeemed at the till.
func journey7() journey {
	return journey{
		id: "J7", name: "Coupons claimed online, redeemed at the till",
		shop: func(o *shopOptions) {
			o.catalogue.Coupons = map[string]cloud.Coupon{}
			for _, code := range []string{"C-FIVE-0001", "C-FIVE-0002", "C-FIVE-0003", "C-FIVE-0004"} {
				o.catalogue.Coupons[code] = cloud.Coupon{ID: code, Code: code, Title: "满减券 5 元", Amount: 500}
			}
			o.config = "codes: {offline_coupons: true}\n"
		},
		facts: func(v *visit) []fact {
			s, gone, away, second := v.buy("CUP-CELADON"), v.buy("RICE-5"), v.buy("TEA-OOL-250"), v.buy("MILK-UHT-1")
			var token string
			return []fact{
				{"a coupon scanned after the goods is checked with the cloud and taken off the total, on the screen and in the API", s.first(s.scanAll, v.scans("C-FIVE-0001"), s.off(500), s.apiHas(`"title":"满减券 5 元"`, `"applied":500`), v.snapScreen)},
				{"until the sale closes it is not redeemed", v.redeemed("C-FIVE-0001", nil)},
				{"the shopper pays the reduced amount; the receipt names the coupon and what was saved", steps(s.payCode, s.shopperPaysPlain, s.receipt, s.paperHas("优惠券 满减券 5 元", "-5.00"), s.snapPaper(v))},
				{"sale.closed redeems it together with the sale, never on its own", steps(s.inCloud, v.redeemed("C-FIVE-0001", s.theSale))},
				{"the same coupon again is refused", steps(second.first(second.scanAll, v.scans("C-FIVE-0001"), v.refusedScan("coupon_refused")), second.cash, second.receipt, second.inCloud)},
				{"a sale that is given up does not redeem its coupon", steps(gone.first(gone.scanAll, v.scans("C-FIVE-0002"), gone.off(500), gone.voids, v.reported("tilld.sale.voided.v1", gone.theSale)), v.redeemed("C-FIVE-0002", nil))},
				{"a coupon that the cloud does not know is refused with its words", steps(v.scans("C-NONE-0000"), v.refusedScan("coupon_refused"))},
				{"without a link a plain coupon is refused at once", v.offline(away.first(away.scanBook, v.scans("C-FIVE-0003"), v.refusedScan("link_down"), func(context.Context) (err error) {
					token, err = v.shop.cloud.Token("coupon", "C-FIVE-0004", tillPath, 24*time.Hour)
					return err
				}, func(ctx context.Context) error {
					if _, err := v.scan(ctx, forged7(token)); err != nil {
						return err
					}
					return v.refusedScan("bad_code")(ctx)
				}, func(ctx context.Context) error {
					_, err := v.scan(ctx, token)
					return err
				}, away.off(500), away.cash, away.receipt))},
				{"one that the cloud signed counts by its signature, where the store allows that; with the signature of another it does not", away.apiHas(`"state":"closed"`, `"applied":500`)},
				{"it reaches the cloud with its sale, redeemed once", steps(v.online, away.inCloud, v.redeemed("C-FIVE-0004", away.theSale))},
				{"and is refused from then on", func(ctx context.Context) error {
					last := v.buy("WATER-550")
					return last.first(last.scanAll, func(ctx context.Context) error {
						_, err := v.scan(ctx, token)
						return err
					}, v.refusedScan("coupon_refused"), last.cash, last.receipt, last.inCloud)(ctx)
				}},
			}
		},
	}
}

// forged7 is a token with another signature.
func forged7(token string) string {
	b := []byte(token)
	i := len(b) - 20
	if b[i]++; b[i] == 'z'+1 || b[i] == '9'+1 || b[i] == 'Z'+1 {
		b[i] = 'A'
	}
	return string(b)
}

// scanBook scans the goods while nobody can be asked about them.
func (s *one) scanBook(ctx context.Context) error { return s.scanAll(ctx) }

// off waits until the screen and the API show the total less amount, and goes
// on with that: the goods are worth less from now on.
func (s *one) off(amount int64) step {
	return func(ctx context.Context) error {
		want := s.goods.total() - amount
		v := &visit{script: s.script}
		if err := v.shows(fmt.Sprintf("total %d", want), func(sc scene) bool { return sc.Total != nil && *sc.Total == want })(ctx); err != nil {
			return err
		}
		got, err := s.shop.api.sale(ctx, s.id)
		if err != nil {
			return err
		}
		if got.Total != want {
			return fmt.Errorf("API: total %d, want %d", got.Total, want)
		}
		s.goods[len(s.goods)-1].UnitPrice -= amount
		return nil
	}
}

// redeemed checks which sale used a coupon up; nil: none did.
func (v *visit) redeemed(code string, sale func() string) step {
	return func(context.Context) error {
		id, ok := v.shop.cloud.Redeemed(code)
		switch {
		case sale == nil && ok:
			return fmt.Errorf("%s is redeemed by sale %s", code, id)
		case sale != nil && id != sale():
			return fmt.Errorf("%s is redeemed by %q, want %s", code, id, sale())
		}
		return nil
	}
}
