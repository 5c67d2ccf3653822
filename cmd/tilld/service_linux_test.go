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

// systemd is the service manager's end of what the agent tells it.
func systemd(t *testing.T) *net.UnixConn {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return conn
}

// A store that is built anew takes longer than systemd waits of itself.
func TestStartingAsksForTime(t *testing.T) {
	conn := systemd(t)
	synctest.Test(t, func(t *testing.T) {
		ready, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := &agent{log: slog.New(slog.DiscardHandler)}
		go a.starting(ready)
		time.Sleep(25 * time.Second) // two ticks
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute) // none when it is open
	})
	buf := make([]byte, 100)
	for _, want := range []string{"WATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000", "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000", ""} {
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

// Below the guard the end of an agent is not the end of the service: it may be an
// update. systemd keeps a service that said it is stopping in that state, without
// watchdog and not active, however many agents the guard starts after.
func TestOnlyAnAgentWithoutGuardSaysGoodbye(t *testing.T) {
	conn := systemd(t)
	a := &agent{log: slog.New(slog.DiscardHandler)}
	t.Setenv("TILLD_GUARD", "1")
	a.stopping()
	a.notify("STATUS=between")
	t.Setenv("TILLD_GUARD", "")
	a.stopping()
	buf := make([]byte, 100)
	for _, want := range []string{"STATUS=between", "STOPPING=1"} {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(buf); string(buf[:n]) != want {
			t.Errorf("told %q, %v; want %q", buf[:n], err, want)
		}
	}
}
