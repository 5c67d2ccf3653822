package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tilld/internal/cloud"
)

// bigBook is how many articles the chain's price book has.
const bigBook = 200_000

// journey13: timed markdown, from the till's own price book.
func journey13() journey {
	bun := cloud.Article{SKU: "BUN-01", GTIN: "6971234567895", GTINs: []string{"6981234567894"}, Name: "鲜肉包", UnitPrice: 1000}
	apple := cloud.Article{SKU: "12345", Name: "红富士苹果", UnitPrice: 1580, Unit: "kg"}
	water := article("WATER-550")
	return journey{
		id: "J13", name: "Timed markdown and the local price book",
		shop: func(o *shopOptions) { o.config = "firmware: {repository: \"{dir}/repository\"}\n" },
		facts: func(v *visit) []fact {
			s, meanwhile, after, away := v.buy(), v.buy("TEA-OOL-250"), v.buy(), v.buy()
			small := func() []cloud.Article {
				// Ten per cent more every half hour; the second step is in force now.
				for i, ago := range []time.Duration{35, 5, -25, -55} {
					from := time.Now().Add(-ago * time.Minute).In(shopZone)
					b := cloud.Markdown{From: from.Format("15:04"), Percent: 10 * (i + 1)}
					bun.Markdowns = append(bun.Markdowns, b)
				}
				last := &bun.Markdowns[len(bun.Markdowns)-1]
				last.To = time.Now().Add(85 * time.Minute).In(shopZone).Format("15:04")
				for i := range bun.Markdowns[:3] {
					bun.Markdowns[i].To = last.To
				}
				return []cloud.Article{bun, apple}
			}
			return []fact{
				{"head office sends two articles with markdown steps and a weighed one; they are in force beside what is there", func(ctx context.Context) error {
					return v.order("pricebook.apply", map[string]any{"version": "2", "items": small()})(ctx)
				}},
				{"at this time of day twenty per cent are off: the screen shows the new price and the old one", s.first(v.scans(bun.GTIN), s.lines(1), v.sceneHas("basket", `"unit_price":800`, `"old_price":1000`), s.adds(bun.Name, 800))},
				{"another code of the same article finds it too", steps(v.scans(bun.GTINs[0]), s.lines(2), s.adds(bun.Name, 800))},
				{"a scale's label sells by weight: 0.735 kg at 15.80", steps(v.scans("2212345007356"), s.lines(3), s.apiHas(`"quantity":"0.735"`, `"total":1161`), s.adds(apple.Name, 1161))},
				{"three for the price of two and a half: the third piece makes it cheaper", steps(v.scans(water.GTIN), s.lines(4), v.scans(water.GTIN), s.lines(5), v.scans(water.GTIN), s.lines(6), s.apiHas(`"discount":100`, `"total":3261`), s.adds(water.Name, 200), s.adds(water.Name, 200), s.adds(water.Name, 100))},
				{"the receipt has the old price and what was paid", steps(v.snapScreen, s.cash, s.receipt, s.paperHas("鲜肉包", "原价 10.00", "0.735 kg × 15.80"), s.snapPaper(v), s.inCloud)},
				{"a price book of 200,000 articles comes as a file; while it is entered, sales go on at the old prices", v.bigBook("3", meanwhile)},
				{"then all of it is in force at once", steps(v.pricesAre("3", bigBook), after.first(v.scans(gtin(199_999)), after.lines(1), after.adds("商品 199999", 999), after.cash, after.receipt, after.inCloud))},
				{"a file with another hash is refused, one with a bad article too: the book in force stays", steps(v.badBook("4"), v.pricesAre("3", bigBook))},
				{"kill -9 while a file is entered leaves the book in force", steps(v.killedEntering("5"), v.pricesAre("3", bigBook))},
				{"the book before can be restored by its version", steps(v.order("pricebook.apply", map[string]any{"version": "2"}), v.scans(gtin(199_998)), v.refusedScan("unknown_code"))},
				{"all of this works without a link; a code that is not in the book is refused at once", steps(v.offline(away.first(v.scans(bun.GTIN), away.lines(1), away.adds(bun.Name, 800), v.scans("6999999999994"), v.refusedScan("unknown_code"), away.cash, away.receipt)), v.online, away.inCloud)},
			}
		},
	}
}

// shopZone is where the shop is.
var shopZone = time.FixedZone("CST", 8*3600)

// adds notes what is on the screen as a line of that worth.
func (s *one) adds(name string, total int64) step {
	return func(context.Context) error {
		s.goods = append(s.goods, cloud.Article{Name: name, UnitPrice: total})
		return nil
	}
}

// gtin is the EAN-13 of article i of the big book.
func gtin(i int) string {
	body := fmt.Sprintf("690%09d", i)
	sum := 0
	for k, c := range body {
		sum += int(c-'0') * (1 + 2*(k%2))
	}
	return body + fmt.Sprint((10-sum%10)%10)
}

