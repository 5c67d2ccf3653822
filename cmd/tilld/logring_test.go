package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// The newest lines are held, whole, and what looks like a secret is not in them.
func TestLogRing(t *testing.T) {
	r := new(logRing)
	log := slog.New(slog.NewMultiHandler(slog.NewTextHandler(io.Discard, nil), slog.NewJSONHandler(r, nil)))
	log.Warn("link down", "err", `dial mqtts://till:hunter2@broker:8883: Authorization: Bearer abc.DEF-1 refused`, "code", "134815162342481516", "seq", "00000000000000000042")
	got := string(r.Bytes())
	for _, secret := range []string{"hunter2", "abc.DEF", "13481516"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in %s", secret, got)
		}
	}
	for _, want := range []string{"mqtts://‹secret›@broker:8883", "00000000000000000042", `"level":"WARN"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	pad := strings.Repeat("x", 1000)
	for n := range 3000 {
		log.Info("line", "n", fmt.Sprintf("<%d>", n), "pad", pad)
	}
	lines := strings.Split(strings.TrimSuffix(string(r.Bytes()), "\n"), "\n")
	if size := len(r.Bytes()); size > logHeld || size < logHeld-2000 {
		t.Errorf("%d bytes are held", size)
	}
	if first, last := lines[0], lines[len(lines)-1]; !strings.HasPrefix(first, "{") || !strings.Contains(last, "<2999>") {
		t.Errorf("from %.60s to %.60s", first, last)
	}
}
