package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/scanner"
)

const bigBook = 200_000

// BenchmarkPriceBook enters a file of 200,000 articles while a scanner reads
// twenty codes a second, and reports how long the slowest took.
func BenchmarkPriceBook(b *testing.B) {
	text := bookFile(bigBook, 100)
	files := shelf{}
	r := newRig(b, files.options, impatient)
	r.cloud.setDown(true)
	files["0"] = strings.NewReader(bookFile(1000, 50))
	if _, err := r.till.PriceBookApply(context.Background(), json.RawMessage(`{"version":"0","url":"0","sha256":"0","bytes":1}`)); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		files["1"] = strings.NewReader(text)
		var took []time.Duration
		var heap uint64
		done, stopped := make(chan struct{}), sync.WaitGroup{}
		stopped.Go(func() {
			at := time.Now()
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(50 * time.Millisecond):
				}
				if i%50 == 49 {
					r.do(sale.Pay{Sale: r.current().ID, Method: "cash"})
				}
				at = at.Add(time.Second)
				began := time.Now()
				if !r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: at, Data: []byte(gtin(i % 900))}) {
					b.Error("refused")
				}
				took = append(took, time.Since(began))
				if i%10 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					heap = max(heap, m.HeapInuse)
				}
			}
		})
		began := time.Now()
		_, err := r.till.PriceBookApply(context.Background(), json.RawMessage(fmt.Sprintf(`{"version":"%d","url":"1","sha256":"%d","bytes":1}`, n, n)))
		entered := time.Since(began)
		close(done)
		stopped.Wait()
		if err != nil {
			b.Fatal(err)
		}
		slices.Sort(took)
		b.ReportMetric(entered.Seconds(), "s/200k-articles")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/scan-p99")
		b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms/scan-max")
		b.ReportMetric(float64(heap>>20), "MiB-heap")
	}
}

// BenchmarkPriceLookup finds articles by code in a book of 200,000, through the
// same path as a scan.
func BenchmarkPriceLookup(b *testing.B) {
	files := shelf{"1": strings.NewReader(bookFile(bigBook, 100))}
	r := newRig(b, files.options, impatient)
	r.cloud.setDown(true)
	if _, err := r.till.PriceBookApply(context.Background(), json.RawMessage(`{"version":"1","url":"1","sha256":"1","bytes":1}`)); err != nil {
		b.Fatal(err)
	}
	took, i := make([]time.Duration, 0, 1<<20), 0
	for b.Loop() {
		i = (i + 7919) % bigBook
		began := time.Now()
		if _, ok, err := r.till.Article(gtin(i)); err != nil || !ok {
			b.Fatal(ok, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	b.ReportMetric(float64(p99.Nanoseconds())/1000, "µs/lookup-p99")
	if p99 > time.Millisecond {
		b.Errorf("p99 is %v, at most 1 ms", p99)
	}
}
