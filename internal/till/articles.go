package till

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"tilld/internal/sale"
	"tilld/queue"
)

// Bounds of a search through the price book.
const (
	// MaxArticles is the most that one search finds.
	MaxArticles = 50
	maxSearch   = 128 // bytes of text
)

// Articles finds goods without a code: those of the price book whose name, SKU
// or codes contain text, letters in any case, by SKU. The prices are those of
// this moment, as they would be added.
func (t *Till) Articles(text string, limit int) ([]sale.Article, error) {
	valid := utf8.ValidString(text)
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" || len(text) > maxSearch || !valid {
		return nil, problem(sale.CodeInvalid, "text", "请输入 1 到 128 字节的文字", "text must have 1 to 128 bytes")
	}
	quoted := mustJSON(text)
	raw := quoted[1 : len(quoted)-1] // as it stands inside a stored record
	list, at := []sale.Article{}, t.now()
	limit = min(max(limit, 1), MaxArticles)
	err := t.o.Store.View(func(tx *queue.Tx) error {
		book, err := bookIn(tx)
		if err != nil {
			return err
		}
		return tx.Range(queue.Prices, book.key("sku/", ""), book.key("sku0", ""), func(_, v []byte) (bool, error) {
			if !bytes.Contains(bytes.ToLower(v), raw) {
				return true, nil
			}
			var a sale.Article
			if err := json.Unmarshal(v, &a); err != nil {
				return false, err
			}
			if names(a, text) {
				list = append(list, now(a, priced(a, at)))
			}
			return len(list) < limit, nil
		})
	})
	return list, err
}

// names reports whether what a person knows of an article contains text.
func names(a sale.Article, text string) bool {
	for _, field := range append([]string{a.SKU, a.Name, a.GTIN}, a.GTINs...) {
		if strings.Contains(strings.ToLower(field), text) {
			return true
		}
	}
	return false
}

// now is an article at the price of the moment.
func now(a sale.Article, n sale.NewItem) sale.Article {
	a.UnitPrice, a.OldPrice, a.Markdowns = n.UnitPrice, n.OldPrice, nil
	return a
}

// bySKU makes a line item of an article of the price book.
func (t *Till) bySKU(add sale.Add) (sale.NewItem, error) {
	var a sale.Article
	err := t.o.Store.View(func(tx *queue.Tx) error {
		book, err := bookIn(tx)
		if err != nil {
			return err
		}
		return getJSON(tx, queue.Prices, book.key("sku/", add.SKU), &a)
	})
	if err != nil {
		return sale.NewItem{}, err
	}
	if a.SKU == "" {
		return sale.NewItem{}, problem(sale.CodeUnknownCode, "sku", "价格本里没有这个商品："+clip(add.SKU, 32), "the price book has no such article: "+clip(add.SKU, 32))
	}
	n := priced(a, t.now())
	n.Discount = add.Discount
	if add.Quantity != "" {
		n.Quantity = add.Quantity
	}
	if add.Serial != "" {
		n.Serial = add.Serial
	}
	return n, nil
}
