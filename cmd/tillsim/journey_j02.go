package main

import (
	"context"

	"tilld/internal/cloud"
)

// memberCode is a shopper's member number as an app shows it.
const memberCode = "M-13812345678"

// journey2: pay and become a member.
func journey2() journey {
	return journey{
		id: "J2", name: "Pay and become a member",
		shop: func(o *shopOptions) {
			balance := int64(1280)
			o.catalogue.Members = map[string]cloud.Member{memberCode: {IDMasked: "138****5678", NameMasked: "陈**", Level: "gold", Consent: true, PointsBalance: &balance}}
		},
		facts: func(v *visit) []fact {
			joins, refuses, known, careless := v.buy("CUP-CELADON", "TEA-OOL-250"), v.buy("MILK-UHT-1"), v.buy("RICE-5"), v.buy("CHOC-100")
			return []fact{
				{"the goods are scanned and the pay code is shown", joins.first(joins.scanAll, joins.payCode)},
				{"the shopper pays and joins with the same tap; the sale closes", joins.paidAs(joining(true))},
				{"the screen welcomes the new member with level, masked number and points", steps(v.sceneHas("paid", `"joined":true`, `"id_masked":"139****4321"`, `"level":"silver"`, `"earned":196`), v.snapScreen)},
				{"the receipt lists the welcome, the points and the coupons issued, with the day until which they are valid", steps(joins.receipt, joins.paperHas("欢迎成为会员", "139****4321", "+196", "赠券 下次立减 20 元", "有效期至 2099-12-31"), joins.snapPaper(v))},
				{"sale.closed carries the consent, the membership and the coupons issued", steps(joins.inCloud, v.reported("tilld.sale.closed.v1", joins.theSale, `"consent":true`, `"joined":true`, `"title":"下次立减 20 元"`, `"issued":true`))},
				{"a shopper who did not consent is reported without consent", steps(refuses.first(refuses.scanAll, refuses.payCode), refuses.paidAs(joining(false)), refuses.receipt, refuses.inCloud, v.reported("tilld.sale.closed.v1", refuses.theSale, `"consent":false`))},
				{"a member who shows the code before paying is greeted by level and masked number, and is in the sale before the payment", known.first(known.scanAll, v.scans(memberCode), v.sceneHas("member", "138****5678", "gold"), known.apiHas(`"id_masked":"138****5678"`, `"level":"gold"`))},
				{"that sale is paid and reported with the member", steps(known.payCode, known.shopperPaysPlain, known.receipt, known.inCloud, v.reported("tilld.sale.closed.v1", known.theSale, `"id_masked":"138****5678"`))},
				{"a number that the cloud forgot to mask is masked by the till", steps(careless.first(careless.scanAll, careless.payCode), careless.paidAs(unmasked), careless.receipt, careless.inCloud, v.reported("tilld.sale.closed.v1", careless.theSale, `"id_masked":"****`))},
				{"the member's number and the unmasked one are in no event, on no paper, in no file and no log", func(context.Context) error {
					for _, secret := range []string{"13812345678", "13566669876"} {
						if err := v.nowhere(secret); err != nil {
							return err
						}
					}
					return nil
				}},
			}
		},
	}
}

// joining is a result of a shopper who is a member from now on.
func joining(consent bool) func() cloud.Result {
	return func() cloud.Result {
		balance := int64(196)
		return cloud.Result{
			Member:  &cloud.Member{IDMasked: "139****4321", NameMasked: "林**", Level: "silver", Joined: true, Consent: consent},
			Points:  &cloud.Points{Earned: 196, Balance: &balance},
			Coupons: []cloud.Coupon{{ID: "next-20", Title: "下次立减 20 元", Amount: 2000, Expires: "2099-12-31"}},
		}
	}
}

func unmasked() cloud.Result {
	return cloud.Result{Member: &cloud.Member{IDMasked: "13566669876", Level: "silver", Consent: true}}
}

// shopperPaysPlain pays from the wallet, and nothing else is told.
func (s *one) shopperPaysPlain(ctx context.Context) error {
	return s.paidAs(func() cloud.Result { return cloud.Result{} })(ctx)
}
