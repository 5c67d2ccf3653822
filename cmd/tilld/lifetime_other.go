//go:build !windows

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// lifetime returns a context that ends with ^C or SIGTERM.
func lifetime() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
