package queue

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/fault"
	"tilld/internal/health"
)

// in fails unless f ends within a time that no test needs.
func in(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("still waiting: " + what)
	}
}

// spoilPages overwrites all pages of the open file but those of bbolt's own.
func spoilPages(t testing.TB, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, dbName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, info.Size()-2*4096)
	for i := range junk {
		junk[i] = 0xa5
	}
	if _, err := f.WriteAt(junk, 2*4096); err != nil {
		t.Fatal(err)
	}
}

// A file that goes bad under a commit: bbolt panics, may panic again when it gives
// the transaction up, and then never gives its lock back. The store leaves that
// file behind and goes on with a rebuilt one.
func TestFileStuckAfterPanic(t *testing.T) {
	dir := t.TempDir()
	busyDay(t, dir, 60)
	o := testOptions(dir)
	o.Health = &health.Board{}
	var bad atomic.Bool
	var s *Store
	s, err := openFaulty(t.Context(), o, faults{apply: func() error {
		if !bad.CompareAndSwap(true, false) {
			return nil
		}
		s.db.Begin(true) // nobody ever ends it
		spoilPages(t, dir)
		panic("page 17 is of no type")
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.sync()
	bad.Store(true)
	if err := put(t, s, "machine", "behind the damage"); err != nil {
		t.Fatal(err)
	}
	in(t, "the file is rebuilt", s.sync)
	if got := get(t, s, State, "machine"); got != "behind the damage" || !hasCondition(o.Health, "queue_rebuilt") {
		t.Errorf("%q, conditions %+v", got, o.Health.List("en"))
	}
	in(t, "the store closes", func() { s.Close() })
	mustCheck(t, dir)
	s = mustOpen(t, testOptions(dir))
	if got := get(t, s, State, "machine"); got != "behind the damage" {
		t.Errorf("%q after a new start", got)
	}
}

// A file that is stuck and cannot be replaced: Run says so, which ends the agent;
// the next start has all that was accepted.
func TestFileStuckForGood(t *testing.T) {
	dir := t.TempDir()
	var stuck atomic.Bool
	var s *Store
	s, err := openFaulty(t.Context(), testOptions(dir), faults{apply: func() error {
		if !stuck.Load() {
			return nil
		}
		if s.db != nil {
			s.db.Begin(true) // as after a panic: nobody ever ends it
		}
		return os.ErrInvalid
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.sync()
	stuck.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	if err := put(t, s, "machine", "accepted"); err != nil {
		t.Fatal(err)
	}
	in(t, "Run ends", func() { err = <-ended })
	if fault.KindOf(err) != fault.Corrupt || fault.KindOf(err).Transient() {
		t.Errorf("Run: %v", err)
	}
	in(t, "the store closes", func() { s.Close() })

	to := filepath.Join(t.TempDir(), "d") // a new process has no locks of this one
	copyDir(t, to, dir)
	s = mustOpen(t, testOptions(to))
	if got := get(t, s, State, "machine"); got != "accepted" {
		t.Errorf("%q after a new start", got)
	}
}
