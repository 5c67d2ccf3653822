package till

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner/code"
)

// The price book is in bucket Prices. A book that came as a file is a generation
// of its own: "g<8 hex>/sku/<sku>" is an article, "g<8 hex>/code/<gtin of 14
// digits, or code as printed>" the SKU it belongs to. Generation 0, of items that
// came before any file, has no prefix. "undo/<n>" is what the last items replaced.
// Which generation is in force is in the record "pricebook" of bucket State, so
// that a new one comes into force in one small commit.

var pricesKey = []byte("pricebook")

// bookState is the record about the price book as a whole.
type bookState struct {
	bookVersion
	Previous *bookVersion `json:"previous,omitempty"` // can be restored
}

// bookVersion is one version of the price book.
type bookVersion struct {
	Version    string    `json:"version"`
	At         time.Time `json:"at"`
	Generation uint64    `json:"generation,omitempty"`
	Items      int       `json:"items,omitempty"`
	SHA256     string    `json:"sha256,omitempty"` // of the file, "" when items were entered since
	Undo       bool      `json:"undo,omitempty"`   // Previous only: restored by undoing the last items
}

func (b bookVersion) key(what, name string) []byte {
	return []byte(section(b.Generation) + what + name)
}

// section is how the keys of a generation begin.
func section(generation uint64) string {
	if generation == 0 {
		return ""
	}
	return fmt.Sprintf("g%08x/", generation)
}

// bookIn reads which price book is in force in a transaction.
func bookIn(tx *queue.Tx) (b bookState, err error) {
	err = getJSON(tx, queue.State, pricesKey, &b)
	return b, err
}

func (t *Till) loadPrices(tx *queue.Tx) (err error) {
	t.book, err = bookIn(tx)
	return err
}

// article finds what the price book has for a code; ok is false when nothing.
func (t *Till) article(c code.Code) (a sale.Article, ok bool, err error) {
	err = t.o.Store.View(func(tx *queue.Tx) error {
		book, err := bookIn(tx)
		if err != nil {
			return err
		}
		for _, sku := range candidates(tx, book, c) {
			body, err := tx.Get(queue.Prices, book.key("sku/", sku))
			if err != nil {
				return err
			}
			if body != nil {
				ok = true
				return json.Unmarshal(body, &a)
			}
		}
		return nil
	})
	return a, ok, err
}

// Sold reports whether a number as printed on goods is an article of the price
// book, and whether there is a price book. A scale's label is none: its digits
// are mostly weight and price.
func (t *Till) Sold(number string) (sold, prices bool) {
	err := t.o.Store.View(func(tx *queue.Tx) error {
		book, err := bookIn(tx)
		prices = book.Items > 0
		return err
	})
	if err != nil || !prices {
		return false, prices || err != nil
	}
	c := t.o.Rules.Classify(code.Basket, "", []byte(number))
	if c.Kind != code.Product {
		return false, true
	}
	_, sold, err = t.article(c)
	return sold && err == nil, true
}

// candidates are the SKUs that a code may stand for, best first.
func candidates(tx *queue.Tx, book bookState, c code.Code) []string {
	var list []string
	for _, key := range []string{c.GTIN, c.Text} {
		if key == "" {
			continue
		}
		if sku, err := tx.Get(queue.Prices, book.key("code/", key)); err == nil && sku != nil {
			list = append(list, string(sku))
		}
	}
	if c.SKU != "" {
		list = append(list, c.SKU, strings.TrimLeft(c.SKU, "0"))
	}
	if c.Kind == code.Product {
		list = append(list, c.Text)
	}
	return list
}

// enterArticle enters an article into a version of the price book.
func (b bookVersion) enterArticle(a sale.Article, put func(key, value []byte) error) error {
	if err := put(b.key("sku/", a.SKU), mustJSON(a)); err != nil {
		return err
	}
	for _, g := range append([]string{a.GTIN}, a.GTINs...) {
		if g == "" {
			continue
		}
		if err := put(b.key("code/", pad14(g)), []byte(a.SKU)); err != nil {
			return err
		}
	}
	return nil
}

