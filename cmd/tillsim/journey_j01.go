package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"tilld/internal/cloud"
)

// journey1: the pay code on the customer screen, stored-value card.
func journey1() journey {
	return journey{id: "J1", name: "Pay code on the customer screen, stored-value card", facts: func(v *visit) []fact {
		s := v.buy("TEA-OOL-250", "CUP-CELADON", "CHOC-100")
		round := v.buy("MILK-UHT-1", "RICE-5")
		wrong := v.buy("WATER-550")
		return []fact{
			{"each scan puts name, price and total on the customer screen and the total on the pole display", s.first(s.scanAll)},
			{"at payment the screen shows a pay code; read from its dots it is the link that the cloud made for this sale and amount", steps(s.payCode, v.snapScreen)},
			{"one more article takes the code off the screen in the same moment, and the cloud cancels that payment", s.oneMore(article("BREAD-RYE"))},
			{"the next code is for the new total", s.payCode},
			{"a payment.result for another amount is refused and pays nothing", s.wrongAmount},
			{"the shopper buys a stored-value card in the mini-program and pays with it, a coupon and the wallet: the sale closes with these three tenders", s.paidAs(s.storedValue)},
			{"the screen thanks with the tenders and the card's balance", v.sceneHas("paid", `"method":"stored_value"`, `"method":"coupon"`, `"method":"wallet"`, `"card_masked":"****8899"`, `"balance":38000`, `"bought":50000`)},
			{"the receipt prints the tenders, the card bought and its balance", steps(s.receipt, s.paperHas("微信支付", "储值卡", "优惠券", "购买储值卡 ****8899", "500.00", "380.00"), s.snapPaper(v))},
			{"sale.closed carries the same tenders, which add up to the total", steps(s.inCloud, v.reported("tilld.sale.closed.v1", s.theSale, `"method":"stored_value","amount":12000`, `"method":"coupon","amount":1000`, `"stored_value":{"card_masked":"****8899","balance":38000,"bought":50000}`))},
			{"a mini-program code that only WeChat can draw comes as a picture, and is shown dot by dot as it came", round.first(v.roundCodes(true), round.scanAll, round.roundCode, v.roundCodes(false))},
			{"it is paid like any other", steps(round.shopperPays, round.receipt, round.inCloud)},
			{"a payment that is declined leaves the basket as it was, without a code; cash ends it", wrong.first(wrong.scanAll, wrong.payCode, wrong.declines, wrong.cash, wrong.receipt, wrong.inCloud)},
		}
	}}
}

// storedValue: 120 from a card bought just now, 10 by coupon, the rest from the
// wallet.
func (s *one) storedValue() cloud.Result {
	balance, amount := int64(38000), s.goods.total()
	return cloud.Result{
		Tenders: []cloud.Tender{
			{Method: "stored_value", Amount: 12000, Balance: &balance},
			{Method: "coupon", Amount: 1000, Reference: "cp-10"},
			{Method: "wallet", Amount: amount - 13000, Scheme: "wechat", Reference: "wx-1"},
		},
		StoredValue: &cloud.StoredValue{CardMasked: "****8899", Balance: balance, Bought: 50000},
	}
}

// oneMore scans an article while the pay code is shown.
func (s *one) oneMore(a cloud.Article) step {
	return func(ctx context.Context) error {
		mark, old := s.screen.mark(), s.payID
		if _, err := s.scan(ctx, a.GTIN); err != nil {
			return err
		}
		s.goods = append(s.goods, a)
		f, err := s.screen.wait(ctx, mark, "the next scene", func(f frame) bool { return f.event == "scene" })
		if err != nil {
			return err
		}
		if sc := decodeScene(f); sc.Pay != nil || len(sc.Lines) != len(s.goods) {
			return fmt.Errorf("the scene after the scan still has a code, or not the article: %s", f.data)
		}
		return s.shop.cloud.Await(ctx, func() bool { return s.shop.cloud.Payments()[old].State == "cancelled" })
	}
}

