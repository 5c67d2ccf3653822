package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"time"

	"tilld/internal/cloud"
)

// journey3: offers of other brands after the payment.
func journey3() journey {
	return journey{id: "J3", name: "Pay = points, and offers after paying", facts: func(v *visit) []fact {
		s, next := v.buy("CUP-CELADON", "BREAD-RYE"), v.buy("WATER-550")
		return []fact{
			{"the goods are scanned, the shopper pays in the mini-program and earns points", s.first(s.scanAll, s.payCode, s.paidAs(offers), s.apiHas(`"earned":137`))},
			{"the receipt prints the points and two of the offers, each with its own code", steps(s.receipt, s.paperHas("+137", "Hill Coffee 第二杯半价", "Star Cinema 两人同行一人免单"), s.paperCodes(func() []string {
				return []string{saleURL(s.id), "https://pay.example/o/coffee?s=1", "https://pay.example/o/cinema?s=1"}
			}), s.snapPaper(v))},
			{"after the thanks the screen shows the offers with picture, code and the time they end", steps(v.offersShown(s), v.snapScreen)},
			{"offer.shown says once which offers were shown after which sale, so that redeeming them can be attributed", steps(s.inCloud, v.reported("tilld.offer.shown.v1", s.theSale, `"offers":["of-coffee","of-cinema","of-books"]`), v.once("tilld.offer.shown.v1"))},
			{"an address or picture of an offer that cannot be shown is left out; the payment counts all the same", s.apiHas(`"id":"of-books"`, `"state":"closed"`)},
			{"the next shopper's first scan takes the offers off the screen", next.first(next.scanAll, v.sceneHas("basket", article("WATER-550").Name))},
			{"a sale without offers shows and reports none", steps(next.cash, next.receipt, next.inCloud, v.once("tilld.offer.shown.v1"))},
		}
	}}
}

// offers are what a mall sends after a payment: one of them is no good.
func offers() cloud.Result {
	balance, ends := int64(1417), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	return cloud.Result{
		Points: &cloud.Points{Earned: 137, Balance: &balance},
		Offers: []cloud.Offer{
			{ID: "of-coffee", Brand: "Hill Coffee", Title: "第二杯半价", Text: "三楼，凭码", URL: "https://pay.example/o/coffee?s=1", Expires: ends, PicturePNGBase64: poster(color.RGBA{0x7a, 0x4a, 0x2b, 255})},
			{ID: "of-cinema", Brand: "Star Cinema", Title: "两人同行一人免单", Text: "五楼，当日有效", URL: "https://pay.example/o/cinema?s=1", Expires: ends, PicturePNGBase64: poster(color.RGBA{0x2b, 0x3d, 0x7a, 255})},
			{ID: "of-books", Brand: "Page One", Title: "满 100 减 20", URL: "https://pay.example/\x1b@", PicturePNGBase64: []byte("no picture")},
		},
	}
}

// poster draws an offer's picture.
func poster(ground color.Color) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 240, 160), color.Palette{ground, color.White})
	for y := range 160 {
		for x := range 240 {
			if dx, dy := x-120, y-80; dx*dx+dy*dy < 50*50 && dx*dx+dy*dy > 38*38 || dy > 20 && dy < 30 && dx > -60 && dx < 60 {
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

// offersShown waits for the offers of a sale, complete.
func (v *visit) offersShown(s *one) step {
	return v.shows("the offers", func(sc scene) bool {
		if sc.Kind != "offers" || sc.SaleID != s.id || len(sc.Offers) < 2 {
			return false
		}
		for _, o := range sc.Offers[:2] {
			if o.Picture == "" || time.Until(o.Expires) < 30*time.Minute {
				return false
			}
		}
		return sc.Offers[0].Brand == "Hill Coffee"
	})
}

// once checks that the cloud has exactly one event of a kind.
func (v *visit) once(kind string) step {
	return func(context.Context) error {
		if n := v.count(kind); n != 1 {
			return fmt.Errorf("%d events %s, want 1", n, kind)
		}
		return nil
	}
}