func pad14(gtin string) string {
	if len(gtin) >= 14 || len(gtin) < 8 {
		return gtin
	}
	return strings.Repeat("0", 14-len(gtin)) + gtin
}

// checkArticle bounds an article from outside.
func checkArticle(a sale.Article) error {
	switch {
	case a.SKU == "" || len(a.SKU) > 128:
		return problem(sale.CodeInvalid, "sku", "sku 不能为空，最多 128 字节", "sku must have 1 to 128 bytes")
	case strings.TrimSpace(a.Name) == "" || len(a.Name) > 512:
		return problem(sale.CodeInvalid, "name", "商品名称不能为空，最多 512 字节", "name must have 1 to 512 bytes")
	case a.UnitPrice < 0 || a.UnitPrice > sale.MaxMoney:
		return problem(sale.CodeInvalid, "unit_price", "单价无效", "unit_price must be 0 or more")
	case a.OldPrice < 0 || a.OldPrice > sale.MaxMoney:
		return problem(sale.CodeInvalid, "old_price", "原价无效", "old_price must be 0 or more")
	case a.Unit != "" && a.Unit != "each" && a.Unit != "kg":
		return problem(sale.CodeInvalid, "unit", "单位只能是 each 或 kg", "unit must be each or kg")
	case len(a.GTINs) > 50 || len(a.Markdowns) > 100:
		return problem(sale.CodeInvalid, "gtins", "条码或折扣时段过多", "at most 50 gtins and 100 markdowns")
	case a.MultiBuy != nil && (a.MultiBuy.Quantity < 2 || a.MultiBuy.Price < 0 || a.MultiBuy.Price > sale.MaxMoney):
		return problem(sale.CodeInvalid, "multi_buy", "多件优惠无效", "multi_buy needs a quantity of 2 or more and a price")
	}
	for _, m := range a.Markdowns {
		if _, ok := minuteOf(m.From); !ok || m.Percent < 0 || m.Percent > 100 {
			return problem(sale.CodeInvalid, "markdowns", "折扣时段无效", "a markdown needs from as HH:MM and a percent of 0 to 100")
		}
		if _, ok := minuteOf(m.To); m.To != "" && !ok {
			return problem(sale.CodeInvalid, "markdowns", "折扣时段无效", "a markdown's to must be HH:MM")
		}
	}
	return nil
}

// priced makes a line item of an article at the price of that moment: the
// markdown that began last is in force, and the screen shows the old price.
func priced(a sale.Article, at time.Time) sale.NewItem {
	n := sale.NewItem{
		SKU: a.SKU, GTIN: a.GTIN, Serial: a.Serial, Name: a.Name, Quantity: a.Quantity, Unit: a.Unit,
		UnitPrice: a.UnitPrice, OldPrice: a.OldPrice, MultiBuy: a.MultiBuy,
	}
	if percent := markdown(a.Markdowns, at); percent > 0 {
		n.OldPrice = a.UnitPrice
		n.UnitPrice = (a.UnitPrice*sale.Money(100-percent) + 50) / 100
	}
	return n
}

// markdown is the percentage in force at a local time, 0 for none. A window
// whose end is before its start runs past midnight.
func markdown(list []sale.Markdown, at time.Time) int {
	now := at.Hour()*60 + at.Minute()
	best, since := 0, 24*60+1
	for _, m := range list {
		from, ok := minuteOf(m.From)
		if !ok {
			continue
		}
		to := 24 * 60
		if m.To != "" {
			if to, ok = minuteOf(m.To); !ok {
				continue
			}
		}
		in := now >= from && now < to
		if to <= from {
			in = now >= from || now < to
		}
		if began := (now - from + 24*60) % (24 * 60); in && (began < since || began == since && m.Percent > best) {
			best, since = m.Percent, began
		}
	}
	return best
}

// minuteOf reads "HH:MM"; "24:00" is the end of the day.
func minuteOf(clock string) (int, bool) {
	if clock == "24:00" {
		return 24 * 60, true
	}
	at, err := time.Parse("15:04", clock)
	return at.Hour()*60 + at.Minute(), err == nil
}
