package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tilld/internal/fault"
)

// sealer makes events in the shape of the contract.
func sealer(h Header, m Message) ([]byte, error) {
	return json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s-%d", h.Epoch, h.Sequence), "source": "test", "type": m.Type, "subject": m.Subject,
		"time": h.At.UTC().Format(time.RFC3339Nano), "epoch": h.Epoch, "sequence": fmt.Sprintf("%020d", h.Sequence),
		"prevhash": hex.EncodeToString(h.Prev[:]), "data": json.RawMessage(m.Data),
	})
}

func testOptions(dir string) Options {
	return Options{Dir: dir, Seal: sealer, ReserveBytes: 64 << 10, MaxBytes: 256 << 20}
}

// fastDir is a directory in memory where there is one: for tests that sync a
// lot and do not ask what the disk does.
func fastDir(t testing.TB) string {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "tilld-queue")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func update(t testing.TB, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func appendN(t testing.TB, s *Store, n int) {
	t.Helper()
	for range n {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Append(Message{Type: "tilld.test.v1", Subject: "s", Data: fmt.Appendf(nil, `{"n":%d}`, tx.c[events].last+1)})
			return err
		})
	}
}

func get(t testing.TB, s *Store, b Bucket, key string) string {
	t.Helper()
	var v []byte
	if err := s.View(func(tx *Tx) (err error) { v, err = tx.Get(b, []byte(key)); return err }); err != nil {
		t.Fatal(err)
	}
	return string(v)
}

func mustCheck(t testing.TB, dir string) CheckReport {
	t.Helper()
	r, err := Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK {
		t.Fatalf("check: %+v", r.Findings)
	}
	return r
}

