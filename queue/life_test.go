package queue

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Three days of a till in fake time: a journal file a day, hourly snapshots of
// which three stay, old acked events, replies and journal files deleted.
func TestDays(t *testing.T) {
	local := time.Local // the journal's days are the machine's
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(dir)
		o.KeepAcked = 30 * time.Hour
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for hour := range 72 {
			update(t, s, func(tx *Tx) error {
				if err := tx.Put(Idem, fmt.Append(nil, hour), []byte("answer")); err != nil {
					return err
				}
				_, err := tx.Append(Message{Type: "x", Data: []byte("{}")})
				return err
			})
			if hour >= 2 {
				h, err := s.Hash(s.LastSeq())
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Ack(t.Context(), s.Epoch(), s.LastSeq(), s.LastSeq(), h); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		snaps, err := snapshots(filepath.Join(dir, snapshotDir))
		if err != nil || len(snaps) != keepSnapshots {
			t.Errorf("snapshots %v, %v", snaps, err)
		}
		list, err := segments(filepath.Join(dir, journalDir))
		if err != nil || len(list) != 3 || list[0].name == "2000-01-01.log" {
			t.Errorf("journal %+v, %v", list, err)
		}
		var events, answers int
		s.View(func(tx *Tx) error {
			tx.scan(outbox, nil, nil, false, func(string, entry) (bool, error) { events++; return true, nil })
			return tx.scan(Idem, nil, nil, false, func(string, entry) (bool, error) { answers++; return true, nil })
		})
		if events < 29 || events > 31 {
			t.Errorf("%d events are kept", events)
		}
		if answers != 72 {
			t.Errorf("%d answers: fewer than %d may never be deleted", answers, keeps[Idem].count)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	mustCheck(t, dir)
	// What is left of journal and snapshots must be enough.
	if err := os.Truncate(filepath.Join(dir, dbName), 8192); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, testOptions(dir))
	if r := s.Recovered(); r == nil || r.Lost != "" || !strings.HasPrefix(r.Source, "snapshot") || s.LastSeq() != 72 {
		t.Errorf("%+v, last %d", r, s.LastSeq())
	}
}

// Answers beyond both bounds go, oldest first.
func TestExpire(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		n := keeps[Idem].count + 500
		for i := range n {
			if i%100 == 0 {
				time.Sleep(time.Minute)
			}
			update(t, s, func(tx *Tx) error { return tx.Put(Idem, fmt.Appendf(nil, "%x", i*7919%n), []byte{1}) })
		}
		time.Sleep(keeps[Idem].age)
		if err := s.expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := 0
		s.View(func(tx *Tx) error {
			for i := range n {
				v, err := tx.Get(Idem, fmt.Appendf(nil, "%x", i*7919%n))
				if err != nil {
					return err
				}
				if v != nil {
					left++
				} else if i >= 500 {
					t.Errorf("answer %d is gone, older ones are kept", i)
				}
			}
			return nil
		})
		if left != keeps[Idem].count {
			t.Errorf("%d left", left)
		}
		s.Close()
	})
}

// A till that was set back to an old copy of its directory: nothing of what it
// does offline is lost, and no number is used twice once the ack shows it.
func TestRestoredCopy(t *testing.T) {
	dir, old := t.TempDir(), filepath.Join(t.TempDir(), "old")
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 20)
	epoch := s.Epoch()
	copyDir(t, old, dir)
	appendN(t, s, 30) // the cloud got these, too
	used := map[string][]byte{}
	for _, e := range verifyChain(t, s, 0) {
		used[fmt.Sprint(epoch, e.Sequence)] = e.Body
	}
	h50, err := s.Hash(50)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, testOptions(old))
	appendNamed(t, s, "offline", 10)
	if err := s.Ack(t.Context(), epoch, 50, s.LastSeq(), h50); err != ErrAhead {
		t.Fatalf("ack from the other life: %v", err)
	}
	if err := s.NewEpoch(t.Context(), "the cloud knows more than this copy"); err != nil {
		t.Fatal(err)
	}
	offline := 0
	for _, e := range verifyChain(t, s, 0) {
		if b := used[fmt.Sprint(s.Epoch(), e.Sequence)]; b != nil && !bytes.Equal(b, e.Body) {
			t.Errorf("number %d of %s is used twice", e.Sequence, s.Epoch())
		}
		if bytes.Contains(e.Body, []byte("offline")) && !bytes.Contains(e.Body, []byte(CheckpointType)) {
			offline++
		}
	}
	if offline != 10 {
		t.Errorf("%d of 10 events from the time offline are in the new epoch", offline)
	}
	mustClose(t, s)
	mustCheck(t, old)
}

func appendNamed(t testing.TB, s *Store, subject string, n int) {
	t.Helper()
	for range n {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Append(Message{Type: "tilld.test.v1", Subject: subject, Data: []byte("{}")})
			return err
		})
	}
}

