package run_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/fault"
	"tilld/internal/run"
)

var quiet = slog.New(slog.DiscardHandler)

func TestStopsInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var stopped []string
		part := func(name string) run.Part {
			return run.Part{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				stopped = append(stopped, name)
				return nil
			}}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := run.Group(ctx, quiet, part("queue"), part("devices"), part("status")); err != nil {
			t.Fatal(err)
		}
		if want := []string{"status", "devices", "queue"}; !slices.Equal(stopped, want) {
			t.Errorf("stopped %v, want %v", stopped, want)
		}
	})
}

func TestTransientTroubleIsRetriedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		err := run.Group(ctx, quiet, run.Part{Name: "pole-1", Run: func(context.Context) error {
			at = append(at, time.Since(start))
			return fault.New(fault.Absent, "pole-1", "open", nil)
		}})
		want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond}
		if err != nil || !slices.Equal(at, want) {
			t.Errorf("err %v, runs at %v, want %v", err, at, want)
		}
	})
}

func TestOtherTroubleEndsTheGroup(t *testing.T) {
	for name, part := range map[string]func(context.Context) error{
		"corrupt": func(context.Context) error { return fault.New(fault.Corrupt, "queue", "commit", nil) },
		"panic":   func(context.Context) error { panic("broken") },
		"nil":     func(context.Context) error { return nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			other := false
			err := run.Group(t.Context(), quiet,
				run.Part{Name: "link", Run: func(ctx context.Context) error { <-ctx.Done(); other = true; return nil }},
				run.Part{Name: "queue", Run: part})
			if err == nil || !strings.HasPrefix(err.Error(), "queue: ") || !other {
				t.Errorf("%s: err %v, the other part stopped: %v", name, err, other)
			}
		})
	}
}

func TestStuckPartDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		err := run.Group(ctx, quiet, run.Part{
			Name: "printer", Stop: 2 * time.Second,
			Run: func(context.Context) error { <-release; return errors.New("late") },
		})
		if err == nil || time.Since(start) != 2*time.Second {
			t.Errorf("after %v: %v, want an error after 2s", time.Since(start), err)
		}
		close(release)
	})
}
