package display_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/fault"
)

// slow is a display that takes its time.
type slow struct {
	takes time.Duration
	shown []string
	fail  error
}

func (d *slow) Info() device.Info { return device.Info{Name: "d", Driver: "slow"} }
func (d *slow) Close() error      { return nil }
func (d *slow) Show(ctx context.Context, s display.Scene) error {
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return fault.New(fault.Timeout, "d", "show", ctx.Err())
	}
	d.shown = append(d.shown, s.Title)
	return d.fail
}

type blinking struct{ slow }

func (*blinking) Refresh() time.Duration { return 30 * time.Second }

func titled(s string) display.Scene { return display.Scene{Kind: display.Message, Title: s} }

func TestFollowShowsTheLatestScene(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slow{takes: 100 * time.Millisecond}
		stage := display.NewStage(titled("first"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- display.Follow(ctx, d, stage) }()
		time.Sleep(50 * time.Millisecond)
		for _, s := range []string{"a", "b", "c"} {
			stage.Set(titled(s))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(d.shown) != 2 || d.shown[0] != "first" || d.shown[1] != "c" {
			t.Errorf("shown %q, want the first and the latest, once each", d.shown)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow = %v", err)
		}
	})
}

func TestFollowEndsWithTheDisplaysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slow{takes: time.Hour}
		began := time.Now()
		err := display.Follow(t.Context(), d, display.NewStage(titled("x")))
		if fault.KindOf(err) != fault.Timeout || time.Since(began) != display.ShowLimit {
			t.Errorf("%v after %v, want a timeout after %v", err, time.Since(began), display.ShowLimit)
		}
		unplugged := fault.New(fault.Absent, "d", "show", nil)
		if err := display.Follow(t.Context(), &slow{fail: unplugged}, display.NewStage(titled("x"))); !errors.Is(err, unplugged) {
			t.Errorf("Follow = %v", err)
		}
	})
}

// A pole display with its own power supply comes back blank.
func TestFollowShowsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &blinking{}
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		display.Follow(ctx, d, display.NewStage(titled("x")))
		if len(d.shown) != 4 {
			t.Errorf("shown %d times in 95 s, want 4", len(d.shown))
		}
	})
}

// An offer that is over is not shown, and is taken off when it ends; the scene
// that others share keeps it.
func TestFollowLeavesOutEndedOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &offering{}
		sc := display.Scene{Kind: display.Offers, Offers: []display.Offer{
			{ID: "gone", Expires: time.Now().Add(-time.Second)},
			{ID: "soon", Expires: time.Now().Add(5 * time.Second)},
			{ID: "lasts"},
		}}
		stage := display.NewStage(sc)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go display.Follow(ctx, d, stage)
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"soon lasts", "lasts"}; !slices.Equal(d.shown, want) {
			t.Errorf("shown %q, want %q", d.shown, want)
		}
		if now, _ := stage.Now(); len(now.Offers) != 3 || now.Offers[0].ID != "gone" {
			t.Errorf("the scene was changed: %+v", now.Offers)
		}
	})
}

// offering notes the offers that it is shown.
type offering struct{ slow }

func (d *offering) Show(_ context.Context, s display.Scene) error {
	ids := []string{}
	for _, o := range s.Offers {
		ids = append(ids, o.ID)
	}
	d.shown = append(d.shown, strings.Join(ids, " "))
	return nil
}
