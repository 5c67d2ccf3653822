package screen_test

import (
	"fmt"
	"strings"
	"time"

	"tilld/display"
)

type example struct {
	name     string
	scene    display.Scene
	pictures int
	codes    []string
	pay      string // payload of the pay code
	text     string // is on the glass
}

func money(v int64) *int64 { return &v }

const payURL = "https://pay.acme.example/q/01JD9Z6M4K7V2T8QXW3N5RBYCE?a=4680&c=CNY&m=acme&s=sh-001&t=03&d=9f31c2"

// offlineURL is as long as an offline payment's address gets.
var offlineURL = "https://pay.acme.example/o/" + strings.Repeat("Q7K2M9XW4TB8NV3R", 16)

func examples(language string) []example {
	zh := language == "zh-CN"
	pick := func(z, e string) string {
		if zh {
			return z
		}
		return e
	}
	lines := []display.Line{
		{Line: 1, Name: pick("农夫山泉 东方树叶 乌龙茶 500ml", "Oriental Leaf oolong tea 500 ml"), Quantity: "2", UnitPrice: 550, Total: 1100},
		{Line: 2, Name: pick("红富士苹果", "Fuji apples"), Quantity: "0.735", Unit: "kg", UnitPrice: 1280, OldPrice: 1580, Total: 941},
		{Line: 3, Name: pick("光明 鲜牛奶 950ml 买二送一 限时特惠 新老包装随机发货", "Bright fresh milk 950 ml, buy two get one, old or new packaging"), Quantity: "3", UnitPrice: 1490, Discount: 1490, Total: 2980},
		{Line: 4, Name: pick("全麦吐司面包", "Whole-wheat toast"), Quantity: "1", UnitPrice: 659, OldPrice: 990, Total: 659, Highlight: true},
	}
	many := append([]display.Line(nil), lines[:3]...)
	for i := range 197 {
		many = append(many, display.Line{Line: 4 + i, Name: pick(fmt.Sprintf("商品 %d 号", i+1), fmt.Sprintf("Article no. %d", i+1)), Quantity: "1", UnitPrice: 999900, Total: 999900, Highlight: i == 196})
	}
	base := func(k display.Kind) display.Scene {
		return display.Scene{Kind: k, Currency: "CNY", Language: language, Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{}}
	}
	with := func(k display.Kind, f func(*display.Scene)) display.Scene {
		s := base(k)
		f(&s)
		return s
	}
	goods := func(s *display.Scene) { s.Lines, s.Total, s.Discount = lines, money(5680), 1490 }
	join := display.QR{Title: pick("加入社群 领 5 元券", "Join our group, get ¥5"), URL: "https://acme.example/j/sh-001"}
	mine := display.QR{Title: pick("我的专属顾问 小李", "Your adviser Li"), URL: "https://acme.example/c/E1024?s=sh-001"}
	invoice := display.QR{Title: pick("开具电子发票", "Request an e-invoice"), URL: "https://acme.example/i/8K3M"}
	pay := func(p display.Pay) func(*display.Scene) {
		return func(s *display.Scene) {
			goods(s)
			p.Amount, p.ExpiresAt = 5680, time.Now().Add(5*time.Minute)
			s.Pay = &p
		}
	}
	return []example{
		{name: "idle", scene: with(display.Idle, func(s *display.Scene) {
			s.QR = []display.QR{join, mine}
			s.Text = pick("扫码加入社群，天天有优惠", "Join our community for daily offers")
		}), pictures: 2, codes: []string{join.URL, mine.URL}, text: pick("欢迎光临", "Welcome")},
		{name: "basket", scene: with(display.Basket, goods), text: pick("合计", "Total")},
		{name: "first", scene: with(display.Basket, func(s *display.Scene) { s.Lines, s.Total = lines[:1], money(1100) })},
		{name: "many", scene: with(display.Basket, func(s *display.Scene) { s.Lines, s.Total, s.Discount = many, money(196985321), 12345678 }), text: pick("共 203 件", "203 items")},
		{
			name: "paying", scene: with(display.Paying, pay(display.Pay{PaymentID: "p1", URL: payURL, Apps: []string{"wechat", "alipay", "unionpay"}})),
			pictures: 1, codes: []string{payURL}, pay: payURL, text: pick("请用手机扫码付款", "Scan with your phone"),
		},
		{
			name: "offline", scene: with(display.Paying, func(s *display.Scene) {
				pay(display.Pay{PaymentID: "p3", URL: offlineURL, Offline: true, Apps: []string{"wechat"}})(s)
				s.Text = pick("订单 081297，与手机上的相同", "Order 081297, the same as on your phone")
			}),
			pictures: 1, codes: []string{offlineURL}, pay: offlineURL, text: "081297",
		},
		{name: "picture", scene: with(display.Paying, pay(display.Pay{PaymentID: "p2", PicturePNGBase64: examplePicture})), pictures: 1},
		{name: "show", scene: with(display.Paying, func(s *display.Scene) {
			goods(s)
			s.Title = pick("请出示付款码", "Please show your payment code")
		}), text: pick("请出示付款码", "Please show your payment code")},
		{name: "toast", scene: with(display.Basket, func(s *display.Scene) {
			goods(s)
			s.Title, s.Text = pick("未能识别", "Not accepted"), pick("找不到商品 6900000000007", "Article 6900000000007 is not known")
		}), text: "6900000000007"},
		{name: "processing", scene: with(display.Processing, goods), text: pick("正在确认付款", "Confirming")},
		{name: "paid", scene: with(display.Paid, func(s *display.Scene) {
			s.Total, s.Number, s.QR = money(5680), 42, []display.QR{join, invoice}
			s.Paid = &display.Receipt{
				Tenders:     []display.Tender{{Method: "wallet", Scheme: "wechat", Amount: 3680}, {Method: "stored_value", Amount: 2000}},
				StoredValue: &display.StoredValue{CardMasked: "**** 8812", Balance: 18000, Bought: 20000}, Points: &display.Points{Earned: 56, Balance: money(1280)},
				Member: &display.Membership{IDMasked: "138****8812", NameMasked: pick("王**", "W**"), Level: pick("金卡", "Gold"), Joined: true},
				Coupons: []display.Coupon{
					{Title: pick("下次购物立减", "Off your next purchase"), Amount: 500, Expires: "2026-12-24"},
					{Title: pick("鲜奶专享", "Fresh milk"), Percent: 20, Expires: "2026-12-31"},
					{Title: pick("停车券", "Parking")},
				},
			}
		}), pictures: 2, codes: []string{join.URL, invoice.URL}, text: pick("付款成功", "Paid")},
		{name: "change", scene: with(display.Paid, func(s *display.Scene) {
			s.Total, s.Number = money(5680), 43
			s.Paid = &display.Receipt{Tenders: []display.Tender{{Method: "cash", Amount: 10000}}, Change: 4320}
		}), text: pick("找零", "Change")},
		{name: "failed", scene: with(display.Failed, func(s *display.Scene) {
			goods(s)
			s.Text = pick("余额不足，请换一种付款方式", "Not enough balance, please pay another way")
		})},
		{name: "expired", scene: with(display.Failed, func(s *display.Scene) { goods(s); s.Reason = display.ReasonExpired }), text: pick("重新出码", "new code")},
		{name: "no_link", scene: with(display.Failed, func(s *display.Scene) { goods(s); s.Reason = display.ReasonNoLink }), text: pick("现金", "cash")},
		{name: "offers", scene: with(display.Offers, func(s *display.Scene) {
			s.Offers = []display.Offer{
				{ID: "o1", Brand: "喜茶 HEYTEA", Title: pick("多肉葡萄 第二杯半价", "Second Grape drink half price"), Text: pick("商场 B1 层，今日有效", "Floor B1, today only"), URL: "https://acme.example/o/1", Expires: time.Now().Add(26 * time.Minute), PicturePNGBase64: examplePicture},
				{ID: "o2", Brand: "优衣库 UNIQLO", Title: pick("满 199 减 30", "¥30 off ¥199"), URL: "https://acme.example/o/2"},
			}
		}), pictures: 3, codes: []string{"https://acme.example/o/1", "https://acme.example/o/2"}},
		{name: "member", scene: with(display.Member, func(s *display.Scene) {
			goods(s)
			s.Paid = &display.Receipt{Member: &display.Membership{IDMasked: "138****8812", NameMasked: pick("王**", "W**"), Level: pick("金卡会员", "Gold")}, Points: &display.Points{Balance: money(1280)}}
		})},
		{name: "pickup", scene: with(display.Pickup, func(s *display.Scene) { s.Title, s.Lines = pick("取货号 A108", "Order A108"), lines[:2] })},
		{name: "message", scene: with(display.Message, func(s *display.Scene) {
			s.Title, s.Text = pick("暂时找不到该商品", "Article not found"), pick("请联系收银员", "Please ask the cashier")
		})},
		{name: "closed", scene: base(display.ClosedTill)},
	}
}
