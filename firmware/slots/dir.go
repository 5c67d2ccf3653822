package slots

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Dir is the slots directory of one data directory. Several processes may use
// it at a time: each change is made under a lock. It is not for concurrent use
// within one process.
type Dir struct {
	root string
	disk disk
	now  func() time.Time
}

// Open prepares <dataDir>/slots and returns it. The data directory itself must
// exist.
func Open(dataDir string) (*Dir, error) {
	d := At(dataDir)
	if _, err := os.Stat(dataDir); err != nil {
		return nil, err
	}
	for _, dir := range []string{d.root, d.slot(A), d.slot(B)} {
		if err := d.disk.mkdir(dir); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// At returns the slots directory without touching the disk, for reading.
func At(dataDir string) *Dir {
	return &Dir{root: filepath.Join(dataDir, "slots"), disk: disk{owner: ownerOf(dataDir)}, now: time.Now}
}

func (d *Dir) slot(n Name) string { return filepath.Join(d.root, string(n)) }
func (d *Dir) boot() string       { return filepath.Join(d.root, "boot.json") }
func (d *Dir) bootCopy() string   { return filepath.Join(d.root, "boot.json.1") }

// Binary is the program file of a slot.
func (d *Dir) Binary(n Name) string { return filepath.Join(d.slot(n), binaryName) }

// Load reads the state. damage is not nil when a copy of boot.json was
// unreadable; the state is then the best that can be said: the other copy, or
// what the slots hold. A directory that does not exist is an empty state.
func (d *Dir) Load() (s State, damage error) {
	first, errFirst := d.loadCopy(d.boot())
	second, errSecond := d.loadCopy(d.bootCopy())
	missing := 0
	for _, err := range []error{errFirst, errSecond} {
		if errors.Is(err, os.ErrNotExist) {
			missing++
		} else if err != nil {
			damage = errors.Join(damage, err)
		}
	}
	switch {
	case errFirst == nil && (errSecond != nil || first.Generation >= second.Generation):
		return first, damage
	case errSecond == nil:
		return second, damage
	}
	s = d.recover()
	if missing < 2 || s.Candidate != nil || s.Active != nil {
		damage = errors.Join(damage, errors.New("no copy of boot.json is readable; the slots were looked at instead"))
		s.note(d.now(), "recovered", "", damage.Error())
	}
	return s, damage
}

func (d *Dir) loadCopy(path string) (s State, err error) {
	data, err := readSmall(path)
	if err != nil {
		return s, err
	}
	if err := unseal(data, &s); err != nil {
		return State{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := s.check(); err != nil {
		return State{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// recover makes a state from the slots alone. Of two good builds the older one
// is taken as confirmed and the newer one gets a trial: it shows by running
// what boot.json no longer can say. A single build gets a trial too.
func (d *Dir) recover() (s State) {
	a, errA := d.Manifest(A)
	b, errB := d.Manifest(B)
	goodA := errA == nil && d.Verify(a) == nil
	goodB := errB == nil && d.Verify(b) == nil
	switch {
	case goodA && goodB:
		if Compare(a.Version, b.Version) > 0 {
			a, b = b, a
		}
		s.Active, s.Candidate, s.Tries = &a, &b, Tries
	case goodA:
		s.Candidate, s.Tries = &a, Tries
	case goodB:
		s.Candidate, s.Tries = &b, Tries
	}
	return s
}

// check refuses a state that no sequence of steps can lead to.
func (s *State) check() error {
	for _, b := range []*Build{s.Active, s.Previous, s.Candidate} {
		if b == nil {
			continue
		}
		if err := b.check(); err != nil {
			return err
		}
	}
	switch {
	case s.Active != nil && s.Candidate != nil && s.Active.Slot == s.Candidate.Slot:
		return errors.New("active version and candidate are in one slot")
	case s.Active != nil && s.Previous != nil && s.Active.Slot == s.Previous.Slot:
		return errors.New("active and previous version are in one slot")
	case s.Tries < 0 || s.Tries > Tries:
		return fmt.Errorf("%d tries left of %d", s.Tries, Tries)
	}
	return nil
}

func (b *Build) check() error {
	if !b.Slot.Valid() {
		return fmt.Errorf("no slot %q", b.Slot)
	}
	if b.Size < 0 || len(b.SHA256) != 64 {
		return fmt.Errorf("version %q has no usable hash or size", b.Version)
	}
	return nil
}

// save writes both copies of boot.json.
func (d *Dir) save(s *State) error {
	s.Generation++
	data, err := seal(s)
	if err != nil {
		return err
	}
	if err := d.disk.replace(d.boot(), data, 0o600); err != nil {
		return err
	}
	return d.disk.replace(d.bootCopy(), data, 0o600)
}

// change runs f on the state under the lock and saves when f says so.
func (d *Dir) change(f func(*State) (bool, error)) (State, error) {
	unlock, err := lock(filepath.Join(d.root, "lock"), d.disk.owner)
	if err != nil {
		return State{}, err
	}
	defer unlock()
	s, damage := d.Load()
	save, err := f(&s)
	if save || err == nil && damage != nil {
		if e := d.save(&s); e != nil {
			return s, errors.Join(err, e)
		}
	}
	return s, err
}

// Manifest reads what a slot says it holds, without looking at the program.
func (d *Dir) Manifest(n Name) (b Build, err error) {
	data, err := readSmall(filepath.Join(d.slot(n), "manifest.json"))
	if err != nil {
		return b, err
	}
	if err := unseal(data, &b); err != nil {
		return b, err
	}
	if b.Slot != n {
		return b, fmt.Errorf("slot %s holds the manifest of slot %q", n, b.Slot)
	}
	return b, b.check()
}

// Verify reads the program of b from the disk and compares size and hash.
func (d *Dir) Verify(b Build) error {
	size, sum, err := hashFile(d.Binary(b.Slot))
	if err != nil {
		return err
	}
	if size != b.Size || sum != b.SHA256 {
		return fmt.Errorf("slot %s: the program is not version %s: %d bytes with SHA-256 %s, want %d with %s",
			b.Slot, b.Version, size, sum, b.Size, b.SHA256)
	}
	return nil
}

// errHeld tells that another process holds a lock.
var errHeld = errors.New("held by another process")

// IsHeld reports whether err says that another process holds the lock.
func IsHeld(err error) bool { return errors.Is(err, errHeld) }

// Guard takes the lock of the one guard of a data directory.
func Guard(dataDir string) (release func(), err error) { return exclusive(dataDir, "guard.lock") }

// Updating takes the lock of the one update at a time.
func Updating(dataDir string) (release func(), err error) { return exclusive(dataDir, "update.lock") }

func exclusive(dataDir, name string) (release func(), err error) {
	d, err := Open(dataDir)
	if err != nil {
		return nil, err
	}
	return lockFor(filepath.Join(d.root, name), d.disk.owner, 0)
}

// Own gives path, and what is below it, to the owner of the data directory: the
// update command may run as root, the service that reads the files does not.
func (d *Dir) Own(path string) error {
	return filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return d.disk.owner.take(p)
	})
}
