package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The agent is killed while a code is on its way. The rest of it is no scan of the
// next life, which says so; the code read again is.
func TestRestOfACodeAfterAKill(t *testing.T) {
	l := openLane(t, "info")
	l.scan("690123")
	l.await("half a code is noted", func() bool {
		b, err := os.ReadFile(filepath.Join(l.dir, "torn", "scanner-1"))
		return err == nil && strings.HasPrefix(string(b), "tilltorn")
	})
	l.kill()
	l.scan("4567892\r")
	l.again()
	told := func() bool { return strings.Contains(string(l.get("/v1/status")), `"code":"scan_again"`) }
	l.await("the cashier is told", told)
	if text := string(l.get("/metrics")); !strings.Contains(text, `tilld_scans_torn_total{device="scanner-1"} 1`) {
		t.Error("the figures do not count it")
	}
	l.scan("6901234567892\r")
	l.await("the code read again", func() bool { return l.news.count("scan", "6901234567892") == 1 })
	l.await("the condition is gone", func() bool { return !told() })
	if text := string(l.get("/v1/scans")); strings.Count(text, `"seq"`) != 1 {
		t.Errorf("the ledger is %s", text)
	}
}

// The end of a number that no rule names is a good EAN by chance. A till with a
// price book does not take it for goods that it does not sell.
func TestRestOfANumberWithoutARule(t *testing.T) {
	l := openLane(t, "info")
	if r, err := l.cloud.Command(t.Context(), "acme/sh-001/03", "pricebook.apply", map[string]any{
		"version": "1", "items": []any{map[string]any{"sku": "tea", "gtin": "6901234567892", "name": "Tea", "unit_price": 1200}},
	}); err != nil || r.State != "done" {
		t.Fatalf("price book: %+v, %v", r, err)
	}
	torn := func(n int) func() bool {
		return func() bool {
			return strings.Contains(string(l.get("/metrics")), fmt.Sprintf(`tilld_scans_torn_total{device="scanner-1"} %d`, n))
		}
	}
	half := func(text string, n int) {
		l.scan(text)
		l.await("the half is given up", torn(n))
	}
	half("7701234", 1)
	l.scan("6909999999996\r")
	l.await("its rest does not count", torn(2))
	half("7701234", 3)
	l.scan("6901234567892\r")
	l.await("an article after a half counts", func() bool { return l.news.count("scan", "6901234567892") == 1 })
	if text := string(l.get("/v1/scans")); strings.Count(text, `"seq"`) != 1 {
		t.Errorf("the ledger is %s", text)
	}
}
