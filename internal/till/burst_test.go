package till_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/scanner"
)

// decided waits until scan n has had its effect or was refused; a busy machine
// takes its time.
func (r *rig) decided(n int) {
	r.t.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		last, _, err := r.till.Scans(uint64(n-1), 1)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(last) == 1 && (last[0].SaleID != "" || last[0].Refused != nil) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("scan %d is not decided; %d in the ledger", n, len(r.ledger()))
		}
	}
}

// A thousand scans from four scanners at once: each is in the ledger once, in
// its scanner's order; what the sale holds is what the ledger says it took.
func TestBurstFromFourScanners(t *testing.T) {
	const scanners, each = 4, 250
	r := newRig(t)
	code := func(s, i int) string { return fmt.Sprintf("ART-%d-%03d", s, i) }
	var items []string
	for s := range scanners {
		for i := range each {
			items = append(items, fmt.Sprintf(`{"sku":%q,"name":"x","unit_price":100}`, code(s, i)))
		}
	}
	if _, err := r.till.PriceBookApply(context.Background(), json.RawMessage(`{"version":"1","items":[`+strings.Join(items, ",")+`]}`)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for s := range scanners {
		all.Go(func() {
			for i := range each {
				r.till.Scan(context.Background(), scanner.Scan{Device: fmt.Sprintf("scanner-%d", s), At: r.o.Now(), Data: []byte(code(s, i))})
			}
		})
	}
	all.Wait()
	r.decided(scanners * each)
	list := r.ledger()
	if len(list) != scanners*each {
		t.Fatalf("%d scans in the ledger, want %d", len(list), scanners*each)
	}
	order := map[string][]string{}
	var took []uint64
	for n, sc := range list {
		if sc.Seq != uint64(n+1) || sc.Repeats != 0 {
			t.Fatalf("row %d: sequence %d, %d repeats", n, sc.Seq, sc.Repeats)
		}
		order[sc.Device] = append(order[sc.Device], sc.Code)
		switch {
		case sc.Refused == nil:
			took = append(took, sc.Seq)
		case sc.Refused.Code != sale.CodeTooManyLines:
			t.Fatalf("scan %d is refused: %+v", sc.Seq, sc.Refused)
		}
	}
	for s := range scanners {
		var want []string
		for i := range each {
			want = append(want, code(s, i))
		}
		if got := order[fmt.Sprintf("scanner-%d", s)]; !slices.Equal(got, want) {
			t.Errorf("scanner %d: %d scans, not in its order", s, len(got))
		}
	}
	var sold []uint64
	for _, it := range r.current().Items {
		sold = append(sold, it.ScanSeq)
	}
	if len(sold) != sale.MaxLines || !slices.Equal(sold, took) {
		t.Errorf("the sale holds %d lines, the ledger says %d were taken, or in another order", len(sold), len(took))
	}
}
