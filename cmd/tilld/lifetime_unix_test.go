//go:build unix

package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A hangup stops the agent in order, unless it was started to survive one.
func TestHangupStops(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // this test itself may run under nohup
	defer signal.Stop(heard)
	ctx, stop := lifetime()
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("SIGHUP does not end the context")
	}
	stop()
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	if slices.Contains(stopSignals(), os.Signal(syscall.SIGHUP)) {
		t.Error("under nohup a hangup would stop it")
	}
}