// A power cut in the middle of a change of epoch: the next start completes it.
func TestNewEpochTorn(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 3*resendChunk)
	err := s.ask(t.Context(), &request{alone: func() error {
		if err := s.commitOwn(func(tx *Tx) error { return tx.renew(events, "test") }); err != nil {
			return err
		}
		return s.commitOwn(func(tx *Tx) error { _, err := tx.resendSome(events); return err })
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, testOptions(dir))
	if got := len(verifyChain(t, s, 0)); got != 3*resendChunk+3 {
		t.Errorf("%d events in the new epoch", got)
	}
}

// The journal's end is gone and the till was not closed: numbers may have been
// used, so a new epoch begins. After a clean end nothing can be missing.
func TestJournalGone(t *testing.T) {
	for _, clean := range []bool{false, true} {
		t.Run(fmt.Sprintf("clean=%v", clean), func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, testOptions(dir))
			appendN(t, s, 5)
			s.sync()
			epoch := s.Epoch()
			to := filepath.Join(t.TempDir(), "d")
			if clean {
				mustClose(t, s)
			}
			copyDir(t, to, dir)
			if err := os.RemoveAll(filepath.Join(to, journalDir)); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, testOptions(to))
			r := s.Recovered()
			if fresh := s.Epoch() != epoch; fresh == clean || (r == nil) != clean {
				t.Errorf("new epoch %v, %+v", fresh, r)
			}
			n := 0
			for _, e := range verifyChain(t, s, 0) {
				if bytes.Contains(e.Body, []byte("tilld.test.v1")) {
					n++
				}
			}
			if n != 5 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// File and journal are both damaged, and the journal ends before what the file
// had: numbers behind its end were used, so a new epoch begins.
func TestRebuiltFromAShortJournal(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 3)
	s.sync()
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 2)
	s.sync()
	short := filepath.Join(t.TempDir(), "short")
	copyDir(t, short, dir)
	appendN(t, s, 4) // accepted, maybe sent
	s.sync()
	epoch := s.Epoch()
	spoil(t, s, fullKey(outbox, eventKey(1, 2)))
	whole, to := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "d")
	copyDir(t, whole, dir)
	copyDir(t, to, dir)
	if err := os.RemoveAll(filepath.Join(to, journalDir)); err != nil { // in its place the one of before
		t.Fatal(err)
	}
	copyDir(t, filepath.Join(to, journalDir), filepath.Join(short, journalDir))
	s = mustOpen(t, testOptions(to))
	r := s.Recovered()
	if r == nil || !r.NewEpoch || s.Epoch() == epoch || r.Lost == "" {
		t.Errorf("epoch %s, was %s; %+v", s.Epoch(), epoch, r)
	}
	s = mustOpen(t, testOptions(whole))
	if r := s.Recovered(); r == nil || r.NewEpoch || r.Lost != "" || s.Epoch() != epoch {
		t.Errorf("with a whole journal: %+v", r)
	}
}

// Neither file nor snapshots nor the journal's beginning: the till still
// starts, says what is missing, and leaves no hole.
func TestLittleLeft(t *testing.T) {
	dir := fastDir(t)
	s, err := openFaulty(t.Context(), testOptions(dir), faults{rotate: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 60)
	last, epoch := s.LastSeq(), s.Epoch()
	mustClose(t, s)
	list, err := segments(filepath.Join(dir, journalDir))
	if err != nil || len(list) < 3 {
		t.Fatal(list, err)
	}
	for _, p := range []string{dbName, journalDir + "/" + list[0].name} {
		if err := os.Remove(filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	s = mustOpen(t, testOptions(dir))
	r := s.Recovered()
	if r == nil || r.Lost == "" || s.LastSeq() != last || s.Epoch() != epoch {
		t.Errorf("%+v, last %d", r, s.LastSeq())
	}
	var standIns, sound int
	for after := uint64(0); after < last; {
		batch, err := s.Pending(after, 100, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch {
			if after++; e.Sequence != after {
				t.Fatalf("event %d after %d", e.Sequence, after-1)
			}
			if bytes.Contains(e.Body, []byte(DamagedType)) {
				standIns++
			} else {
				sound++
			}
		}
	}
	if standIns == 0 || sound == 0 {
		t.Errorf("%d stand-ins, %d sound events", standIns, sound)
	}
	mustClose(t, s)
	mustCheck(t, dir)
}

// A file that is mostly free pages is rewritten at the start.
func TestCompact(t *testing.T) {
	dir := fastDir(t)
	o := testOptions(dir)
	o.KeepAcked = 1
	s := mustOpen(t, o)
	data := fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 90_000))
	for range 100 {
		update(t, s, func(tx *Tx) error {
			for range 8 {
				if _, err := tx.Append(Message{Type: "x", Data: data}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	last := s.LastSeq() - 5
	h, err := s.Hash(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ack(t.Context(), s.Epoch(), last, last, h); err != nil {
		t.Fatal(err)
	}
	if err := s.trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	before := size(t, dir)
	s = mustOpen(t, o)
	after := size(t, dir)
	if before < 64 || after > 8 {
		t.Errorf("%.0f MiB became %.0f MiB", before, after)
	}
	if n := len(verifyChain(t, s, last)); n != 5 || s.Recovered() != nil {
		t.Errorf("%d events", n)
	}
}

// Check names what is damaged.
func TestCheckNames(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 5)
	put(t, s, "machine", "x")
	spoil(t, s, fullKey(outbox, eventKey(1, 3)))
	spoil(t, s, fullKey(State, []byte("machine")))
	mustClose(t, s)
	r, err := Check(dir)
	if err != nil || r.OK {
		t.Fatalf("%v %+v", err, r)
	}
	want := []Finding{
		{File: dbName, Bucket: outbox, Key: "000000010000000000000003", Sequence: 3, Reason: errChecksum.Error()},
		{File: dbName, Bucket: outbox, Sequence: 3, Reason: "events 3 to 3 are missing"},
		{File: dbName, Bucket: State, Key: "machine", Reason: errChecksum.Error()},
	}
	if fmt.Sprint(r.Findings) != fmt.Sprint(want) {
		t.Errorf("%+v", r.Findings)
	}
}
