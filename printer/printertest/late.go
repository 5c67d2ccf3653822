package printertest

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/printer"
)

// Late is a printer that answers for its status at once, and for a job only when
// nobody waits any more.
type Late struct {
	Open   func(t *testing.T, p device.Port) printer.Printer
	Status func(sent []byte) []byte // what it answers to these bytes at once
	Answer []byte                   // what it says a minute after the job
	Proves printer.Evidence         // what that is worth, "" for nothing
}

// LateEvidence checks that the ledger hears of a late proof of job "a", and of
// nothing that proves nothing.
func LateEvidence(t *testing.T, c Late) {
	want := []string{"a sending", "a sent status"}
	if c.Proves != "" {
		want = append(want, "a confirmed "+string(c.Proves))
	}
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			buf := make([]byte, 65536)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				if out := c.Status(buf[:n]); len(out) > 0 {
					go far.Write(out)
				}
			}
		}()
		d := c.Open(t, near)
		var l Ledger
		l.Add(printer.Job{ID: "a", Printer: "printer-1", Doc: printer.Doc{printer.Text{Line: "x"}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		st := printer.Station{Name: "printer-1", Ledger: &l, Log: slog.New(slog.DiscardHandler)}
		go func() { done <- st.Serve(ctx, d) }()
		time.Sleep(time.Minute)
		go far.Write(c.Answer)
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := l.Log(); !slices.Equal(got, want) {
			t.Errorf("ledger %q, want %q", got, want)
		}
		d.Close()
		far.Close()
	})
}
