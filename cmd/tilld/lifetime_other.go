//go:build !windows

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// lifetime returns a context that ends with ^C, SIGTERM or SIGHUP.
func lifetime() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), stopSignals()...)
}

// stopSignals ask the agent to stop in order. SIGHUP is one of them: a terminal
// that was closed, or somebody who wants the configuration read again; its
// supervisor starts it anew. Under nohup it stays ignored.
func stopSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}
