package queue

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func archive(t *testing.T, s *Store, after uint64) []Archived {
	t.Helper()
	return archiveOf(t, s, "", after)
}

func archiveOf(t *testing.T, s *Store, epoch string, after uint64) (list []Archived) {
	t.Helper()
	prev := [32]byte{}
	err := s.Archive(t.Context(), epoch, after, func(a Archived) error {
		if n := len(list); n > 0 && (a.Sequence != list[n-1].Sequence+1 || a.Prev != prev) {
			t.Errorf("event %d after %d, prev %x, want %x", a.Sequence, list[n-1].Sequence, a.Prev, prev)
		}
		if prev = a.Hash; a.Original != [32]byte{} {
			prev = a.Original
		}
		if a.Body != nil && sha256.Sum256(a.Body) != a.Hash {
			t.Errorf("event %d has another hash", a.Sequence)
		}
		a.Body = append([]byte(nil), a.Body...)
		list = append(list, a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What the outbox let go long ago is still in the journal, in many files, and
// joins what the outbox has without a seam.
func TestArchive(t *testing.T) {
	o := testOptions(fastDir(t))
	o.KeepAcked = time.Nanosecond
	s, err := openFaulty(context.Background(), o, faults{rotate: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	appendN(t, s, 100)
	appendPersonal(t, s)
	appendN(t, s, 99)
	h, err := s.Hash(150)
	if err == nil {
		err = s.Ack(t.Context(), s.Epoch(), 150, 200, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // so that what is kept for a nanosecond is old
	for n := 0; ; n++ {
		if err := s.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		var first uint64
		if err := s.View(func(tx *Tx) (err error) {
			first, err = tx.firstKept(events, tx.c[events].gen, tx.c[events].last)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if first == 151 {
			break
		} else if n > 100 {
			t.Fatalf("the outbox begins at %d", first)
		}
	}
	// The queue's own list begins with what it has, and brings nothing back.
	for _, after := range []uint64{0, 149, 150} {
		if list, err := s.Pending(after, 1000, 1<<20); err != nil || len(list) != 50 || list[0].Sequence != 151 {
			t.Errorf("pending after %d: %d events, %v", after, len(list), err)
		}
	}
	if n := s.Stats().Dead; n != 0 {
		t.Errorf("%d dead letters for what was let go", n)
	}
	for _, after := range []uint64{0, 99, 149, 150, 151, 199, 200, 300} {
		list := archive(t, s, after)
		if want := max(200, int(after)) - int(after); len(list) != want || want > 0 && list[0].Sequence != after+1 {
			t.Errorf("after %d: %d events, want %d", after, len(list), want)
		}
	}
	if list := archive(t, s, 0); list[100].Body == nil {
		t.Error("the personal event has no bytes although its key is there")
	}
	s.vault.drop(s.vault.last)
	if list := archive(t, s, 0); list[100].Body != nil || len(list) != 200 {
		t.Errorf("%d events; the erased one has %q", len(list), list[100].Body)
	}
	boom := errors.New("enough")
	n := 0
	if err := s.Archive(t.Context(), "", 0, func(Archived) error {
		if n++; n == 7 {
			return boom
		}
		return nil
	}); !errors.Is(err, boom) || n != 7 {
		t.Errorf("%d events, %v", n, err)
	}
	// In a new epoch the archive is of that one.
	if err := s.NewEpoch(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if list := archive(t, s, 0); len(list) != 51 {
		t.Errorf("%d events in the new epoch, want a checkpoint and 50", len(list))
	}
	// An event that went bad in the outbox comes back whole.
	want := archive(t, s, 0)
	s.sync()
	spoil(t, s, fullKey(outbox, eventKey(2, 20)))
	got := archive(t, s, 0)
	for i := range want {
		if i >= len(got) || string(got[i].Body) != string(want[i].Body) {
			t.Fatalf("after damage: %d events, %d is another one", len(got), i+1)
		}
	}
}

// An epoch that has ended stays readable as long as its bytes are on disk: in
// the outbox, in the journal after they were trimmed, and when till.db had to be
// made again from the journal.
func TestArchiveOfEndedEpochs(t *testing.T) {
	o := testOptions(fastDir(t))
	o.KeepAcked = time.Nanosecond
	s, err := openFaulty(context.Background(), o, faults{rotate: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	ack := func(through uint64) {
		t.Helper()
		h, err := s.Hash(through)
		if err == nil {
			err = s.Ack(t.Context(), s.Epoch(), through, through, h)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var epochs []string
	var want [][]Archived
	for _, n := range []int{120, 70} {
		appendN(t, s, n)
		ack(s.LastSeq())
		epochs, want = append(epochs, s.Epoch()), append(want, archive(t, s, 0))
		if err := s.NewEpoch(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
	}
	appendN(t, s, 10)
	look := func(when string) {
		t.Helper()
		list, err := s.Epochs()
		if err != nil || len(list) != 3 || list[0].Epoch != epochs[0] || list[1].Epoch != epochs[1] || list[2].Epoch != s.Epoch() {
			t.Fatalf("%s: %+v, %v", when, list, err)
		}
		if list[0].Last != 120 || list[0].Acked != 120 || list[0].Ended.IsZero() || list[0].Reason != "test" || !list[2].Ended.IsZero() || list[2].Last != s.LastSeq() {
			t.Errorf("%s: %+v", when, list)
		}
		for i, epoch := range epochs {
			got := archiveOf(t, s, epoch, 0)
			if len(got) != len(want[i]) {
				t.Fatalf("%s: %d events of epoch %d, want %d", when, len(got), i, len(want[i]))
			}
			for k := range got {
				if got[k].Hash != want[i][k].Hash || string(got[k].Body) != string(want[i][k].Body) {
					t.Fatalf("%s: event %d of epoch %d is another one", when, k+1, i)
				}
			}
		}
		if got := archiveOf(t, s, epochs[0], 100); len(got) != 20 || got[0].Sequence != 101 {
			t.Errorf("%s: %d events after 100", when, len(got))
		}
		if err := s.Archive(t.Context(), strings.Repeat("0", 32), 0, nil); !errors.Is(err, ErrNoEpoch) {
			t.Errorf("%s: another epoch: %v", when, err)
		}
	}
	look("in the outbox")
	time.Sleep(2 * time.Millisecond) // so that what is kept for a nanosecond is old
	for range 20 {
		if err := s.trim(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.View(func(tx *Tx) error {
		first, err := tx.firstKept(events, 1, 120)
		if first != 121 {
			t.Errorf("the outbox still has event %d of the first epoch", first)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	look("trimmed")
	s.Close()
	if err := os.Remove(filepath.Join(o.Dir, "till.db")); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	look("made again from the journal")
}
