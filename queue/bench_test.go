package queue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawSync measures what the disk itself takes for 512 bytes appended to a file
// and synced: the yardstick of every figure here.
func rawSync(b testing.TB, dir string, n int) []time.Duration {
	b.Helper()
	f, err := os.CreateTemp(dir, "raw")
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 512)
	took := make([]time.Duration, n)
	for i := range n {
		began := time.Now()
		if _, err := f.WriteAt(block, int64(i)*512); err != nil {
			b.Fatal(err)
		}
		if err := datasync(f); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	return took
}

func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// plainSeal makes 512 bytes, so that what is measured is the store.
func plainSeal(h Header, m Message) ([]byte, error) { return m.Data, nil }

// BenchmarkAccept is Update with one event of 512 bytes, until it is answered.
// x-raw-p50 compares the median latency with the disk's own sync, x-raw-rate
// the throughput with one sync after another. The two are measured by turns,
// because the machine's other load changes.
func BenchmarkAccept(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			dir := b.TempDir()
			s := mustOpen(b, Options{Dir: dir, Seal: plainSeal, ReserveBytes: 1 << 20})
			data := []byte(`{"pad":"` + strings.Repeat("x", 500) + `"}`)
			var raw, took []time.Duration
			var busy time.Duration
			const round = 200 // per caller
			b.ResetTimer()
			for done := 0; done < b.N; {
				b.StopTimer()
				raw = append(raw, rawSync(b, dir, 100)...)
				b.StartTimer()
				n := min(round*callers, b.N-done)
				lat := make([]time.Duration, n)
				var next atomic.Int64
				var wg sync.WaitGroup
				began := time.Now()
				for range callers {
					wg.Go(func() {
						for {
							i := int(next.Add(1)) - 1
							if i >= n {
								return
							}
							t := time.Now()
							if err := s.Update(context.Background(), func(tx *Tx) error {
								_, err := tx.Append(Message{Type: "x", Data: data})
								return err
							}); err != nil {
								b.Error(err)
								return
							}
							lat[i] = time.Since(t)
						}
					})
				}
				wg.Wait()
				busy += time.Since(began)
				took = append(took, lat...)
				done += n
			}
			b.StopTimer()
			var sum time.Duration
			for _, d := range raw {
				sum += d
			}
			rawRate := float64(len(raw)) / sum.Seconds()
			rate := float64(len(took)) / busy.Seconds()
			b.ReportMetric(float64(quantile(took, .5))/float64(quantile(raw, .5)), "x-raw-p50")
			b.ReportMetric(rate/rawRate, "x-raw-rate")
			b.ReportMetric(rate, "rec/s")
			b.ReportMetric(float64(quantile(took, .5).Microseconds()), "p50-µs")
			b.ReportMetric(float64(quantile(took, .99).Microseconds()), "p99-µs")
			b.ReportMetric(float64(quantile(raw, .5).Microseconds()), "raw-p50-µs")
		})
	}
}

// BenchmarkBacklog fills the queue with TILLD_BACKLOG events of 1 KiB, opens it
// again and drains it in order, acks and deletes included.
func BenchmarkBacklog(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("TILLD_BACKLOG"))
	if err != nil {
		b.Skip("set TILLD_BACKLOG to a number of events, such as 600000")
	}
	for b.Loop() {
		dir := b.TempDir()
		data := []byte(`{"pad":"` + strings.Repeat("x", 1014) + `"}`)
		o := Options{Dir: dir, Seal: plainSeal, KeepAcked: time.Nanosecond}
		s := mustOpen(b, o)
		began := time.Now()
		for done := 0; done < n; done += 100 {
			update(b, s, func(tx *Tx) error {
				for range 100 {
					if _, err := tx.Append(Message{Type: "x", Data: data}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		fill := time.Since(began)
		began = time.Now()
		mustClose(b, s)
		settle := time.Since(began)
		full := size(b, dir)
		runtime.GC()
		rss0 := rss(b)
		began = time.Now()
		s = mustOpen(b, o)
		open := time.Since(began)
		began = time.Now()
		peak := 0
		for after, i := uint64(0), 0; after < uint64(n); i++ {
			list, err := s.Pending(after, 128, 100<<10)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range list {
				if after++; e.Sequence != after {
					b.Fatalf("event %d after %d", e.Sequence, after-1)
				}
			}
			h, err := s.Hash(after)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Ack(b.Context(), s.Epoch(), after, after, h); err != nil {
				b.Fatal(err)
			}
			if i%50 == 0 {
				if err := s.trim(b.Context()); err != nil {
					b.Fatal(err)
				}
				peak = max(peak, rss(b))
			}
		}
		if err := s.trim(b.Context()); err != nil {
			b.Fatal(err)
		}
		drain := time.Since(began)
		live := s.Stats().Bytes
		mustClose(b, s)
		after := size(b, dir)
		s = mustOpen(b, o)
		mustClose(b, s)
		b.ReportMetric(float64(n)/fill.Seconds(), "fill-rec/s")
		b.ReportMetric(settle.Seconds(), "close-s")
		b.ReportMetric(open.Seconds(), "open-s")
		b.ReportMetric(float64(n)/drain.Seconds(), "drain-rec/s")
		b.ReportMetric(float64(rss0), "rss-before-MiB")
		b.ReportMetric(float64(peak), "rss-peak-MiB")
		b.ReportMetric(full, "file-full-MiB")
		b.ReportMetric(after, "file-drained-MiB")
		b.ReportMetric(float64(live>>20), "live-drained-MiB")
		b.ReportMetric(size(b, dir), "file-reopened-MiB")
	}
}

func size(b testing.TB, dir string) float64 {
	info, err := os.Stat(filepath.Join(dir, dbName))
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size() >> 20)
}

// rss is this process's anonymous memory in MiB; pages of the mapped file are
// the system's to take back.
func rss(b testing.TB) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "RssAnon:" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				b.Fatal(err)
			}
			return n >> 10
		}
	}
	return 0
}
