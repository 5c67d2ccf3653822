package main

import (
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
