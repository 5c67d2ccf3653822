package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/display"
)

// slowGlass is a display that takes its time over a scene, in which the till may
// decide on another one.
type slowGlass struct {
	shown     []display.Kind
	unbounded int
	during    func(display.Scene)
}

func (g *slowGlass) Info() device.Info { return device.Info{Name: "glass"} }
func (g *slowGlass) Close() error      { return nil }

func (g *slowGlass) Show(ctx context.Context, s display.Scene) error {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > display.ShowLimit {
		g.unbounded++
	}
	g.during(s)
	g.shown = append(g.shown, s.Kind)
	return nil
}

// After the test of a display the scene that is on stays, also when the pay code
// that was on is withdrawn while it is being drawn again; and a display that
// takes no bytes cannot hold the test, or the next scene, up for ever.
func TestTestSceneEndsWithTheSceneThatIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stage := display.NewStage(display.Scene{Kind: display.Paying, Pay: &display.Pay{PaymentID: "p", URL: "https://pay.example/p"}})
		k := &kit{a: &agent{stage: stage}, inUse: map[string]device.Device{}}
		g := &slowGlass{}
		g.during = func(s display.Scene) {
			if s.Kind == display.Paying {
				stage.Set(display.Scene{Kind: display.Basket})
			}
		}
		k.hold("glass", g)
		if err := k.test(t.Context(), "glass"); err != nil {
			t.Fatal(err)
		}
		if n := len(g.shown); n == 0 || g.shown[n-1] != display.Basket || g.shown[0] != display.Message {
			t.Errorf("shown %v: a pay code that was withdrawn stays", g.shown)
		}
		if g.unbounded > 0 {
			t.Errorf("%d scenes without a limit of time", g.unbounded)
		}
	})
}
