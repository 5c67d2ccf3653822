package till_test

import (
	"context"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/scanner"
)

// BenchmarkScan is one product of the price book: ledger, sale, fsync, scene.
func BenchmarkScan(b *testing.B) {
	r := newRig(b)
	r.prices()
	at := time.Now()
	n := 0
	for b.Loop() {
		if n++; n%30 == 0 {
			b.StopTimer()
			r.do(sale.Pay{Sale: r.current().ID, Method: "cash"})
			b.StartTimer()
		}
		at = at.Add(time.Second)
		if !r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: at, Data: []byte("6901234567892")}) {
			b.Fatal("refused")
		}
	}
}

// BenchmarkCashSale is open, pay and close with two items: two commits.
func BenchmarkCashSale(b *testing.B) {
	r := newRig(b, func(o *till.Options) { o.KickDrawer = nil })
	for b.Loop() {
		r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	}
}
