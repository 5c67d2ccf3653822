package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"tilld/internal/cloud"
)

// The shopper's codes, of each scheme's published range.
const (
	wechatCode   = "134600271828182845"
	alipayCode   = "281234567890123456"
	unionpayCode = "6212345678901234567"
	ecnyCode     = "0112345678901234567"
)

// journey9: the shopper shows a pay code or a member code.
func journey9() journey {
	var collects atomic.Int64 // payment.collect requests that the cloud heard
	asked := func(want int64) step {
		return func(context.Context) error {
			if n := collects.Swap(0); n != want {
				return fmt.Errorf("the cloud was asked to collect %d times, want %d", n, want)
			}
			return nil
		}
	}
	return journey{
		id: "J9", name: "Shopper shows a pay code or a member code",
		shop: func(o *shopOptions) {
			o.heard = func(t cloud.Traffic) {
				if t.Kind == "request" && t.Type == "payment.collect" {
					collects.Add(1)
				}
			}
			o.catalogue.Members = map[string]cloud.Member{memberCode: {IDMasked: "138****5678", NameMasked: "陈**", Level: "gold", Consent: true}}
		},
		facts: func(v *visit) []fact {
			s, member, early, silent := v.buy("TEA-OOL-250", "MILK-UHT-1"), v.buy("RICE-5"), v.buy("CHOC-100"), v.buy("WATER-550")
			list := []fact{
				{"the cashier asks for the shopper's code and the screen says so", s.first(s.scanAll, s.awaitCode, v.sceneHas("paying", "付款码"), v.snapScreen)},
				{"the scanner reads it from the phone; the cloud is asked to collect once, and the sale closes", steps(v.scans(wechatCode), s.untilClosed, s.paidInFull, asked(1), s.receipt, s.paperHas("微信支付"), s.snapPaper(v), s.inCloud, v.reported("tilld.sale.closed.v1", s.theSale, `"scheme":"wechat"`))},
			}
			for _, x := range []struct{ name, code string }{{"Alipay", alipayCode}, {"UnionPay", unionpayCode}, {"e-CNY", ecnyCode}} {
				n := v.buy("WATER-550", "BREAD-RYE")
				list = append(list, fact{"a code of " + x.name + " is recognised by its digits and collected once", n.first(n.scanAll, n.awaitCode, v.scans(x.code), n.untilClosed, n.paidInFull, asked(1), n.receipt, n.inCloud)})
			}
			return append(
				list,
				fact{"a member's code scanned before the payment attaches the member", member.first(member.scanAll, v.scans(memberCode), v.sceneHas("member", "138****5678"), member.apiHas(`"id_masked":"138****5678"`), member.cash, member.receipt, member.inCloud)},
				fact{"a pay code shown before the cashier asked is refused, with words; nothing is collected", early.first(early.scanAll, v.scans(wechatCode[:17]+"9"), v.refusedScan("not_paying"), asked(0), early.cash, early.receipt, early.inCloud)},
				fact{"when the cloud does not answer, the till says that it does not know, and asks how the payment stands: it never collects twice", silent.first(silent.scanAll, silent.noAnswer, asked(1), silent.untilOpen, asked(0))},
				fact{"the shopper's next code ends that sale", steps(silent.awaitCode, v.scans(wechatCode[:17]+"7"), silent.untilClosed, silent.paidInFull, asked(1), silent.receipt, silent.inCloud)},
				fact{"none of the codes is in an event, on paper, in a file of the till or in a log", func(context.Context) error {
					for _, code := range []string{wechatCode, alipayCode, unionpayCode, ecnyCode, wechatCode[:17] + "9", wechatCode[:17] + "7", wechatCode[:17] + "5", memberCode[2:]} {
						if err := v.nowhere(code); err != nil {
							return err
						}
					}
					return nil
				}},
			)
		},
	}
}

// awaitCode is `collect` without a code: the scanner will read it.
func (s *one) awaitCode(ctx context.Context) error {
	return s.post(ctx, "pay", map[string]any{"method": "collect"}, nil)
}

func (s *one) untilClosed(ctx context.Context) error {
	return s.until(ctx, "the sale closed", func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		return got.State == "closed", err
	})
}

func (s *one) untilOpen(ctx context.Context) error {
	return s.until(ctx, "the sale open, nothing paid", func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		return got.State == "open" && got.Paid == 0, err
	})
}

// noAnswer: the question to collect is heard and not answered.
func (s *one) noAnswer(ctx context.Context) error {
	return s.faulty(func(f *cloud.Faults) { f.NoAnswers = true }, func() error {
		err := s.post(ctx, "pay", map[string]any{"method": "collect", "code": wechatCode[:17] + "5"}, nil)
		if refused(err) != "payment_unknown" {
			return fmt.Errorf("collect without an answer: %v, want payment_unknown", err)
		}
		return nil
	})
}
