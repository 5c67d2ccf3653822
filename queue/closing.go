package queue

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

// closeWait is how long closing the file may take: it writes nothing.
const closeWait = 2 * time.Second

// closeFile closes the file, or leaves it behind: a panic in a transaction of
// bbolt's has it look for the free pages of a file that may be damaged, and when
// that panics too, its lock is never given back and Close waits for ever. Nobody
// writes through such a file any more; a new one takes its place. handle is held.
func (s *Store) closeFile() error {
	err := closeIn(s.db, closeWait)
	if errors.Is(err, errStuck) {
		s.left.Store(true)
	}
	s.mu.Lock()
	s.db = nil
	s.mu.Unlock()
	return err
}

var errStuck = errors.New("the file is stuck, it was left behind")

func closeIn(db *bolt.DB, limit time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- db.Close() }()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return errStuck
	}
}

// endRun has Run end the agent, so that whoever keeps it running starts it anew:
// where an open file cannot be replaced, as on Windows, nothing else helps. What
// was accepted is in the journal.
func (s *Store) endRun(cause error) {
	select {
	case s.hopeless <- fault.New(fault.Corrupt, "queue", "reopen", fmt.Errorf("till.db is damaged and stuck, only a new start can open it: %w", cause)):
	default:
	}
}
