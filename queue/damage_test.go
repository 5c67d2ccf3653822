package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// dump is everything a store holds, as text, without what each start changes.
func dump(t testing.TB, s *Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.View(func(tx *Tx) error {
		for _, b := range buckets {
			if err := tx.scan(b, nil, nil, false, func(key string, e entry) (bool, error) {
				if b != meta || strings.HasPrefix(key, nextKey) {
					all[fullKey(b, []byte(key))] = string(e.value)
				}
				return true, nil
			}); err != nil {
				return err
			}
		}
		c := tx.c
		c[events].boot = 0
		all["chain"] = fmt.Sprint(c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// busyDay writes a directory the way a till does: states that change, ledgers,
// events, acks, deletes, a snapshot on the way.
func busyDay(t testing.TB, dir string, n int) map[string]string {
	t.Helper()
	s := mustOpen(t, testOptions(dir))
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		update(t, s, func(tx *Tx) error {
			seq, err := tx.Next(Scans)
			if err != nil {
				return err
			}
			tx.Put(Scans, Key64(seq), fmt.Appendf(nil, "scan %d %x", i, rnd.Uint64()))
			tx.Put(State, []byte("machine"), fmt.Appendf(nil, "state %d", i))
			tx.Put(Sales, fmt.Appendf(nil, "sale-%03d", i%80), []byte(strings.Repeat(fmt.Sprint(i), 200)))
			if i%5 == 4 {
				tx.Delete(Scans, Key64(seq-3))
			}
			if i%2 == 0 {
				_, err = tx.Append(Message{Type: "tilld.sale.closed.v1", Subject: fmt.Sprint(i), Data: fmt.Appendf(nil, `{"n":%d,"pad":%q}`, i, strings.Repeat("x", rnd.IntN(3000)))})
			}
			return err
		})
		if i == n/3 || i == n/2 {
			s.sync()
			if err := s.snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		if i == n/2 {
			h, err := s.Hash(s.LastSeq() / 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Ack(t.Context(), s.Epoch(), s.LastSeq()/2, s.LastSeq(), h); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := dump(t, s)
	mustClose(t, s)
	return all
}

func copyDir(t testing.TB, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// corrupt damages b by seed and says how. 0-149 flip one bit, 150-299 zero or
// swap pages, 300-399 cut off, 400-419 tear a meta page.
func corrupt(b []byte, seed uint64) ([]byte, string) {
	r := rand.New(rand.NewPCG(seed, 99))
	const page = 4096
	n := len(b) / page
	switch {
	case seed < 150:
		// Bits of pages that are in use: the rest of the file is free space.
		at := r.IntN(usedPages(b) * page)
		b[at] ^= 1 << r.IntN(8)
		return b, fmt.Sprintf("bit at %d", at)
	case seed < 225:
		p := r.IntN(usedPages(b))
		clear(b[p*page : (p+1)*page])
		return b, fmt.Sprintf("page %d zeroed", p)
	case seed < 300:
		p, q := r.IntN(usedPages(b)), r.IntN(usedPages(b))
		t := append([]byte{}, b[p*page:(p+1)*page]...)
		copy(b[p*page:(p+1)*page], b[q*page:(q+1)*page])
		copy(b[q*page:(q+1)*page], t)
		return b, fmt.Sprintf("pages %d and %d swapped", p, q)
	case seed < 400:
		size := r.IntN(len(b))
		if seed%2 == 0 {
			size = r.IntN(n) * page
		}
		return b[:size], fmt.Sprintf("cut to %d", size)
	default:
		m, at := r.IntN(2), 16+r.IntN(64)
		r2 := rand.New(rand.NewPCG(seed, 7))
		for i := at; i < 80; i++ {
			b[m*page+i] = byte(r2.Uint32())
		}
		return b, fmt.Sprintf("meta page %d torn at %d", m, at)
	}
}

func usedPages(b []byte) int {
	high := max(binary.NativeEndian.Uint64(b[16+40:]), binary.NativeEndian.Uint64(b[4096+16+40:]))
	return int(min(high, uint64(len(b)/4096)))
}

const damages = 420

// However the file is damaged, the next start has the same data, and says so
// when it had to rebuild.
func TestDamage(t *testing.T) {
	dir := fastDir(t)
	want := busyDay(t, dir, 300)
	sound, err := os.ReadFile(filepath.Join(dir, dbName))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	rebuilt := 0
	t.Run("all", func(t *testing.T) {
		const workers = 2
		for w := range workers {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for seed := uint64(w); seed < damages; seed += workers {
					n := checkDamage(t, dir, sound, seed, want)
					mu.Lock()
					rebuilt += n
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d damages, %d rebuilt, %d harmless", damages, rebuilt, damages-rebuilt)
	if rebuilt < damages/2 {
		t.Errorf("only %d of %d damages were noticed", rebuilt, damages)
	}
}

func checkDamage(t *testing.T, from string, sound []byte, seed uint64, want map[string]string) int {
	t.Helper()
	dir := filepath.Join(fastDir(t), "d")
	copyDir(t, dir, from)
	b, how := corrupt(append([]byte{}, sound...), seed)
	if err := os.WriteFile(filepath.Join(dir, dbName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.ReserveBytes = 4096
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Errorf("seed %d, %s: %v", seed, how, err)
		return 0
	}
	got := dump(t, s)
	r := s.Recovered()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("seed %d, %s: %q differs (recovery %+v)", seed, how, k, r)
			break
		}
	}
	if len(got) != len(want) {
		t.Errorf("seed %d, %s: %d records, want %d", seed, how, len(got), len(want))
	}
	mustClose(t, s)
	if seed%10 == 0 {
		mustCheck(t, dir)
	}
	if r == nil {
		return 0
	}
	if r.Lost != "" || r.NewEpoch {
		t.Errorf("seed %d, %s: %+v", seed, how, r)
	}
	if len(b) > 0 && r.Quarantine == "" {
		t.Errorf("seed %d, %s: not set aside: %+v", seed, how, r)
	}
	os.RemoveAll(dir)
	return 1
}

// The same with the check in another process, as the daemon does it.
func TestDamageChild(t *testing.T) {
	dir := fastDir(t)
	want := busyDay(t, dir, 60)
	sound, err := os.ReadFile(filepath.Join(dir, dbName))
	if err != nil {
		t.Fatal(err)
	}
	for seed := uint64(0); seed < damages; seed += 42 {
		to := filepath.Join(fastDir(t), "d")
		copyDir(t, to, dir)
		b, how := corrupt(append([]byte{}, sound...), seed)
		if err := os.WriteFile(filepath.Join(to, dbName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		o := testOptions(to)
		o.CheckCommand = []string{"/proc/self/exe", "check", to}
		began := time.Now()
		s, err := Open(context.Background(), o)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, how, err)
		}
		if seed == 0 {
			t.Logf("opened in %v", time.Since(began))
		}
		got := dump(t, s)
		for k, v := range want {
			if got[k] != v {
				t.Errorf("seed %d, %s: %q differs (%+v)", seed, how, k, s.Recovered())
				break
			}
		}
		mustClose(t, s)
	}
	// A command that does not work must not cost the data.
	o := testOptions(dir)
	for _, argv := range [][]string{{"/does/not/exist"}, {"/proc/self/exe", "usage"}} {
		o.CheckCommand = argv
		s := mustOpen(t, o)
		if s.Recovered() != nil {
			t.Errorf("%v: %+v", argv, s.Recovered())
		}
		mustClose(t, s)
	}
}
