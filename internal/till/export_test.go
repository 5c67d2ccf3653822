package till

import (
	"context"

	"tilld/internal/sale"
	"tilld/scanner"
)

// Article looks a code up in the price book as a scan does.
func (t *Till) Article(code string) (sale.Article, bool, error) {
	return t.article(t.classify("", []byte(code)))
}

// HouseKeeping drops what is old, as it is done every hour.
func (t *Till) HouseKeeping(ctx context.Context) { t.houseKeeping(ctx) }

// ScanThrough is [Till.Scan] for a scanner that waits until its code is decided on.
func (t *Till) ScanThrough(s scanner.Scan) bool {
	p := &pendingScan{scan: s, done: make(chan bool, 1)}
	if _, ok := t.queueScan(p); !ok {
		t.ScansLost(s.Device)
		return false
	}
	return <-p.done
}
