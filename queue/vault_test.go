package queue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/fault"
)

// canary stands for what is personal.
const canary = "138-canary-4711"

func appendPersonal(t testing.TB, s *Store) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		_, err := tx.Append(Message{Type: "tilld.test.v1", Subject: "s", Data: []byte(`{"member":"` + canary + `"}`), Personal: true})
		return err
	})
}

// holds names the files below dir that have text.
func holds(t testing.TB, dir, text string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			list = append(list, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What names a shopper lies in no file in clear, and is sent and hashed as if
// it did; also when the file is rebuilt from the journal.
func TestPersonalEventsAreSealed(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 2)
	appendPersonal(t, s)
	appendN(t, s, 1)
	before := verifyChain(t, s, 0)
	if !bytes.Contains(before[2].Body, []byte(canary)) {
		t.Fatalf("event 3 is %s", before[2].Body)
	}
	hash, err := s.Hash(3)
	if err != nil || hash != sha256.Sum256(before[2].Body) {
		t.Errorf("hash %x, %v", hash, err)
	}
	s.sync()
	s.takeSnapshot()
	if err := s.Ack(t.Context(), s.Epoch(), 3, 4, hash); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustCheck(t, dir)
	if list := holds(t, dir, canary); len(list) > 0 {
		t.Errorf("%v have it in clear", list)
	}
	if list := holds(t, dir, `"n":2`); len(list) < 2 {
		t.Errorf("the search is blind: an event without personal data is in %v", list)
	}
	for _, name := range []string{vaultName, vaultCopy} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, dbName), 8192); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, testOptions(dir))
	defer s.Close()
	for i, e := range verifyChain(t, s, 0) {
		if !bytes.Equal(e.Body, before[i].Body) {
			t.Errorf("after the rebuild event %d is %s", i+1, e.Body)
		}
	}
}

