package screen

import (
	"context"
	"errors"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

// trialFor is how long a test is on the glass, unless the scene changes before.
const trialFor = 2 * time.Second

// trial is a scene that pages show instead of the stage's, until that changes.
type trial struct {
	scene display.Scene
	over  <-chan struct{}
}

var _ device.Tester = (*glass)(nil)

// Test implements [device.Tester]: every page shows a message that names the
// device. A pay code is left alone, and what the till shows meanwhile takes the
// place of the message at once.
func (g *glass) Test(ctx context.Context) error {
	s := g.screen
	now, changed := s.stage.Now()
	if now.Pay != nil {
		return fault.New(fault.Refused, g.info.Name, "test", errors.New("a pay code is on the screen: try again after the payment"))
	}
	s.try(&trial{over: changed, scene: display.Scene{
		Kind: display.Message, Currency: now.Currency, Language: now.Language,
		Title: lang.Text{ZH: "显示测试", EN: "Display test"}.In(lang.Tag(now.Language)), Text: g.info.Name,
	}})
	defer s.try(nil)
	pause := time.NewTimer(trialFor)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-changed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (s *Screen) try(t *trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trial = t
	close(s.tried)
	s.tried = make(chan struct{})
}

// now is what a page shows, and two channels of which one is closed when that may
// be something else.
func (s *Screen) now() (sc display.Scene, changed, tried <-chan struct{}) {
	s.mu.Lock()
	t := s.trial
	tried = s.tried
	s.mu.Unlock()
	sc, changed = s.stage.Now()
	if t != nil && t.over == changed {
		sc = t.scene
	}
	return sc, changed, tried
}
