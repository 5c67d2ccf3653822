package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/fault"
)

// A start on a full disk goes on once there is room, and ends when it is told to;
// nothing else is waited for.
func TestStartWaitsForRoom(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	full := fmt.Errorf("till: restart: %w", fault.New(fault.Full, "queue", "put", syscall.ENOSPC))
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := withRoom(t.Context(), quiet, func() error {
			if tries++; tries < 100 {
				return full
			}
			return nil
		})
		if err != nil || tries != 100 {
			t.Errorf("%d tries: %v", tries, err)
		}
		other := errors.New("other")
		if err := withRoom(t.Context(), quiet, func() error { return other }); !errors.Is(err, other) {
			t.Errorf("another error: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := withRoom(ctx, quiet, func() error { return full }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told to stop: %v", err)
		}
	})
}