// book writes a price book file and returns the order to apply it.
func (v *visit) priceFile(version string, n int, last string) (map[string]any, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		fmt.Fprintf(&b, `{"sku":"S%06d","gtin":"%s","name":"商品 %d","unit_price":999},`, i, gtin(i), i)
	}
	old := article("TEA-OOL-250")
	fmt.Fprintf(&b, `{"sku":"%s","gtin":"%s","name":"%s","unit_price":%d}%s]`, old.SKU, old.GTIN, old.Name, old.UnitPrice+1, last)
	name := "prices-" + version + ".json"
	if err := os.MkdirAll(v.shop.file("repository"), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(v.shop.file("repository"), name), b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	return map[string]any{"version": version, "url": name, "sha256": hex.EncodeToString(sum[:]), "bytes": b.Len()}, nil
}

// bigBook has the file entered and sells meanwhile.
func (v *visit) bigBook(version string, s *one) step {
	return func(ctx context.Context) error {
		order, err := v.priceFile(version, bigBook-1, `,{"sku":"S199999","gtin":"`+gtin(199_999)+`","name":"商品 199999","unit_price":999}`)
		if err != nil {
			return err
		}
		id := v.shop.cloud.Order(tillPath, "pricebook.apply", order, 0)
		if err := v.enteringMore(ctx, 0); err != nil {
			return err
		}
		if err := s.first(s.scanAll, s.cash, s.receipt)(ctx); err != nil {
			return err
		}
		if st, err := v.prices(ctx); err != nil || st.Entering == nil {
			return fmt.Errorf("the file was entered before the sale had ended: %+v, %v", st, err)
		}
		var r cloud.Reply
		if err := v.shop.cloud.Await(ctx, func() (ok bool) { r, ok = v.shop.cloud.Reply(id); return ok }); err != nil {
			return err
		}
		if r.State != "done" {
			return fmt.Errorf("pricebook.apply is %s: %+v", r.State, r.Error)
		}
		return s.inCloud(ctx)
	}
}

// prices is what GET /v1/status says of the price book.
func (v *visit) prices(ctx context.Context) (p pricesStatus, err error) {
	var st struct {
		Prices pricesStatus `json:"prices"`
	}
	err = v.shop.api.call(ctx, "GET", "/v1/status", "", nil, &st)
	return st.Prices, err
}

type pricesStatus struct {
	Version, Previous string
	Items             int
	Entering          *struct{ Items int }
}

// enteringMore waits until more than n articles of a file are entered.
func (v *visit) enteringMore(ctx context.Context, n int) error {
	return v.until(ctx, "a file being entered", func() (bool, error) {
		p, err := v.prices(ctx)
		return p.Entering != nil && p.Entering.Items > n, err
	})
}

func (v *visit) pricesAre(version string, items int) step {
	return func(ctx context.Context) error {
		p, err := v.prices(ctx)
		if err == nil && (p.Version != version || p.Items != items+1 && p.Items != items || p.Entering != nil) {
			err = fmt.Errorf("the price book is %+v, want version %s of %d", p, version, items)
		}
		return err
	}
}

func (v *visit) badBook(version string) step {
	return func(ctx context.Context) error {
		order, err := v.priceFile(version, 5000, "")
		if err != nil {
			return err
		}
		order["sha256"] = hex.EncodeToString(make([]byte, 32))
		bad, err := v.priceFile(version+"a", 5000, `,{"sku":"","name":"x","unit_price":1}`)
		if err != nil {
			return err
		}
		for _, o := range []map[string]any{order, bad} {
			r, err := v.shop.cloud.Command(ctx, tillPath, "pricebook.apply", o)
			if err != nil {
				return err
			}
			if r.State == "done" || r.Error == nil || r.Error.Message == "" {
				text, _ := json.Marshal(r)
				return fmt.Errorf("a bad file is %s", text)
			}
		}
		return nil
	}
}

// killedEntering kills the till in the middle of a file, which then goes away:
// what the till left half-done cannot be finished.
func (v *visit) killedEntering(version string) step {
	return func(ctx context.Context) error {
		order, err := v.priceFile(version, 100_000, "")
		if err != nil {
			return err
		}
		id := v.shop.cloud.Order(tillPath, "pricebook.apply", order, 0)
		if err := v.enteringMore(ctx, 2000); err != nil {
			return err
		}
		if err := v.shop.tilld.Kill(); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(v.shop.file("repository"), "prices-"+version+".json")); err != nil {
			return err
		}
		if err := v.shop.start(ctx, true); err != nil {
			return err
		}
		var r cloud.Reply
		if err := v.shop.cloud.Await(ctx, func() (ok bool) { r, ok = v.shop.cloud.Reply(id); return ok }); err != nil {
			return err
		}
		if r.State == "done" {
			return fmt.Errorf("half a file is done: %s", r.Data)
		}
		return nil
	}
}
