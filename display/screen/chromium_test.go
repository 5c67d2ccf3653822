package screen_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

var shots = flag.String("shots", "", "keep the pictures of the glass in this folder")

func keep(t *testing.T, name string, png []byte) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every scene on both sizes of glass in both languages: no errors on the page,
// no content outside of the window, and the codes can be read from the glass by
// an independent reader.
func TestGlass(t *testing.T) {
	b := kiosktest.Start(t)
	stage := display.NewStage(display.Scene{Kind: display.Idle, Currency: "CNY", Language: "zh-CN"})
	srv := httptest.NewServer(screen.New(stage, screen.Options{Boot: 1}).Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	page := b.Open(srv.URL+"/screen", 1024, 600)
	page.Media("prefers-reduced-motion", "reduce")
	for _, size := range [][2]int{{1024, 600}, {1920, 1080}} {
		page.Resize(size[0], size[1])
		for _, language := range []string{"zh-CN", "en"} {
			for _, sc := range examples(language) {
				name := fmt.Sprintf("%s-%s-%d", sc.name, language, size[0])
				if other := (size[0] == 1024) == (language == "en"); other && len(sc.codes) == 0 && *shots == "" {
					continue // layouts were looked at in all four; codes are read in all four
				}
				sc.scene.SaleID = strings.ToUpper(fmt.Sprintf("01jd%s%s%d7K2M9Q", sc.name, language, size[0]))
				stage.Set(sc.scene)
				page.Until(fmt.Sprintf("document.body.dataset.sale === %q && document.body.dataset.kind === %q && document.documentElement.lang === %q && !document.body.classList.contains('away')", sc.scene.SaleID, sc.scene.Kind, language))
				page.Until(fmt.Sprintf("document.querySelectorAll('.code img').length === %d && [...document.images].every(i => i.complete && i.naturalWidth)", sc.pictures))
				if sc.text != "" {
					page.Until(fmt.Sprintf("document.body.innerText.includes(%q)", sc.text))
				}
				var outside []string
				page.Eval(`[...document.querySelectorAll("#stage h1, #stage p, #stage img, #stage .digits, #stage dl, #stage .paycard, #stage figure")].filter(e => { const r = e.getBoundingClientRect(); return r.width && (r.left < -1 || r.top < -1 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1) || e.matches(".digits") && e.scrollWidth > e.clientWidth + 1 }).map(e => e.outerHTML.slice(0, 120))`, &outside)
				if len(outside) > 0 {
					t.Errorf("%s: outside of the glass: %q", name, outside)
				}
				if len(sc.codes) == 0 && *shots == "" {
					continue
				}
				shot := page.Screenshot()
				keep(t, name, shot)
				if len(sc.codes) > 0 {
					got := kiosktest.Read(t, shot)
					for _, want := range sc.codes {
						if !strings.Contains(got, want) {
							t.Errorf("%s: %q cannot be read from the glass; read: %s", name, want, got)
						}
					}
				}
			}
		}
	}
	if errs := slices.DeleteFunc(page.Errors(), harmless); len(errs) > 0 {
		t.Errorf("errors on the page: %q", errs)
	}
}

// harmless reports errors that the scenes of this test bring about: a picture
// that was asked for just before its scene went is not there any more.
func harmless(e string) bool {
	return strings.Contains(e, "/favicon.ico") ||
		strings.Contains(e, "status of 404") && strings.Contains(e, "/screen/") && strings.Contains(e, ".png?")
}

type example struct {
	name     string
	scene    display.Scene
	pictures int
	codes    []string
	text     string // is on the glass
}

func money(v int64) *int64 { return &v }

const payURL = "https://pay.acme.example/q/01JD9Z6M4K7V2T8QXW3N5RBYCE?a=4680&c=CNY&m=acme&s=sh-001&t=03&d=9f31c2"

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
	for i := range 12 {
		many = append(many, display.Line{Line: 4 + i, Name: pick(fmt.Sprintf("商品 %d 号", i+1), fmt.Sprintf("Article no. %d", i+1)), Quantity: "1", UnitPrice: 999900, Total: 999900, Highlight: i == 11})
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
	return []example{
		{name: "idle", scene: with(display.Idle, func(s *display.Scene) {
			s.QR = []display.QR{join}
			s.Text = pick("扫码加入社群，天天有优惠", "Join our community for daily offers")
		}), pictures: 1, codes: []string{join.URL}},
		{name: "basket", scene: with(display.Basket, goods), text: pick("合计", "Total")},
		{name: "many", scene: with(display.Basket, func(s *display.Scene) { s.Lines, s.Total = many, money(12003821) })},
		{name: "paying", scene: with(display.Paying, func(s *display.Scene) {
			goods(s)
			s.Pay = &display.Pay{PaymentID: "p1", URL: payURL, Amount: 5680, ExpiresAt: time.Now().Add(5 * time.Minute)}
		}), pictures: 1, codes: []string{payURL}, text: pick("请用手机扫码付款", "Scan with your phone")},
		{name: "picture", scene: with(display.Paying, func(s *display.Scene) {
			goods(s)
			s.Pay = &display.Pay{PaymentID: "p2", PicturePNGBase64: examplePicture, Amount: 5680, ExpiresAt: time.Now().Add(5 * time.Minute)}
		}), pictures: 1},
		{name: "show", scene: with(display.Paying, func(s *display.Scene) {
			goods(s)
			s.Title = pick("请出示付款码", "Please show your payment code")
		}), text: pick("请出示付款码", "Please show your payment code")},
		{name: "toast", scene: with(display.Basket, func(s *display.Scene) {
			goods(s)
			s.Title, s.Text = pick("未能识别", "Not accepted"), pick("找不到商品 6900000000007", "Article 6900000000007 is not known")
		}), text: "6900000000007"},
		{name: "processing", scene: with(display.Processing, goods)},
		{name: "paid", scene: with(display.Paid, func(s *display.Scene) {
			s.Total, s.Number, s.QR = money(5680), 42, []display.QR{join, {Title: pick("开具电子发票", "Request an e-invoice"), URL: "https://acme.example/i/8K3M"}}
			s.Paid = &display.Receipt{
				Tenders:     []display.Tender{{Method: "wallet", Scheme: "wechat", Amount: 3680}, {Method: "stored_value", Amount: 2000}},
				StoredValue: &display.StoredValue{CardMasked: "**** 8812", Balance: 18000}, Points: &display.Points{Earned: 56, Balance: money(1280)},
				Member: &display.Membership{IDMasked: "138****8812", NameMasked: pick("王**", "W**"), Level: pick("金卡", "Gold"), Joined: true},
			}
		}), pictures: 2, codes: []string{join.URL, "https://acme.example/i/8K3M"}, text: pick("支付成功", "Paid")},
		{name: "change", scene: with(display.Paid, func(s *display.Scene) {
			s.Total, s.Number = money(5680), 43
			s.Paid = &display.Receipt{Tenders: []display.Tender{{Method: "cash", Amount: 10000}}, Change: 4320}
		}), text: pick("找零", "Change")},
		{name: "failed", scene: with(display.Failed, func(s *display.Scene) {
			goods(s)
			s.Text = pick("余额不足，请换一种付款方式", "Not enough balance, please pay another way")
		})},
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