// verifyChain reads all events of the epoch and follows their hashes.
func verifyChain(t testing.TB, s *Store, from uint64) []Event {
	t.Helper()
	var all []Event
	var prev [32]byte
	for after := from; ; {
		list, err := s.Pending(after, 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, e := range list {
			if e.Sequence != after+1 {
				t.Fatalf("sequence %d after %d", e.Sequence, after)
			}
			after++
			var env envelope
			if err := json.Unmarshal(e.Body, &env); err != nil {
				t.Fatal(err)
			}
			if (after > 1 && len(all) > 0 || after == 1) && env.Prev != hex.EncodeToString(prev[:]) {
				t.Fatalf("event %d names %s, want %x", after, env.Prev, prev)
			}
			prev = sha256.Sum256(e.Body)
		}
		all = append(all, list...)
	}
	return all
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, testOptions(dir))
	if s.Boot() != 1 || s.LastSeq() != 0 || s.Recovered() != nil {
		t.Fatalf("new: boot %d last %d %v", s.Boot(), s.LastSeq(), s.Recovered())
	}
	epoch := s.Epoch()
	appendN(t, s, 10)
	update(t, s, func(tx *Tx) error {
		if err := tx.Put(Sales, []byte("a"), []byte("1")); err != nil {
			return err
		}
		n, err := tx.Next(Scans)
		if n != 1 {
			t.Errorf("Next = %d", n)
		}
		return err
	})
	h, err := s.Hash(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(t.Context(), epoch, 7, 10, h); err != nil {
		t.Fatal(err)
	}
	if n, err := s.NextSession(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	mustClose(t, s)
	mustCheck(t, dir)
	s = mustOpen(t, testOptions(dir))
	if s.Boot() != 2 || s.LastSeq() != 10 || s.AckedSeq() != 7 || s.Epoch() != epoch || s.Recovered() != nil {
		t.Fatalf("again: boot %d last %d acked %d %+v", s.Boot(), s.LastSeq(), s.AckedSeq(), s.Recovered())
	}
	if v := get(t, s, Sales, "a"); v != "1" {
		t.Errorf("a = %q", v)
	}
	update(t, s, func(tx *Tx) error {
		if n, err := tx.Next(Scans); n != 2 || err != nil {
			t.Errorf("Next = %d, %v", n, err)
		}
		return nil
	})
	if n, err := s.NextSession(t.Context()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if all := verifyChain(t, s, 0); len(all) != 10 {
		t.Errorf("%d events", len(all))
	}
}

// What one caller does wrong must not touch the others of the same commit.
func TestClosuresApart(t *testing.T) {
	s := mustOpen(t, testOptions(fastDir(t)))
	hold := make(chan struct{})
	results := make([]chan error, 4)
	go s.Update(context.Background(), func(*Tx) error { <-hold; return nil })
	for i, f := range []func(*Tx) error{
		func(tx *Tx) error { return tx.Put(State, []byte("a"), []byte("1")) },
		func(tx *Tx) error {
			tx.Put(State, []byte("a"), []byte("bad"))
			tx.Append(Message{Type: "x", Data: []byte("{}")})
			return errors.New("no")
		},
		func(tx *Tx) error { tx.Put(State, []byte("b"), []byte("bad")); panic("ouch") },
		func(tx *Tx) error { _, err := tx.Append(Message{Type: "y", Data: []byte("{}")}); return err },
	} {
		results[i] = make(chan error, 1)
		go func() { results[i] <- s.Update(context.Background(), f) }()
	}
	close(hold)
	errs := make([]error, 4)
	for i := range errs {
		errs[i] = <-results[i]
	}
	if errs[0] != nil || errs[3] != nil {
		t.Errorf("good ones: %v, %v", errs[0], errs[3])
	}
	if errs[1] == nil || errs[1].Error() != "no" {
		t.Errorf("failed one: %v", errs[1])
	}
	var p *PanicError
	if !errors.As(errs[2], &p) || p.Value != "ouch" {
		t.Errorf("panic: %v", errs[2])
	}
	if a, b := get(t, s, State, "a"), get(t, s, State, "b"); a != "1" || b != "" {
		t.Errorf("a %q, b %q", a, b)
	}
	if s.LastSeq() != 1 {
		t.Errorf("last %d", s.LastSeq())
	}
}

func TestRanges(t *testing.T) {
	s := mustOpen(t, testOptions(fastDir(t)))
	put := func(keys ...string) {
		update(t, s, func(tx *Tx) error {
			for _, k := range keys {
				if err := tx.Put(Index, []byte(k), []byte("v"+k)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put("a", "c", "e", "g")
	s.sync()
	put("b", "c", "h")
	update(t, s, func(tx *Tx) error { return tx.Delete(Index, []byte("e")) })
	check := func(tx *Tx) {
		t.Helper()
		for _, c := range []struct{ from, to, want, back string }{
			{"", "", "abcgh", "hgcba"}, {"b", "h", "bcg", "gcb"}, {"bb", "gg", "cg", "gc"}, {"x", "", "", ""}, {"", "a", "", ""}, {"c", "c", "", ""},
		} {
			var from, to []byte
			if c.from != "" {
				from = []byte(c.from)
			}
			if c.to != "" {
				to = []byte(c.to)
			}
			var got, back strings.Builder
			collect := func(b *strings.Builder) func(k, v []byte) (bool, error) {
				return func(k, v []byte) (bool, error) {
					if "v"+string(k) != string(v) {
						t.Errorf("%s = %s", k, v)
					}
					b.Write(k)
					return true, nil
				}
			}
			if err := errors.Join(tx.Range(Index, from, to, collect(&got)), tx.RangeBack(Index, from, to, collect(&back))); err != nil {
				t.Fatal(err)
			}
			if got.String() != c.want || back.String() != c.back {
				t.Errorf("[%s,%s): %s, back %s", c.from, c.to, got.String(), back.String())
			}
		}
	}
	s.View(func(tx *Tx) error { check(tx); return nil })
	update(t, s, func(tx *Tx) error { check(tx); return nil })
	s.sync()
	s.View(func(tx *Tx) error { check(tx); return nil })
}

func TestAck(t *testing.T) {
	s := mustOpen(t, testOptions(fastDir(t)))
	appendN(t, s, 5)
	h3, _ := s.Hash(3)
	h5, _ := s.Hash(5)
	epoch, ctx := s.Epoch(), t.Context()
	for _, c := range []struct {
		name          string
		epoch         string
		through, sent uint64
		hash          [32]byte
		want          error
	}{
		{"another epoch", strings.Repeat("0", 32), 3, 5, h3, ErrEpoch},
		{"never sent", epoch, 5, 4, h5, ErrAhead},
		{"beyond the last", epoch, 6, 6, h5, ErrAhead},
		{"wrong hash", epoch, 3, 5, h5, ErrHash},
		{"nothing known", epoch, 0, 5, [32]byte{}, nil},
		{"good", epoch, 3, 5, h3, nil},
		{"again", epoch, 3, 5, h3, nil},
		{"the same with another hash", epoch, 3, 5, h5, ErrHash},
		{"back", epoch, 0, 5, [32]byte{}, ErrBehind},
		{"last", epoch, 5, 5, h5, nil},
	} {
		if err := s.Ack(ctx, c.epoch, c.through, c.sent, c.hash); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if st := s.Stats(); st.AckedSeq != 5 || st.Depth != 0 || !st.Oldest.IsZero() {
		t.Errorf("%+v", st)
	}
}

func TestBusy(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, testOptions(dir))
	if _, err := Check(dir); fault.KindOf(err) != fault.Busy || !strings.Contains(err.Error(), "held by process") {
		t.Errorf("check: %v", err)
	}
	mustClose(t, s)
	if err := s.Update(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("update after close: %v", err)
	}
	if err := s.View(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("view after close: %v", err)
	}
}

// A message that cannot be sealed must neither stop the sale nor leave a hole.
func TestPoison(t *testing.T) {
	s := mustOpen(t, testOptions(fastDir(t)))
	appendN(t, s, 1)
	for _, data := range [][]byte{[]byte("{broken"), bytes.Repeat([]byte("7"), MaxBody+1)} {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Append(Message{Type: "tilld.sale.closed.v1", Subject: "01", Data: data})
			return err
		})
	}
	appendN(t, s, 1)
	all := verifyChain(t, s, 0)
	if len(all) != 4 || !bytes.Contains(all[1].Body, []byte(DamagedType)) {
		t.Fatalf("%d events: %s", len(all), all[1].Body)
	}
	letters, err := s.Dead()
	if err != nil || len(letters) != 2 || string(letters[0].Data) != "{broken" || letters[0].Sequence != 2 || letters[1].Subject != "01" {
		t.Errorf("%v %+v", err, letters)
	}
	if s.Stats().Dead != 2 {
		t.Error(s.Stats())
	}
}

func TestNewEpoch(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	old := s.Epoch()
	appendN(t, s, 500)
	h, _ := s.Hash(50)
	if err := s.Ack(t.Context(), old, 50, 500, h); err != nil {
		t.Fatal(err)
	}
	before := verifyChain(t, s, 50)
	if err := s.NewEpoch(t.Context(), "restored copy"); err != nil {
		t.Fatal(err)
	}
	if s.Epoch() == old || s.AckedSeq() != 0 {
		t.Fatalf("epoch %s acked %d", s.Epoch(), s.AckedSeq())
	}
	all := verifyChain(t, s, 0)
	var carriedOver []Event
	checkpoints := 0
	for _, e := range all {
		if bytes.Contains(e.Body, []byte(CheckpointType)) {
			checkpoints++
		} else {
			carriedOver = append(carriedOver, e)
		}
	}
	if len(carriedOver) != 450 || checkpoints != 3 {
		t.Fatalf("%d events, %d checkpoints", len(carriedOver), checkpoints)
	}
	for i, e := range carriedOver {
		var a, b envelope
		json.Unmarshal(before[i].Body, &a)
		json.Unmarshal(e.Body, &b)
		if string(a.Data) != string(b.Data) || a.Type != b.Type || b.Epoch != s.Epoch() {
			t.Fatalf("%d: %s became %s", i, before[i].Body, e.Body)
		}
	}
	appendN(t, s, 1)
	mustClose(t, s)
	mustCheck(t, dir)
}
