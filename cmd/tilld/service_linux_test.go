package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A store that is built anew takes longer than systemd waits of itself.
func TestStartingAsksForTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	synctest.Test(t, func(t *testing.T) {
		ready, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := &agent{log: slog.New(slog.DiscardHandler)}
		go a.starting(ready)
		time.Sleep(45 * time.Second) // two ticks
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute) // none when it is open
	})
	buf := make([]byte, 100)
	for _, want := range []string{"EXTEND_TIMEOUT_USEC=60000000", "EXTEND_TIMEOUT_USEC=60000000", ""} {
		wait := 30 * time.Second
		if want == "" {
			wait = time.Millisecond
		}
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if got := string(buf[:n]); got != want {
			t.Errorf("told %q, %v; want %q", got, err, want)
		}
	}
}