// wrongAmount: a result that the cloud signed, but for less.
func (s *one) wrongAmount(ctx context.Context) error {
	r, err := s.shop.cloud.Command(ctx, tillPath, "payment.result", cloud.Result{
		PaymentID: s.payID, State: "paid", Amount: 1, Tenders: []cloud.Tender{{Method: "wallet", Amount: 1}},
	})
	if err != nil {
		return err
	}
	got, err := s.shop.api.sale(ctx, s.id)
	if err != nil {
		return err
	}
	if r.State == "done" || got.State == "closed" || got.Paid != 0 {
		return fmt.Errorf("the reply is %s; the sale is %s with %d paid", r.State, got.State, got.Paid)
	}
	return nil
}

func (s *one) declines(ctx context.Context) error {
	mark := s.screen.mark()
	if !s.shop.cloud.Settle(s.payID, "failed", false) {
		return errors.New("the payment is not pending")
	}
	if err := s.sees(ctx, mark, "no code", func(sc scene) bool { return sc.Pay == nil && sc.Kind != "paid" && len(sc.Lines) == len(s.goods) }); err != nil {
		return err
	}
	return s.until(ctx, "the sale open again", func() (bool, error) {
		got, err := s.shop.api.sale(ctx, s.id)
		return got.State == "open" && got.Total == s.goods.total(), err
	})
}

// roundCodes has the cloud draw pay codes as WeChat does.
func (v *visit) roundCodes(on bool) step {
	return func(context.Context) error {
		v.shop.cloud.SetPay(func(p *cloud.PayPolicy) {
			p.Picture = nil
			if on {
				p.Picture = sunflower
			}
		})
		return nil
	}
}

// sunflower draws something round, other for each payment: rays of two lengths.
// It stands for WeChat's mini-program codes, which only WeChat makes and reads.
func sunflower(id string) []byte {
	const side = 280
	h := fnv.New64a()
	h.Write([]byte(id))
	rays := rand.New(rand.NewPCG(h.Sum64(), 1))
	long := make([]bool, 36)
	for i := range long {
		long[i] = rays.IntN(2) == 1
	}
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			dx, dy := float64(x-side/2), float64(y-side/2)
			r, turn := math.Hypot(dx, dy), (math.Atan2(dy, dx)/(2*math.Pi)+0.5)*36
			i := int(turn) % 36
			if in := turn - math.Floor(turn); r < 40 || r > 55 && in < 0.5 && (r < 90 || long[i] && r < 132) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("tillsim: " + err.Error()) // in memory
	}
	return b.Bytes()
}

// roundCode asks for a pay code, gets a picture, and finds it on the screen.
func (s *one) roundCode(ctx context.Context) error {
	var answer struct{ Payment *payment }
	if err := s.post(ctx, "pay", map[string]any{"method": "qr"}, &answer); err != nil {
		return err
	}
	if answer.Payment == nil || answer.Payment.State != "pending" {
		return fmt.Errorf("pay: %+v", answer.Payment)
	}
	s.payID = answer.Payment.ID
	ctx, cancel := within(ctx, 20*time.Second, "a picture on the screen")
	defer cancel()
	_, err := s.screen.wait(ctx, max(0, s.screen.mark()-3), "the picture", func(f frame) bool {
		sc := decodeScene(f)
		return sc.Kind == "paying" && sc.Pay != nil && sc.Pay.PaymentID == s.payID && sc.Pay.URL == "" && sc.Pay.Picture == base64.StdEncoding.EncodeToString(sunflower(s.payID))
	})
	if err != nil {
		return err
	}
	want, err := png.Decode(bytes.NewReader(sunflower(s.payID)))
	if err != nil {
		return err
	}
	got, err := s.picture(ctx, "/screen/pay.png?side=400&id="+s.payID)
	if err != nil {
		return err
	}
	if !slices.Equal(dark(got), dark(want)) {
		return fmt.Errorf("the picture on the screen, %v, is not the one that the cloud made, %v", got.Bounds(), want.Bounds())
	}
	return nil
}

// dark is which points of an image are.
func dark(img image.Image) []bool {
	b := img.Bounds()
	list := make([]bool, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, _, _, _ := img.At(x, y).RGBA()
			list = append(list, r < 0x8000)
		}
	}
	return list
}
