package status

import (
	"encoding/json"
	"time"
)

// updateView is what the status page tells of the agent's slots: which version
// is in force, what waits or is on trial, and what the guard made of the last one.
type updateView struct {
	Active    *buildView  `json:"active"`
	Previous  *buildView  `json:"previous"`
	Candidate *buildView  `json:"candidate"`
	Tries     int         `json:"tries"`
	Trial     bool        `json:"trial"`
	Bad       []badView   `json:"bad"`
	History   []eventView `json:"history"`
}

type buildView struct {
	Version string `json:"version"`
}

type badView struct {
	Version string `json:"version"`
	Reason  string `json:"reason"`
}

type eventView struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"` // staged activated confirmed rolled_back recovered
	Version string    `json:"version"`
	Reason  string    `json:"reason"`
}

// updates reads the slots' state; nil where there is none to show.
func (s *Server) updates() *updateView {
	if s.o.Update == nil {
		return nil
	}
	state, err := s.o.Update()
	if err != nil {
		s.log.Debug("slots for the page", "err", err)
		return nil
	}
	body, err := json.Marshal(state)
	if err != nil {
		s.log.Debug("slots for the page", "err", err)
		return nil
	}
	v := new(updateView)
	if err := json.Unmarshal(body, v); err != nil {
		s.log.Debug("slots for the page", "err", err)
		return nil
	}
	return v
}

// Last is the newest line of the history.
func (v updateView) Last() *eventView {
	if len(v.History) == 0 {
		return nil
	}
	return &v.History[len(v.History)-1]
}

// Failed is the newest version that did not stand its trial, unless a newer one
// did.
func (v updateView) Failed() *badView {
	if len(v.Bad) == 0 {
		return nil
	}
	last := v.Bad[len(v.Bad)-1]
	if v.Active != nil && v.Active.Version == last.Version {
		return nil
	}
	return &last
}
