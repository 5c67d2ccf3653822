package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"tilld/scanner"
)

// A hundred codes that only the cloud knows, read faster than it answers: it is
// asked about all of them at once, and they go into the basket in their order,
// whatever the order of the answers. No answer comes before all have been asked.
func TestUnknownCodesDoNotWaitForEachOther(t *testing.T) {
	const n = 100
	r := newRig(t)
	var asked sync.WaitGroup
	asked.Add(n)
	r.cloud.on("price.lookup", func(data json.RawMessage) (string, error) {
		var q struct{ Code string }
		if err := json.Unmarshal(data, &q); err != nil {
			return "", err
		}
		asked.Done() // once too often would panic
		asked.Wait()
		return fmt.Sprintf(`{"items":[{"sku":%q,"name":"x","unit_price":100}]}`, q.Code), nil
	})
	for i := range n {
		for range 3 { // bounces
			r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: r.o.Now(), Data: fmt.Appendf(nil, "ART-%03d", i)})
		}
	}
	r.decided(n)
	for i, it := range r.current().Items {
		if want := fmt.Sprintf("ART-%03d", i); it.SKU != want || it.ScanSeq != uint64(i+1) {
			t.Fatalf("line %d: %s of scan %d, want %s of scan %d", i+1, it.SKU, it.ScanSeq, want, i+1)
		}
	}
	if got := r.cloud.count("price.lookup"); got != n {
		t.Errorf("asked %d times, want %d", got, n)
	}
}

// With a cloud that says nothing each scan is refused in time, and none is lost.
func TestBurstWithASilentCloud(t *testing.T) {
	const scanners, each = 4, 250
	r := newRig(t, impatient)
	var all sync.WaitGroup
	for s := range scanners {
		all.Go(func() {
			for i := range each {
				r.till.Scan(context.Background(), scanner.Scan{Device: fmt.Sprintf("scanner-%d", s), At: r.o.Now(), Data: fmt.Appendf(nil, "ART-%d-%03d", s, i)})
			}
		})
	}
	all.Wait()
	r.decided(scanners * each)
	next := map[string]int{}
	for n, row := range r.ledger() {
		if want := fmt.Sprintf("ART-%s-%03d", strings.TrimPrefix(row.Device, "scanner-"), next[row.Device]); row.Seq != uint64(n+1) || row.Code != want {
			t.Fatalf("row %d: %d %s, want %s", n+1, row.Seq, row.Code, want)
		}
		next[row.Device]++
	}
}

// What may be a shopper's auth code is never asked about ahead, nor by any other
// price lookup.
func TestAuthCodesAreNotAskedAhead(t *testing.T) {
	r := newRig(t, impatient)
	for i := range 20 {
		r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: r.o.Now(), Data: fmt.Appendf(nil, "ART-%03d", i)})
		r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: r.o.Now(), Data: fmt.Appendf(nil, "1345678901234567%02d", i)})
	}
	r.decided(40)
	r.cloud.mu.Lock()
	defer r.cloud.mu.Unlock()
	for _, a := range r.cloud.asked {
		if strings.Contains(a, "1345678901234567") {
			t.Fatal("an auth code left the till:", a)
		}
	}
}
