package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkScanToScene measures what a cashier waits for: from the last byte of a
// code on the scanner's line to the scene with that article on the stream that
// the customer's screen reads. The agent is a process of its own, the article is
// in its price book, the basket goes from empty to fifty lines and again.
func BenchmarkScanToScene(b *testing.B) {
	l := openLane(b, "info")
	var goods []map[string]any
	for i := range articles {
		goods = append(goods, map[string]any{"sku": fmt.Sprintf("SKU-%02d", i), "gtin": gtin(i), "name": fmt.Sprintf("商品 %03d", i), "unit_price": 100 + i})
	}
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	if r, err := l.cloud.Command(ctx, "acme/sh-001/03", "pricebook.apply", map[string]any{"version": "1", "items": goods}); err != nil || r.State != "done" {
		b.Fatalf("price book: %+v, %v", r, err)
	}
	screen := l.follow("/screen/events")
	var took []time.Duration
	var sale struct{ ID string }
	n := 0
	for b.Loop() {
		if n%50 == 0 {
			b.StopTimer()
			if sale.ID != "" {
				l.post("/v1/sales/"+sale.ID+"/void", `{"reason": "benchmark"}`)
			}
			l.must(json.Unmarshal(l.body(http.MethodPost, "/v1/sales", "{}"), &sale))
			l.await("an empty basket", func() bool { return bytes.Contains(screen.last(), []byte(sale.ID)) })
			b.StartTimer()
		}
		i := n % articles
		n++
		code, want := gtin(i), fmt.Appendf(nil, `商品 %03d"`, i)
		l.scan(code) // all but the end
		screen.settle()
		began := time.Now()
		l.scan("\r")
		for late := time.After(10 * time.Second); !bytes.Contains(screen.last(), want); {
			select {
			case <-screen.more:
			case <-late:
				b.Fatalf("no scene with article %d: %s\n%s", i, screen.bytes(), l.news.bytes())
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	at := func(p int) float64 { return float64(took[min(len(took)-1, len(took)*p/100)].Microseconds()) / 1000 }
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
	b.ReportMetric(at(100), "max-ms")
}

// articles are so many that none comes again within the time in which the same
// code twice is one scan.
const articles = 1000

// gtin is a number with a right check digit.
func gtin(i int) string {
	s := fmt.Sprintf("6901000%05d", i)
	sum := 0
	for k, c := range s {
		sum += int(c-'0') * (1 + 2*(k%2))
	}
	return s + strconv.Itoa((10-sum%10)%10)
}

func (l *lane) body(method, path, body string) []byte {
	l.t.Helper()
	status, b := l.call(method, path, body)
	if status >= 300 {
		l.t.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	return b
}

// last returns the newest whole scene.
func (s *stream) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.all.Bytes()
	for end := bytes.LastIndex(b, []byte("\n\n")); end >= 0; end = bytes.LastIndex(b[:end], []byte("\n\n")) {
		frame := b[bytes.LastIndex(b[:end], []byte("\n\n"))+1 : end]
		if bytes.Contains(frame, []byte("event: scene")) {
			return bytes.Clone(frame)
		}
	}
	return nil
}

// settle forgets that something has come.
func (s *stream) settle() {
	select {
	case <-s.more:
	default:
	}
}

// BenchmarkIdle measures what an agent with its devices costs while nothing
// happens; with TILLD_BENCH=1, because it takes half a minute.
func BenchmarkIdle(b *testing.B) {
	if os.Getenv("TILLD_BENCH") != "1" {
		b.Skip("set TILLD_BENCH=1: this takes half a minute")
	}
	l := openLane(b, "info")
	const span = 30 * time.Second
	for b.Loop() {
		before := l.cpu()
		time.Sleep(span)
		b.ReportMetric(100*float64(l.cpu()-before)/float64(span), "%cpu")
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.cmd.Process.Pid))
	l.must(err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			l.must(err)
			b.ReportMetric(float64(kb)/1024, "MiB-rss")
		}
	}
}

// cpu is the processor time that the agent has used.
func (l *lane) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", l.cmd.Process.Pid))
	l.must(err)
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	user, err := strconv.Atoi(f[11])
	l.must(err)
	system, err := strconv.Atoi(f[12])
	l.must(err)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}
