package display

import "sync"

// Stage holds the scene that is on now. Whoever decides what the shopper sees
// sets it; every display follows it at its own speed. Safe for concurrent use.
type Stage struct {
	mu      sync.Mutex
	scene   Scene
	changed chan struct{}
}

// NewStage returns a stage that shows first.
func NewStage(first Scene) *Stage {
	return &Stage{scene: first, changed: make(chan struct{})}
}

// Set replaces the scene. The stage keeps sc as it is: the caller changes none
// of its slices afterwards.
func (s *Stage) Set(sc Scene) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scene = sc
	close(s.changed)
	s.changed = make(chan struct{})
}

// Now returns the scene and a channel that is closed at the next Set. The
// scene's slices are shared: read only.
func (s *Stage) Now() (Scene, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scene, s.changed
}
