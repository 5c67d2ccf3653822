// Package scannertest is the contract of package scanner as runnable tests.
// Every driver calls it; a new promise in the contract is added here first.
package scannertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tilld/internal/fault"
	"tilld/scanner"
)

// Reader is the scanner's side of the cable.
type Reader struct {
	// Scan sends one code as the scanner would.
	Scan func(payload string)
	// Tear sends the beginning of a code whose end never comes.
	Tear func(payload string)
	// Silence waits, or has the driver believe, that the line has been quiet for
	// long enough that the next code is a new one.
	Silence func()
	// Rest sends the end of a code whose beginning Tear sent. Nil where that can
	// not be taken for a whole code.
	Rest func(payload string)
	// Unplug pulls the cable.
	Unplug func()
}

const soon = 10 * time.Second

// Scanner runs the contract of [scanner.Scanner] on scanners made by open,
// which may be called several times.
func Scanner(t *testing.T, open func(t *testing.T) (scanner.Scanner, Reader)) {
	t.Run("has a name", func(t *testing.T) {
		s, _ := open(t)
		if s.Info().Name == "" || s.Info().Driver == "" {
			t.Errorf("Info is %+v", s.Info())
		}
	})
	t.Run("emits every code once and in order", func(t *testing.T) {
		s, r := open(t)
		scans, _, _ := run(t, s)
		for i := range 30 {
			want := fmt.Sprintf("690123456%04d", i)
			go r.Scan(want)
			got := next(t, scans)
			if string(got.Data) != want || got.Device != s.Info().Name || time.Since(got.At) > soon {
				t.Fatalf("scan %d is %q from %q at %v, want %q from %q", i, got.Data, got.Device, got.At, want, s.Info().Name)
			}
		}
	})
	t.Run("equal codes are two scans", func(t *testing.T) {
		s, r := open(t)
		scans, _, _ := run(t, s)
		for range 2 {
			go r.Scan("6901234567892")
			if got := next(t, scans); string(got.Data) != "6901234567892" {
				t.Fatalf("got %q", got.Data)
			}
		}
	})
	t.Run("a torn code is never emitted", func(t *testing.T) {
		s, r := open(t)
		scans, _, _ := run(t, s)
		r.Tear("69012345")
		r.Silence()
		go r.Scan("6909999999996")
		if got := next(t, scans); string(got.Data) != "6909999999996" {
			t.Errorf("got %q, want the whole code that came after the torn one", got.Data)
		}
	})
	t.Run("nor is its other half", func(t *testing.T) {
		s, r := open(t)
		if r.Rest == nil {
			t.Skip("the protocol tells the second half of a code from a whole one")
		}
		scans, _, _ := run(t, s)
		r.Tear("https://shop.example/")
		r.Silence()
		r.Rest("a?id=42")
		go r.Scan("6909999999996")
		if got := next(t, scans); string(got.Data) != "6909999999996" {
			t.Errorf("got %q, the rest of a code that stood still in the middle", got.Data)
		}
	})
	t.Run("too long a code is dropped whole", func(t *testing.T) {
		s, r := open(t)
		scans, _, _ := run(t, s)
		for _, n := range []int{scanner.MaxData + 1, 2 * scanner.MaxData} {
			r.Scan(strings.Repeat("9", n))
			r.Silence()
			go r.Scan("6901234567892")
			if got := next(t, scans); string(got.Data) != "6901234567892" {
				t.Errorf("got %d bytes %.20q…, want the code after the long one", len(got.Data), got.Data)
			}
		}
		longest := strings.Repeat("9", scanner.MaxData)
		go r.Scan(longest)
		if got := next(t, scans); string(got.Data) != longest {
			t.Errorf("got %d bytes, want the longest code there is", len(got.Data))
		}
	})
	t.Run("ends with the context", func(t *testing.T) {
		s, _ := open(t)
		_, ended, cancel := run(t, s)
		cancel()
		if err := next(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want the context's error", err)
		}
	})
	t.Run("says so when it is unplugged", func(t *testing.T) {
		s, r := open(t)
		_, ended, _ := run(t, s)
		r.Unplug()
		if err := next(t, ended); fault.KindOf(err) != fault.Absent || !strings.HasPrefix(err.Error(), s.Info().Name+": ") {
			t.Errorf("Run = %v, want kind absent and the scanner's name", err)
		}
	})
}

func run(t *testing.T, s scanner.Scanner) (<-chan scanner.Scan, <-chan error, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	scans, ended, gone := make(chan scanner.Scan), make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		ended <- s.Run(ctx, func(sc scanner.Scan) {
			select {
			case scans <- sc:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-gone:
		case <-time.After(soon):
			t.Error("Run does not end with its context")
		}
		s.Close()
	})
	return scans, ended, cancel
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		t.Fatal("nothing came within ", soon)
		panic("not reached")
	}
}
