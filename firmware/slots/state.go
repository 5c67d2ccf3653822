package slots

import (
	"errors"
	"fmt"
	"time"
)

// Name is a slot: "a" or "b".
type Name string

// The two slots.
const (
	A Name = "a"
	B Name = "b"
)

// Other returns the slot that n is not; "a" for a name that is neither.
func (n Name) Other() Name {
	if n == A {
		return B
	}
	return A
}

// Valid reports whether n is one of the two slots.
func (n Name) Valid() bool { return n == A || n == B }

// Build is one version of the agent in a slot.
type Build struct {
	Slot    Name   `json:"slot"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the whole file, 64 hex digits
	Size    int64  `json:"size"`   // bytes
}

// Bad is a build that had its trial and failed.
type Bad struct {
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
}

// Event is one line of the slots' history.
type Event struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"` // staged, activated, confirmed, rolled_back, recovered
	Version string    `json:"version"`
	Reason  string    `json:"reason,omitempty"`
}

// Tries is how often a candidate is started before it counts as failed.
const Tries = 3

const (
	keepBad    = 8
	keepEvents = 20
)

// State is the content of boot.json.
type State struct {
	Generation uint64  `json:"generation"`         // grows with each write; the higher of two copies counts
	Active     *Build  `json:"active,omitempty"`   // the confirmed version; nil = the tilld of the package, beside the guard
	Previous   *Build  `json:"previous,omitempty"` // confirmed before Active, still in the other slot
	Candidate  *Build  `json:"candidate,omitempty"`
	Tries      int     `json:"tries,omitempty"` // starts the candidate has left
	Trial      bool    `json:"trial,omitempty"` // the candidate was started and has not been judged
	Floor      string  `json:"floor,omitempty"` // highest version ever confirmed
	Bad        []Bad   `json:"bad,omitempty"`   // newest last
	History    []Event `json:"history,omitempty"`
}

// Errors of the state machine.
var (
	ErrOnTrial     = errors.New("an update is on trial")
	ErrNotOnTrial  = errors.New("this version is not on trial")
	ErrNoCandidate = errors.New("no update waits")
	ErrNoPrevious  = errors.New("no earlier version is kept")
)

// Idle returns the slot an update may be written to.
func (s *State) Idle() Name {
	if s.Active == nil {
		return A
	}
	return s.Active.Slot.Other()
}

// IsBad returns the failed trial of the build with that hash.
func (s *State) IsBad(sha256 string) (Bad, bool) {
	for _, b := range s.Bad {
		if b.SHA256 == sha256 {
			return b, true
		}
	}
	return Bad{}, false
}

// prepare withdraws whatever names the idle slot, which is about to be
// overwritten. It refuses while the candidate there may be running.
func (s *State) prepare() error {
	if s.Candidate != nil && s.Trial {
		return fmt.Errorf("%w: version %s", ErrOnTrial, s.Candidate.Version)
	}
	s.Candidate, s.Tries, s.Previous = nil, 0, nil
	return nil
}

// propose makes b the candidate.
func (s *State) propose(b Build, now time.Time) {
	s.Candidate, s.Tries, s.Trial = &b, Tries, false
	for i, bad := range s.Bad {
		if bad.SHA256 == b.SHA256 { // a second chance was asked for
			s.Bad = append(s.Bad[:i:i], s.Bad[i+1:]...)
			break
		}
	}
	s.note(now, "activated", b.Version, "")
}

// begin takes one try from the candidate. It reports false when there is no
// candidate, and fails the candidate when no try is left.
func (s *State) begin(now time.Time) bool {
	if s.Candidate == nil {
		return false
	}
	if s.Tries <= 0 {
		s.fail("no health report in "+plural(Tries, "start"), now)
		return false
	}
	s.Tries--
	s.Trial = true
	return true
}

// refund gives the try of a candidate back that was stopped on purpose.
func (s *State) refund() bool {
	if s.Candidate == nil || !s.Trial {
		return false
	}
	s.Tries, s.Trial = min(s.Tries+1, Tries), false
	return true
}

// confirm makes the candidate in slot n the active version. Confirming what is
// active already is no error.
func (s *State) confirm(n Name, now time.Time) (changed bool, err error) {
	if s.Candidate != nil && s.Candidate.Slot == n && s.Trial {
		s.Previous, s.Active = s.Active, s.Candidate
		s.Candidate, s.Tries, s.Trial = nil, 0, false
		if Compare(s.Active.Version, s.Floor) > 0 {
			s.Floor = s.Active.Version
		}
		s.note(now, "confirmed", s.Active.Version, "")
		return true, nil
	}
	if s.Active != nil && s.Active.Slot == n {
		return false, nil
	}
	return false, ErrNotOnTrial
}

// crashed judges a candidate that ended by itself: it may have further tries.
func (s *State) crashed(reason string, now time.Time) {
	s.Trial = false
	if s.Tries <= 0 {
		s.fail(reason, now)
	}
}

// fail puts the candidate aside for good.
func (s *State) fail(reason string, now time.Time) {
	if s.Candidate == nil {
		return
	}
	s.Bad = append(s.Bad, Bad{Version: s.Candidate.Version, SHA256: s.Candidate.SHA256, Reason: reason, At: now})
	s.Bad = s.Bad[max(0, len(s.Bad)-keepBad):]
	s.note(now, "rolled_back", s.Candidate.Version, reason)
	s.Candidate, s.Tries, s.Trial = nil, 0, false
}

// rollback goes back from the active version to the one before it.
func (s *State) rollback(reason string, now time.Time) error {
	if s.Candidate != nil {
		s.fail(reason, now)
		return nil
	}
	if s.Active == nil {
		return ErrNoPrevious
	}
	s.Candidate = s.Active
	s.fail(reason, now)
	s.Active, s.Previous = s.Previous, nil
	return nil
}

func (s *State) note(now time.Time, what, version, reason string) {
	s.History = append(s.History, Event{At: now, What: what, Version: version, Reason: reason})
	s.History = s.History[max(0, len(s.History)-keepEvents):]
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
