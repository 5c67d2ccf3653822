package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/lang"
)

// badDisk fails what it is told to.
type badDisk struct {
	sync, write, create atomic.Pointer[error]
	half                atomic.Bool // a failing write gets half of it in
}

func (d *badDisk) fail(p *atomic.Pointer[error], err error) {
	if err == nil {
		p.Store(nil)
	} else {
		p.Store(&err)
	}
}

func (d *badDisk) open(path string, flag int) (file, error) {
	if e := d.create.Load(); e != nil && flag&os.O_CREATE != 0 {
		return nil, *e
	}
	f, err := openOS(path, flag)
	return badFile{f, d}, err
}

type badFile struct {
	file
	d *badDisk
}

func (f badFile) Sync() error {
	if e := f.d.sync.Load(); e != nil {
		return *e
	}
	return f.file.Sync()
}

func (f badFile) WriteAt(b []byte, off int64) (int, error) {
	if e := f.d.write.Load(); e != nil {
		n := 0
		if f.d.half.Load() {
			n, _ = f.file.WriteAt(b[:len(b)/2], off)
		}
		return n, *e
	}
	return f.file.WriteAt(b, off)
}

func put(t testing.TB, s *Store, key, value string) error {
	t.Helper()
	return s.Update(context.Background(), func(tx *Tx) error { return tx.Put(State, []byte(key), []byte(value)) })
}

func hasCondition(b *health.Board, code string) bool {
	for _, c := range b.List(lang.EN) {
		if c.Code == code {
			return true
		}
	}
	return false
}