// A change of epoch carries a personal event, sealed again.
func TestPersonalEventInANewEpoch(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendPersonal(t, s)
	if err := s.NewEpoch(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	list := verifyChain(t, s, 0)
	if n := len(list); n != 2 || !bytes.Contains(list[1].Body, []byte(canary)) {
		t.Errorf("%d events: %v", n, list)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if list := holds(t, dir, canary); len(list) > 0 {
		t.Errorf("%v have it in clear", list)
	}
}

// One copy of the keys is enough; without both the sequence goes on with a
// stand-in, it never stops.
func TestKeysLost(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendPersonal(t, s)
	appendN(t, s, 1)
	before := verifyChain(t, s, 0)
	again := func(spoil func()) *Store {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		spoil()
		return mustOpen(t, testOptions(dir))
	}
	damage := func(name string) {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{vaultName, vaultCopy} {
		s = again(func() { damage(name) })
		if list := verifyChain(t, s, 0); !bytes.Equal(list[0].Body, before[0].Body) {
			t.Errorf("without %s: %s", name, list[0].Body)
		}
	}
	s = again(func() {
		damage(vaultName)
		damage(vaultCopy)
		if r, err := Check(dir); err != nil || r.OK || len(r.Findings) != 3 || r.Findings[2].Sequence != 1 {
			t.Errorf("check says %+v, %v", r, err)
		}
	})
	list, err := s.Pending(0, 10, 1<<20)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d events, %v", len(list), err)
	}
	if !bytes.Contains(list[0].Body, []byte(DamagedType)) || !bytes.Equal(list[1].Body, before[1].Body) {
		t.Errorf("%s\n%s", list[0].Body, list[1].Body)
	}
	appendPersonal(t, s)
	if list, err = s.Pending(2, 10, 1<<20); err != nil || len(list) != 1 || !bytes.Contains(list[0].Body, []byte(canary)) {
		t.Errorf("with new keys: %v, %v", list, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// The key of a day is destroyed once the cloud has its events and they are past
// their time, not before; an old copy of the keys does not bring it back.
func TestErasing(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		appendPersonal(t, s)
		sealed := s.Conceal("x", []byte(canary))
		early, err := os.ReadFile(filepath.Join(dir, vaultName))
		if err != nil {
			t.Fatal(err)
		}
		days := func(n int) { time.Sleep(time.Duration(n) * day); synctest.Wait() }
		readable := func(want bool) {
			t.Helper()
			b, err := s.Reveal("x", sealed)
			if want && (err != nil || string(b) != canary) || !want && !errors.Is(err, ErrErased) {
				t.Errorf("after %v: %q, %v", time.Now(), b, err)
			}
		}
		days(20)
		readable(true) // the cloud does not have the event
		if list, err := s.Pending(0, 10, 1<<20); err != nil || !bytes.Contains(list[0].Body, []byte(canary)) {
			t.Errorf("%v, %v", list, err)
		}
		h, err := s.Hash(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ack(t.Context(), s.Epoch(), 1, 1, h); err != nil {
			t.Fatal(err)
		}
		days(1)
		readable(false)
		late := s.Conceal("x", []byte("of today"))
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
		// A stale copy comes back from a backup.
		if err := os.WriteFile(filepath.Join(dir, vaultCopy), early, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err = Open(t.Context(), testOptions(dir)); err != nil {
			t.Fatal(err)
		}
		readable(false)
		if b, err := s.Reveal("x", late); err != nil || string(b) != "of today" {
			t.Errorf("%q, %v", b, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	mustCheck(t, dir)
}

// A machine that is switched off before an hour is over erases too: within two
// minutes of a start.
func TestErasingInShortRuns(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		run := func(f func(s *Store)) {
			t.Helper()
			s, err := Open(t.Context(), testOptions(dir))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- s.Run(ctx) }()
			f(s)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			cancel()
			if err := errors.Join(<-done, s.Close()); err != nil {
				t.Error(err)
			}
		}
		var sealed []byte
		run(func(s *Store) { sealed = s.Conceal("x", []byte(canary)) })
		time.Sleep(20 * day)
		run(func(*Store) {})
		run(func(s *Store) {
			if b, err := s.Reveal("x", sealed); !errors.Is(err, ErrErased) {
				t.Errorf("%q, %v", b, err)
			}
		})
	})
}

// A disk that takes no new key stops nothing: the last one serves on, also over a
// restart, and a new one is made once the disk works again.
func TestNoKeyCanBeWritten(t *testing.T) {
	dir := fastDir(t)
	block := filepath.Join(dir, vaultCopy+".tmp") // nothing can be written where a directory is
	synctest.Test(t, func(t *testing.T) {
		open := func() *Store {
			t.Helper()
			s, err := Open(t.Context(), testOptions(dir))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		if err := os.Mkdir(block, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * day)
		appendPersonal(t, s)
		sealed := s.Conceal("x", []byte(canary))
		if first := dayNumber(time.Now()) - 3; s.vault.last != first {
			t.Errorf("the newest key is of day %d, want %d", s.vault.last, first)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		// One copy is gone, and still nothing can be written.
		if err := os.Remove(filepath.Join(dir, vaultCopy)); err != nil {
			t.Fatal(err)
		}
		s = open()
		if b, err := s.Reveal("x", sealed); err != nil || string(b) != canary {
			t.Errorf("%q, %v", b, err)
		}
		if list := verifyChain(t, s, 0); len(list) != 1 || !bytes.Contains(list[0].Body, []byte(canary)) {
			t.Errorf("%v", list)
		}
		if err := os.Remove(block); err != nil {
			t.Fatal(err)
		}
		appendPersonal(t, s)
		if s.vault.last != dayNumber(time.Now()) {
			t.Error("no new key although the disk works again")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	mustCheck(t, dir)
}

// A sealed value opens in its own place only, and not at all when any bit of it
// was changed.
func TestSealedValues(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	defer s.Close()
	sealed := s.Conceal("sales/1", []byte("x"))
	if again := s.Conceal("sales/1", []byte("x")); bytes.Equal(sealed, again) {
		t.Error("the same value looks the same")
	}
	if len(sealed) != 1+MaxSealed {
		t.Errorf("%d bytes", len(sealed))
	}
	if _, err := s.Reveal("sales/2", sealed); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("in another place: %v", err)
	}
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 0x10
		if got, err := s.Reveal("sales/1", b); err == nil || strings.Contains(string(got), "x") {
			t.Fatalf("byte %d changed: %q, %v", i, got, err)
		}
	}
}

// FuzzReveal: no bytes open, panic or are taken for a sealed value.
func FuzzReveal(f *testing.F) {
	v := &vault{}
	f.Add([]byte{1, 0, 0, 0, 1})
	f.Add(make([]byte, MaxSealed+4))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := v.reveal("x", b); err == nil {
			t.Error("it opened")
		}
	})
}

// A clock that leaps a year ahead erases nothing as long as nobody believes it.
func TestErasingByTheTimeThatIsBelieved(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(dir)
		var house time.Time
		o.HouseTime = func() time.Time { return house }
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sealed := s.Conceal("x", []byte(canary))
		began := time.Now()
		time.Sleep(365 * day)
		for _, c := range []struct {
			house  time.Time
			erased bool
		}{{time.Time{}, false}, {began.Add(time.Hour), false}, {began.Add(7 * day), false}, {time.Now(), true}} {
			house = c.house
			if err := errors.Join(s.nextKey(), s.forget()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Reveal("x", sealed); errors.Is(err, ErrErased) != c.erased {
				t.Errorf("at %v: %v", c.house, err)
			}
		}
	})
}
