package slots

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Prepare makes the idle slot ready for the program with that hash and returns
// where to write it: a file that may hold the beginning of it from an earlier
// attempt. A candidate that waits in the slot is withdrawn; one on trial is
// ErrOnTrial. Beginnings of other programs are removed.
func (d *Dir) Prepare(sha256 string) (n Name, part string, err error) {
	if raw, e := hex.DecodeString(sha256); e != nil || len(raw) != 32 || sha256 != strings.ToLower(sha256) {
		return "", "", fmt.Errorf("%q is no SHA-256", sha256)
	}
	s, err := d.change(func(s *State) (bool, error) {
		n = s.Idle()
		return true, s.prepare()
	})
	if err != nil {
		return "", "", err
	}
	n = s.Idle()
	part = filepath.Join(d.slot(n), sha256+".part")
	old, err := filepath.Glob(filepath.Join(d.root, "?", "*.part"))
	if err != nil {
		return "", "", err
	}
	for _, path := range old {
		if path != part {
			if err := d.disk.remove(path); err != nil {
				return "", "", err
			}
		}
	}
	return n, part, nil
}

// Stage moves the finished file part, which [Dir.Prepare] named, into its slot
// and reads it back. The build starts only after [Dir.Activate].
func (d *Dir) Stage(b Build, part string) error {
	if err := b.check(); err != nil {
		return err
	}
	// Without its manifest the slot counts as empty while it changes.
	if err := d.disk.remove(filepath.Join(d.slot(b.Slot), "manifest.json")); err != nil {
		return err
	}
	if err := d.disk.syncDir(d.slot(b.Slot)); err != nil {
		return err
	}
	if err := os.Chmod(part, 0o700); err != nil {
		return err
	}
	d.disk.at("sync", part)
	if err := syncFile(part); err != nil {
		return err
	}
	if err := d.disk.rename(part, d.Binary(b.Slot)); err != nil {
		return err
	}
	if err := d.Verify(b); err != nil {
		return err
	}
	data, err := seal(b)
	if err != nil {
		return err
	}
	if err := d.disk.replace(filepath.Join(d.slot(b.Slot), "manifest.json"), data, 0o600); err != nil {
		return err
	}
	_, err = d.change(func(s *State) (bool, error) {
		s.note(d.now(), "staged", b.Version, "")
		return true, nil
	})
	return err
}

// Activate makes a staged build the candidate: tilld-guard starts it the next
// time it starts the agent.
func (d *Dir) Activate(b Build) error {
	_, err := d.change(func(s *State) (bool, error) {
		if s.Candidate != nil && s.Trial {
			return false, fmt.Errorf("%w: version %s", ErrOnTrial, s.Candidate.Version)
		}
		if b.Slot != s.Idle() {
			return false, fmt.Errorf("slot %s is not the idle one", b.Slot)
		}
		if err := d.Verify(b); err != nil {
			return false, err
		}
		s.propose(b, d.now())
		return true, nil
	})
	return err
}

// Begin takes one try from the candidate, on disk, and returns it. It returns
// false when the active version is to be started. A candidate without tries or
// with a damaged program is put aside here.
func (d *Dir) Begin() (s State, candidate bool, err error) {
	s, err = d.change(func(s *State) (bool, error) {
		if s.Candidate == nil {
			return false, nil
		}
		if e := d.Verify(*s.Candidate); e != nil {
			s.fail(e.Error(), d.now())
			return true, nil
		}
		candidate = s.begin(d.now())
		return true, nil
	})
	return s, candidate && err == nil, err
}

// Refund gives the candidate's try back after a stop on purpose.
func (d *Dir) Refund() error {
	_, err := d.change(func(s *State) (bool, error) { return s.refund(), nil })
	return err
}

// Confirm makes the candidate in slot n the active version: it reported itself
// healthy. Repeats are harmless. ErrNotOnTrial means that the guard gave up on
// it before.
func (d *Dir) Confirm(n Name) (State, error) {
	return d.change(func(s *State) (bool, error) { return s.confirm(n, d.now()) })
}

// Crashed records that the candidate ended by itself. Without tries left it is
// put aside.
func (d *Dir) Crashed(reason string) (State, error) {
	return d.change(func(s *State) (bool, error) {
		if s.Candidate == nil || !s.Trial {
			return false, nil
		}
		s.crashed(reason, d.now())
		return true, nil
	})
}

// Fail puts the candidate aside for good.
func (d *Dir) Fail(reason string) (State, error) {
	return d.change(func(s *State) (bool, error) {
		if s.Candidate == nil {
			return false, ErrNoCandidate
		}
		s.fail(reason, d.now())
		return true, nil
	})
}

// Rollback goes back to the version before the active one, or drops the
// candidate. It takes effect at the next start.
func (d *Dir) Rollback(reason string) (State, error) {
	return d.change(func(s *State) (bool, error) {
		err := s.rollback(reason, d.now())
		return err == nil, err
	})
}