// A sync that failed once: the file it failed on is left for a new one, and the
// commit is accepted there.
func TestSyncFailsOnce(t *testing.T) {
	dir := t.TempDir()
	d := &badDisk{}
	s, err := openFaulty(t.Context(), testOptions(dir), faults{openJournal: func(path string, flag int) (file, error) {
		f, err := d.open(path, flag)
		if flag&os.O_CREATE != 0 {
			d.fail(&d.sync, nil) // the new file is well
		}
		return f, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 3)
	d.fail(&d.sync, syscall.EIO)
	appendN(t, s, 1)
	appendN(t, s, 2)
	if list, err := segments(filepath.Join(dir, journalDir)); err != nil || len(list) != 2 {
		t.Errorf("%v %v, want two journal files", list, err)
	}
	if !s.Stats().Accepting {
		t.Error("does not accept although the disk works again")
	}
	to := filepath.Join(t.TempDir(), "d")
	copyDir(t, to, dir) // as after a power cut
	mustClose(t, s)
	for _, dir := range []string{dir, to} {
		s = mustOpen(t, testOptions(dir))
		if n := len(verifyChain(t, s, 0)); n != 6 || s.Recovered() != nil {
			t.Errorf("%d events, %+v", n, s.Recovered())
		}
		mustClose(t, s)
		mustCheck(t, dir)
	}
}

// A disk that takes nothing: every caller is told, nothing is half there, and
// once it works again all goes on without a hole.
func TestDiskDead(t *testing.T) {
	dir := t.TempDir()
	d := &badDisk{}
	o := testOptions(dir)
	o.Health = &health.Board{}
	s, err := openFaulty(t.Context(), o, faults{openJournal: d.open})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 3)
	d.fail(&d.sync, syscall.EIO)
	d.fail(&d.create, syscall.EIO)
	for range 3 {
		err := s.Update(t.Context(), func(tx *Tx) error {
			tx.Put(State, []byte("k"), []byte("lost"))
			_, err := tx.Append(Message{Type: "x", Data: []byte("{}")})
			return err
		})
		if !errors.Is(err, ErrDisk) || !errors.Is(err, syscall.EIO) && !strings.Contains(err.Error(), "no journal file") {
			t.Fatalf("update on a dead disk: %v", err)
		}
	}
	if !s.Stats().Failing {
		t.Error("the disk is not to blame")
	}
	if s.Stats().Accepting || !hasCondition(o.Health, "queue_disk_error") {
		t.Errorf("accepting %v, conditions %v", s.Stats().Accepting, o.Health.List(lang.EN))
	}
	if v := get(t, s, State, "k"); v != "" || s.LastSeq() != 3 {
		t.Errorf("k = %q, last %d", v, s.LastSeq())
	}
	d.fail(&d.sync, nil)
	d.fail(&d.create, nil)
	appendN(t, s, 2)
	if !s.Stats().Accepting || hasCondition(o.Health, "queue_disk_error") {
		t.Error("the trouble is over, but not for the store")
	}
	to := filepath.Join(t.TempDir(), "d")
	copyDir(t, to, dir)
	s2 := mustOpen(t, testOptions(to))
	if n := len(verifyChain(t, s2, 0)); n != 5 || s2.Recovered() != nil {
		t.Errorf("%d events, %+v", n, s2.Recovered())
	}
	if v := get(t, s2, State, "k"); v != "" {
		t.Errorf("a commit that was refused came back: %q", v)
	}
}

// A write that got in by half on a full disk is cut off again.
func TestWriteHalf(t *testing.T) {
	dir := t.TempDir()
	d := &badDisk{}
	s, err := openFaulty(t.Context(), testOptions(dir), faults{openJournal: d.open})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := put(t, s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	d.half.Store(true)
	d.fail(&d.write, syscall.ENOSPC)
	if err := put(t, s, "a", "2"); fault.KindOf(err) != fault.Full {
		t.Fatalf("full disk: %v", err)
	}
	if s.reserve.has() {
		t.Error("the reserve was not given up")
	}
	d.fail(&d.write, nil)
	if err := put(t, s, "b", "3"); err != nil {
		t.Fatal(err)
	}
	if s.Stats().Accepting {
		t.Error("takes new sales without a reserve")
	}
	s.checkRoom() // the disk has room in truth
	if !s.Stats().Accepting || !s.reserve.has() {
		t.Errorf("room again: %+v", s.Stats())
	}
	mustClose(t, s)
	s = mustOpen(t, testOptions(dir))
	if a, b := get(t, s, State, "a"), get(t, s, State, "b"); a != "1" || b != "3" || s.Recovered() != nil {
		t.Errorf("a %q b %q %+v", a, b, s.Recovered())
	}
}

// The file cannot be written: what was accepted stays readable, and gets there
// once it can.
func TestFileFails(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	var tries atomic.Int32
	o := testOptions(dir)
	o.Health = &health.Board{}
	s, err := openFaulty(t.Context(), o, faults{eager: true, apply: func() error {
		if failing.Load() {
			tries.Add(1)
			return syscall.EIO
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 2)
	s.sync()
	failing.Store(true)
	changed := o.Health.Changed()
	appendN(t, s, 2)
	<-changed
	if s.Stats().Accepting {
		t.Error("accepts although the file cannot be written")
	}
	appendN(t, s, 2) // an open sale goes on
	if n := len(verifyChain(t, s, 0)); n != 6 {
		t.Errorf("%d events while failing", n)
	}
	failing.Store(false)
	s.sync()
	s.sync()
	if !s.Stats().Accepting || s.pressure.Load() {
		t.Errorf("%+v after the trouble, conditions %v", s.Stats(), o.Health.List(lang.EN))
	}
	mustClose(t, s)
	if r := mustCheck(t, dir); r.LastSeq != 6 {
		t.Errorf("%+v", r)
	}
}

// A file system that an error has made read-only: the file cannot be opened again.
// That is not a store that was closed.
func TestFileNotOpenIsTheDisk(t *testing.T) {
	s := mustOpen(t, testOptions(t.TempDir()))
	appendN(t, s, 1)
	s.sync()
	s.handle.Lock()
	err := s.db.Close()
	s.handle.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(*Tx) error { return nil }
	if err := s.Update(t.Context(), nothing); !errors.Is(err, ErrDisk) || errors.Is(err, ErrClosed) {
		t.Errorf("update without a file: %v", err)
	}
	if err := s.View(nothing); !errors.Is(err, ErrDisk) {
		t.Errorf("view without a file: %v", err)
	}
	s.Close()
	if err := s.View(nothing); !errors.Is(err, ErrClosed) {
		t.Errorf("view of a closed store: %v", err)
	}
}

// The file is destroyed while the till runs: it is rebuilt under the feet of
// the callers.
func TestFileDestroyed(t *testing.T) {
	dir := t.TempDir()
	var once sync.Once
	var armed atomic.Bool
	o := testOptions(dir)
	o.Health = &health.Board{}
	s, err := openFaulty(t.Context(), o, faults{eager: true, apply: func() (err error) {
		if armed.Load() {
			once.Do(func() {
				// All but the meta pages.
				f, ferr := os.OpenFile(filepath.Join(dir, dbName), os.O_WRONLY, 0)
				if ferr == nil {
					_, ferr = f.WriteAt(make([]byte, 1<<20), 2*4096)
					f.Close()
				}
				err = errors.Join(syscall.EIO, ferr)
			})
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 40)
	s.sync()
	armed.Store(true)
	appendN(t, s, 2)
	s.sync()
	appendN(t, s, 2)
	if n := len(verifyChain(t, s, 0)); n != 44 {
		t.Errorf("%d events", n)
	}
	if r := s.Recovered(); r == nil || r.Lost != "" || r.Quarantine == "" || !hasCondition(o.Health, "queue_rebuilt") {
		t.Errorf("%+v", r)
	}
	mustClose(t, s)
	mustCheck(t, dir)
}

// At the limit new sales are refused, the open one can be finished, and acks
// make room again.
func TestLimit(t *testing.T) {
	o := testOptions(fastDir(t))
	o.MaxBytes, o.ReserveBytes, o.KeepAcked = 2<<20, 1<<20, 1
	o.Health = &health.Board{}
	s := mustOpen(t, o)
	data := fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 20_000))
	add := func() error {
		return s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.Append(Message{Type: "x", Data: data})
			return err
		})
	}
	n := 0
	for s.Stats().Accepting {
		if err := add(); err != nil {
			t.Fatal(err)
		}
		if n++; n > 500 {
			t.Fatalf("no limit: %+v", s.Stats())
		}
	}
	more := 0
	for {
		err := add()
		if fault.KindOf(err) == fault.Full {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if more++; more > 500 {
			t.Fatalf("no end: %+v", s.Stats())
		}
	}
	t.Logf("%d events, then %d from the reserve", n, more)
	if more < 10 {
		t.Errorf("only %d commits after new sales were refused", more)
	}
	if err := s.Update(t.Context(), func(tx *Tx) error { return tx.Delete(State, []byte("x")) }); err != nil {
		t.Errorf("delete when full: %v", err)
	}
	if got := len(verifyChain(t, s, 0)); got != n+more {
		t.Errorf("%d events, %d were accepted", got, n+more)
	}
	last := s.LastSeq()
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
	s.sync()
	if st := s.Stats(); !st.Accepting || hasCondition(o.Health, "queue_full") {
		t.Errorf("after all was acked: %+v %v", st, o.Health.List(lang.EN))
	}
	if err := add(); err != nil {
		t.Error(err)
	}
}

// A store that is closed while the file cannot be written must not leave a file
// that claims to have everything.
func TestCloseWhileFailing(t *testing.T) {
	dir := t.TempDir()
	var left atomic.Int32
	o := testOptions(dir)
	o.Health = &health.Board{}
	s, err := openFaulty(t.Context(), o, faults{eager: true, apply: func() error {
		if left.Add(-1) == 0 {
			return syscall.EIO // this one only; Close gives it up
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 3)
	s.sync()
	left.Store(1)
	changed := o.Health.Changed()
	if err := put(t, s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := put(t, s, "b", "2"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, testOptions(dir))
	if a, b := get(t, s, State, "a"), get(t, s, State, "b"); a != "1" || b != "2" {
		t.Errorf("a %q b %q", a, b)
	}
}

// A sector of the file cannot be read any more while the till runs: the file
// counts as damaged and is rebuilt, as it would be at a start.
func TestSectorGone(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Health = &health.Board{}
	var gone error
	s, err := openFaulty(t.Context(), o, faults{rewrite: func(string) error { return gone }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 4)
	s.sync()
	gone = fmt.Errorf("%w: %w", errUnreadable, syscall.EIO)
	s.suspect.Store(true)
	if err := s.lookAgain(); err != nil {
		t.Fatal(err)
	}
	gone = nil
	appendN(t, s, 2)
	if n := len(verifyChain(t, s, 0)); n != 6 {
		t.Errorf("%d events", n)
	}
	if r := s.Recovered(); r == nil || r.Lost != "" || r.Quarantine == "" || !hasCondition(o.Health, "queue_rebuilt") {
		t.Errorf("%+v", r)
	}
}

// The file could not be opened again after reading it went wrong: that is tried
// until it can, or the till would not sell before the next start.
func TestReopenedLater(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Health = &health.Board{}
	bad := error(syscall.EIO)
	s, err := openFaulty(t.Context(), o, faults{rewrite: func(string) error { return bad }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	appendN(t, s, 4)
	s.sync()
	s.suspect.Store(true)
	for range 2 {
		if err := s.lookAgain(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("opened on a dead disk: %v", err)
		}
		if s.Stats().Accepting || !hasCondition(o.Health, "queue_disk_error") {
			t.Errorf("accepting %v, conditions %v", s.Stats().Accepting, o.Health.List(lang.EN))
		}
	}
	bad = nil
	if err := s.lookAgain(); err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 2)
	if n := len(verifyChain(t, s, 0)); n != 6 || !s.Stats().Accepting || s.Recovered() != nil {
		t.Errorf("%d events, %+v, %+v", n, s.Stats(), s.Recovered())
	}
}
