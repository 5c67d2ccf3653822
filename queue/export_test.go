package queue

import "context"

// sync waits until all that was committed is in the file.
func (s *Store) sync() {
	s.ask(context.Background(), &request{alone: func() error { s.freezeNow(); return nil }})
	for {
		s.mu.Lock()
		busy := s.busy
		s.mu.Unlock()
		if !busy {
			return
		}
		s.ask(context.Background(), &request{alone: func() error { return nil }})
	}
}

func (s *Store) freezeNow() {
	s.mu.Lock()
	busy := s.busy
	s.mu.Unlock()
	if busy {
		<-s.applied
	}
	s.mu.Lock()
	s.dirtyAt = s.dirtyAt.Add(-applyAfter)
	s.mu.Unlock()
	s.freeze(false)
}
