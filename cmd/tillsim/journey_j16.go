package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tilld/internal/cloud"
)

// journey16: paying while the till is offline.
func journey16() journey {
	return journey{
		id: "J16", name: "Paying while the till is offline",
		shop: func(o *shopOptions) { o.payment = payOffline },
		facts: func(v *visit) []fact {
			first, second, third := v.buy("MILK-UHT-1", "RICE-5"), v.buy("WATER-550"), v.buy("TEA-OOL-250")
			typing, linear := v.buy("WATER-550", "WATER-550"), v.buy("WATER-550")
			var url, proof string
			mark := 0
			return []fact{
				{"the line to the cloud is cut; goods are scanned from the local price book", func(ctx context.Context) error {
					if err := v.shop.cutLine(); err != nil {
						return err
					}
					return steps(func(ctx context.Context) error { return v.linkIs(ctx, false) }, first.first(first.scanAll))(ctx)
				}},
				{"the till shows a pay code that it signed itself; read from its dots, the pay page knows till, sale and amount from it", func(ctx context.Context) (err error) {
					url, err = first.offlineCode(ctx)
					return steps(func(context.Context) error { return err }, v.snapScreen)(ctx)
				}},
				{"the shopper pays on the own phone, which is online, and the phone shows a proof", func(ctx context.Context) (err error) {
					proof, err = first.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Li", Scheme: "alipay"})
					return err
				}},
				{"a second phone cannot pay the same code", func(context.Context) error {
					if _, problem := v.shop.cloud.PayPage(url, cloud.PayChoice{Shopper: "Wang", Confirmed: true}); problem == nil || problem.Code != "paid_by_other" {
						return fmt.Errorf("the second phone: %+v", problem)
					}
					return nil
				}},
				{"nor can the shopper take the money back in the app while the proof counts", func(context.Context) error {
					if p := v.shop.cloud.RefundInApp(first.payID); p == nil || p.Code != "locked" {
						return fmt.Errorf("cancelled in the app: %+v", p)
					}
					return nil
				}},
				{"the till's scanner reads the proof from the phone; verified offline, it closes the sale", func(ctx context.Context) error { return first.showProof(ctx, proof) }},
				{"the receipt is printed, with the wallet that paid", steps(first.receipt, first.paperHas("支付宝"), first.snapPaper(v))},
				{"a screenshot of that proof pays no other sale: refused as proof_used", second.first(second.scanAll, func(ctx context.Context) error {
					if _, err := second.offlineCode(ctx); err != nil {
						return err
					}
					_, err := second.scan(ctx, proof)
					return err
				}, v.refusedScan("proof_used"))},
				{"a proof with one character changed is refused", steps(func(ctx context.Context) error {
					b := []byte(proof)
					b[len(b)/2] = '0' + (b[len(b)/2]-'0'+1)%10
					before, err := v.ledger(ctx)
					if err != nil {
						return err
					}
					if _, err := second.scan(ctx, string(b)); err != nil {
						return err
					}
					return v.until(ctx, "the forged proof refused", func() (bool, error) {
						list, err := v.ledger(ctx)
						return len(list) > len(before) && list[len(list)-1].Refused != nil, err
					})
				}, second.unpaid)},
				{"killed while its code is on the screen, the till shows the same code after the start", func(ctx context.Context) error {
					if err := v.shop.tilld.Kill(); err != nil {
						return err
					}
					mark = v.screen.mark()
					if err := v.shop.start(ctx, false); err != nil {
						return err
					}
					return second.sees(ctx, mark, "the code again", func(sc scene) bool { return sc.Pay != nil && sc.Pay.PaymentID == second.payID })
				}},
				{"which is paid and proved like the first", func(ctx context.Context) error {
					paid, err := second.payOnPhone(ctx, v.scene().Pay.URL, cloud.PayChoice{Shopper: "Wang"})
					if err != nil {
						return err
					}
					return steps(func(ctx context.Context) error { return second.showProof(ctx, paid) }, second.receipt)(ctx)
				}},
				{"no scanner reads QR codes today: the phone also shows 8 digits; wrong ones are refused and counted, also over a kill", typing.first(typing.scanAll, func(ctx context.Context) error {
					url, err := typing.offlineCode(ctx)
					if err != nil {
						return err
					}
					if _, err := typing.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Chen"}); err != nil {
						return err
					}
					typed, _, err := typing.codes()
					if err != nil {
						return err
					}
					for n := range 4 {
						if err := typing.typesWrong(ctx, beside(typed, n), "proof_refused"); err != nil {
							return err
						}
						if n != 1 {
							continue
						}
						if err := steps(func(context.Context) error { return v.shop.tilld.Kill() }, func(ctx context.Context) error { return v.shop.start(ctx, false) })(ctx); err != nil {
							return err
						}
					}
					return typing.apiHas(`"code_tries":4`)(ctx)
				})},
				{"the right digits, typed, close the sale; the journal says how, and has no digits that could be used again", steps(func(ctx context.Context) error {
					typed, barcode, err := typing.codes()
					if err != nil {
						return err
					}
					if err := typing.post(ctx, "pay", map[string]any{"method": "proof", "code": typed}, nil); err != nil {
						return err
					}
					body, err := typing.raw(ctx)
					if text := string(body); err == nil && (strings.Contains(text, typed) || strings.Contains(text, barcode)) {
						err = errors.New("the sale shows the whole code")
					}
					return err
				}, typing.paidInFull, typing.receipt, typing.apiHas(`"code_form":"typed"`))},
				{"a 1D scanner reads the bar code beside them; it closes its sale, once", steps(linear.first(linear.scanAll, func(ctx context.Context) error {
					url, err := linear.offlineCode(ctx)
					if err != nil {
						return err
					}
					if _, err := linear.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Sun"}); err != nil {
						return err
					}
					_, barcode, err := linear.codes()
					if err != nil {
						return err
					}
					return linear.showProof(ctx, barcode)
				}), linear.receipt, linear.apiHas(`"code_form":"barcode"`), func(ctx context.Context) error {
					_, barcode, err := linear.codes()
					if err != nil {
						return err
					}
					_, err = linear.scan(ctx, barcode)
					return err
				}, v.refusedScan("proof_used"))},
				{"a shopper pays and the phone dies before the proof is read: once the line is back, the cloud tells the till, and the sale closes", steps(third.first(third.scanAll, func(ctx context.Context) error {
					url, err := third.offlineCode(ctx)
					if err == nil {
						_, err = third.payOnPhone(ctx, url, cloud.PayChoice{Shopper: "Zhao"})
					}
					return err
				}), v.shop.mendLine, v.online,
					v.shows("thanks for the third", func(sc scene) bool { return sc.Kind == "paid" && sc.SaleID == third.id }), third.paidInFull, third.receipt)},
				{"all five sales reach the cloud once; each was charged once, and the journal says what proved it", steps(first.inCloud, second.inCloud, third.inCloud, typing.inCloud, linear.inCloud, func(context.Context) error {
					for _, o := range []*one{first, second, third, typing, linear} {
						p := v.shop.cloud.Payments()[o.payID]
						if p.State != "paid" || p.Charges != 1 || !p.Reported || !p.Offline {
							return fmt.Errorf("the cloud has %+v", p)
						}
						if p := v.shop.cloud.RefundInApp(o.payID); p == nil || p.Code != "settled" {
							return fmt.Errorf("cancelled in the app afterwards: %+v", p)
						}
					}
					if a := v.shop.cloud.Ledger().Alarms(); len(a) > 0 {
						return fmt.Errorf("alarms: %+v", a)
					}
					return nil
				}, func(ctx context.Context) error {
					return v.reported("tilld.sale.closed.v1", first.theSale, proof)(ctx)
				})},
				{"with the line back it is refunded like any other", steps(func(ctx context.Context) error {
					v.refunded[first.id] = true
					return first.givesBack(map[string]any{"reason": "r"}, first.goods.total())(ctx)
				})},
			}
		},
	}
}

// beside is a code that differs in one digit.
func beside(code string, n int) string {
	b := []byte(code)
	b[n] = '0' + (b[n]-'0'+1)%10
	return string(b)
}

// unpaid checks that nothing was paid and that the code is still there.
func (s *one) unpaid(ctx context.Context) error {
	got, err := s.shop.api.sale(ctx, s.id)
	if err == nil && (got.State != "paying" || got.Paid != 0) {
		err = fmt.Errorf("the sale is %s with %d paid", got.State, got.Paid)
	}
	return err
}
