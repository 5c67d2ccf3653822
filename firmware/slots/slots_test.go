package slots_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tilld/firmware/slots"
)

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// stage puts program into the idle slot the way the update command does.
func stage(d *slots.Dir, version string, program []byte) (slots.Build, error) {
	slot, part, err := d.Prepare(sum(program))
	if err != nil {
		return slots.Build{}, err
	}
	if err := os.WriteFile(part, program, 0o600); err != nil {
		return slots.Build{}, err
	}
	b := slots.Build{Slot: slot, Version: version, SHA256: sum(program), Size: int64(len(program))}
	if err := d.Stage(b, part); err != nil {
		return b, err
	}
	return b, d.Activate(b)
}

func open(t *testing.T, dir string) *slots.Dir {
	t.Helper()
	d, err := slots.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func load(t *testing.T, d *slots.Dir) slots.State {
	t.Helper()
	s, damage := d.Load()
	if damage != nil {
		t.Fatalf("damage: %v", damage)
	}
	return s
}

func TestUpdateIsConfirmed(t *testing.T) {
	d := open(t, t.TempDir())
	one := must(stage(d, "1.0.0", []byte("one")))(t)
	if one.Slot != slots.A {
		t.Errorf("first update went into slot %s, want a", one.Slot)
	}
	s, candidate, err := d.Begin()
	if err != nil || !candidate || s.Tries != slots.Tries-1 {
		t.Fatalf("Begin = %+v, %v, %v; want the candidate with 2 tries left", s, candidate, err)
	}
	must(d.Confirm(slots.A))(t)
	must(d.Confirm(slots.A))(t) // a repeat is harmless
	s = load(t, d)
	if s.Active == nil || s.Active.Version != "1.0.0" || s.Candidate != nil || s.Floor != "1.0.0" {
		t.Errorf("after confirming: %+v", s)
	}
	two := must(stage(d, "1.1.0", []byte("two")))(t)
	if two.Slot != slots.B {
		t.Errorf("second update went into slot %s, want b: a runs", two.Slot)
	}
	if _, candidate, _ := d.Begin(); !candidate {
		t.Fatal("the second update is no candidate")
	}
	must(d.Confirm(slots.B))(t)
	s = load(t, d)
	if s.Active.Version != "1.1.0" || s.Previous == nil || s.Previous.Version != "1.0.0" {
		t.Errorf("after the second update: %+v", s)
	}
	must(d.Rollback("by hand"))(t)
	s = load(t, d)
	if s.Active == nil || s.Active.Version != "1.0.0" || s.Floor != "1.1.0" {
		t.Errorf("after going back: %+v, want 1.0.0 to run and 1.1.0 to stay the floor", s)
	}
	if bad, ok := s.IsBad(two.SHA256); !ok || bad.Reason != "by hand" {
		t.Errorf("version gone back from is not remembered: %+v", s.Bad)
	}
}

func TestCrashesUseUpTries(t *testing.T) {
	d := open(t, t.TempDir())
	b := must(stage(d, "2.0.0", []byte("crashes")))(t)
	for n := range slots.Tries {
		if _, candidate, err := d.Begin(); !candidate || err != nil {
			t.Fatalf("start %d: candidate %v, %v", n+1, candidate, err)
		}
		must(d.Crashed("exit code 2"))(t)
	}
	s, candidate, err := d.Begin()
	if candidate || err != nil || s.Candidate != nil {
		t.Errorf("after %d crashes: candidate %v, %v, %+v", slots.Tries, candidate, err, s)
	}
	if bad, ok := s.IsBad(b.SHA256); !ok || bad.Reason != "exit code 2" {
		t.Errorf("bad builds: %+v", s.Bad)
	}
	if _, err := d.Confirm(b.Slot); !errors.Is(err, slots.ErrNotOnTrial) {
		t.Errorf("a version that was given up confirmed itself: %v", err)
	}
}

// A power cut leaves no word about the end of a trial; three of them end it.
func TestPowerCutsUseUpTries(t *testing.T) {
	d := open(t, t.TempDir())
	must(stage(d, "2.0.0", []byte("takes the machine down")))(t)
	for range slots.Tries {
		if _, candidate, err := d.Begin(); !candidate || err != nil {
			t.Fatal(candidate, err)
		}
	}
	if s, candidate, _ := d.Begin(); candidate || s.Candidate != nil || len(s.Bad) != 1 {
		t.Errorf("fourth start: candidate %v, %+v", candidate, s)
	}
}

func TestStopOnPurposeCostsNoTry(t *testing.T) {
	d := open(t, t.TempDir())
	must(stage(d, "2.0.0", []byte("fine")))(t)
	for range 5 * slots.Tries {
		if _, candidate, err := d.Begin(); !candidate || err != nil {
			t.Fatal(candidate, err)
		}
		if err := d.Refund(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStagingDoesNotTouchWhatRuns(t *testing.T) {
	d := open(t, t.TempDir())
	one := must(stage(d, "1.0.0", []byte("one")))(t)
	d.Begin()
	if _, _, err := d.Prepare(sum([]byte("x"))); !errors.Is(err, slots.ErrOnTrial) {
		t.Errorf("Prepare while a trial runs: %v, want ErrOnTrial", err)
	}
	must(d.Confirm(one.Slot))(t)
	must(stage(d, "1.1.0", []byte("two")))(t)
	must(stage(d, "1.2.0", []byte("three")))(t) // supersedes the one that waits
	if err := d.Verify(one); err != nil {
		t.Error(err)
	}
	if s := load(t, d); s.Candidate == nil || s.Candidate.Version != "1.2.0" {
		t.Errorf("candidate %+v, want 1.2.0", s.Candidate)
	}
}

func TestDamagedProgramIsNotStarted(t *testing.T) {
	d := open(t, t.TempDir())
	b := must(stage(d, "1.0.0", []byte("one")))(t)
	if err := os.WriteFile(d.Binary(b.Slot), []byte("0ne"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, candidate, err := d.Begin(); candidate || err != nil || len(s.Bad) != 1 {
		t.Errorf("Begin = %v, %v, %+v", candidate, err, s)
	}
}

func TestWrongBytesAreNotStaged(t *testing.T) {
	d := open(t, t.TempDir())
	slot, part, err := d.Prepare(sum([]byte("right")))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := slots.Build{Slot: slot, Version: "1.0.0", SHA256: sum([]byte("right")), Size: 5}
	if err := d.Stage(b, part); err == nil {
		t.Error("other bytes than promised were staged")
	}
	if err := d.Activate(b); err == nil {
		t.Error("other bytes than promised were activated")
	}
}

// What lies on the disk after boot.json was damaged, and what may be started.
func TestDamagedBootFile(t *testing.T) {
	build := func(t *testing.T) (string, *slots.Dir) {
		dir := t.TempDir()
		d := open(t, dir)
		must(stage(d, "1.0.0", []byte("one")))(t)
		d.Begin()
		must(d.Confirm(slots.A))(t)
		must(stage(d, "1.1.0", []byte("two")))(t)
		return dir, d
	}
	boot := func(dir string) string { return filepath.Join(dir, "slots", "boot.json") }
	cases := []struct {
		name   string
		damage func(dir string) error
	}{
		{"first copy torn", func(dir string) error { return os.Truncate(boot(dir), 20) }},
		{"first copy empty", func(dir string) error { return os.Truncate(boot(dir), 0) }},
		{"first copy gone", func(dir string) error { return os.Remove(boot(dir)) }},
		{"second copy torn", func(dir string) error { return os.Truncate(boot(dir)+".1", 33) }},
		{"both torn", func(dir string) error {
			return errors.Join(os.Truncate(boot(dir), 20), os.Truncate(boot(dir)+".1", 20))
		}},
		{"both gone", func(dir string) error { return errors.Join(os.Remove(boot(dir)), os.Remove(boot(dir)+".1")) }},
		{"zeros", func(dir string) error {
			return errors.Join(os.WriteFile(boot(dir), make([]byte, 512), 0o600), os.WriteFile(boot(dir)+".1", make([]byte, 512), 0o600))
		}},
		{"a byte too long", func(dir string) error {
			for _, name := range []string{boot(dir), boot(dir) + ".1"} {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				if err := os.WriteFile(name, append(data, bytes.Repeat([]byte(" "), 64<<10+1-len(data))...), 0o600); err != nil {
					return err
				}
			}
			return nil
		}},
		{"endless", func(dir string) error {
			return errors.Join(os.Truncate(boot(dir), 1<<40), os.Truncate(boot(dir)+".1", 1<<40))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir, d := build(t)
			if err := c.damage(dir); err != nil {
				t.Fatal(err)
			}
			s, damage := d.Load()
			if damage == nil && c.name != "first copy gone" {
				t.Error("the damage is not told")
			}
			if s.Active == nil || s.Active.Version != "1.0.0" || s.Candidate == nil || s.Candidate.Version != "1.1.0" {
				t.Errorf("state %+v, want 1.0.0 active and 1.1.0 on trial", s)
			}
			if _, candidate, err := d.Begin(); !candidate || err != nil {
				t.Fatalf("Begin: %v, %v", candidate, err)
			}
			must(d.Confirm(slots.B))(t)
			if s := load(t, d); s.Active.Version != "1.1.0" {
				t.Errorf("after repair: %+v", s)
			}
		})
	}
}

func TestNothingThereIsNoDamage(t *testing.T) {
	s, damage := slots.At(t.TempDir()).Load()
	if damage != nil || s.Active != nil || s.Candidate != nil {
		t.Errorf("Load = %+v, %v", s, damage)
	}
}

func TestOneGuardPerDirectory(t *testing.T) {
	dir := t.TempDir()
	release, err := slots.Guard(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slots.Guard(dir); !slots.IsHeld(err) {
		t.Errorf("second guard: %v, want held", err)
	}
	release()
	again, err := slots.Guard(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestCompare(t *testing.T) {
	ascending := []string{
		"dev", "0.0.1", "0.9.10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "10.0.0",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := slots.Compare(a, b); got != want {
				t.Errorf("Compare(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
	if slots.Compare("v1.2.3", "1.2.3+build7") != 0 {
		t.Error("v and build part count")
	}
	for _, bad := range []string{"", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.-3", "+1.2.3", "1.2.3-", "1.2.3-a..b", "1.2.3 ", "99999999999.0.0"} {
		if slots.ValidVersion(bad) {
			t.Errorf("%q counts as a version", bad)
		}
	}
}

func FuzzBootFile(f *testing.F) {
	dir := f.TempDir()
	d, err := slots.Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := stage(d, "1.0.0", []byte("one")); err != nil {
		f.Fatal(err)
	}
	boot := filepath.Join(dir, "slots", "boot.json")
	good, err := os.ReadFile(boot)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"crc32c":"00000000","body":null}`))
	f.Add([]byte(`{"crc32c":"7bfb2ac0","body":{"active":{"slot":"c"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, path := range []string{boot, boot + ".1"} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, _ := d.Load()
		for _, b := range []*slots.Build{s.Active, s.Previous, s.Candidate} {
			if b != nil && !b.Slot.Valid() {
				t.Fatalf("slot %q", b.Slot)
			}
		}
		if s.Tries < 0 || s.Tries > slots.Tries {
			t.Fatalf("%d tries", s.Tries)
		}
	})
}
