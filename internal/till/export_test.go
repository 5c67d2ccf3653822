package till

import (
	"context"

	"tilld/internal/sale"
)

// Article looks a code up in the price book as a scan does.
func (t *Till) Article(code string) (sale.Article, bool, error) {
	return t.article(t.classify("", []byte(code)))
}

// HouseKeeping drops what is old, as it is done every hour.
func (t *Till) HouseKeeping(ctx context.Context) { t.houseKeeping(ctx) }
