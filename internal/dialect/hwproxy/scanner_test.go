package hwproxy

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/till"
)

// scans is a till of which only the scanners are there.
type scans struct {
	dialect.Engine
	taken bool
	take  func(till.Scan, string)
	seq   uint64
	acked uint64
}

func (s *scans) ClaimScans(_ string, _ func(string) bool, take func(till.Scan, string)) (func(), error) {
	if s.taken {
		return nil, errors.New("taken")
	}
	s.taken, s.take = true, take
	return func() { s.taken, s.take = false, nil }, nil
}

func (s *scans) Do(_ context.Context, _ till.Call, cmd any) (till.Answer, error) {
	if a, ok := cmd.(till.AckScan); ok {
		s.acked = a.Seq
	}
	return till.Answer{}, nil
}

func (s *scans) scan(text string) {
	s.seq++
	if s.take != nil {
		s.take(till.Scan{Seq: s.seq}, text)
	}
}

func TestPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scans{}
		r := &reader{desk: &dialect.Desk{Engine: s, Log: slog.New(slog.DiscardHandler)}}
		poll := func(owner string) <-chan any {
			got := make(chan any, 1)
			go func() {
				code, _ := r.poll(t.Context(), owner)
				got <- code
			}()
			synctest.Wait()
			return got
		}
		want := func(got <-chan any, code any) {
			t.Helper()
			synctest.Wait()
			select {
			case v := <-got:
				if v != code {
					t.Errorf("got %v, want %v", v, code)
				}
			default:
				t.Errorf("no answer, want %v", code)
			}
		}
		s.scan("before the client came")
		one, two := poll("a"), poll("a") // two pages of one shop
		other := poll("b")
		s.scan("1")
		synctest.Wait()
		var idle <-chan any
		select {
		case v := <-one:
			one, idle = poll("a"), two
			if v != "1" {
				t.Errorf("got %v", v)
			}
		case v := <-two:
			two, idle = poll("a"), one
			if v != "1" {
				t.Errorf("got %v", v)
			}
		default:
			t.Fatal("nobody got the scan")
		}
		if len(idle) != 0 {
			t.Fatal("a scan was delivered twice")
		}
		s.scan("2")
		synctest.Wait()
		if len(one)+len(two) != 1 || s.acked != 2 {
			t.Errorf("%d polls got the second scan; acked up to %d, want 2", len(one)+len(two), s.acked)
		}
		time.Sleep(hold) // polls end without a scan
		synctest.Wait()
		if v := <-other; v != nil {
			t.Errorf("another client got %v", v)
		}
		// A client that is gone when it is answered gets the scan with its next poll.
		s.scan("3")
		code, seq := r.poll(t.Context(), "a")
		r.undelivered("a", seq)
		want(poll("a"), code)
		if code != "3" {
			t.Errorf("got %v, want 3", code)
		}
		time.Sleep(away + time.Second)
		synctest.Wait()
		if s.taken {
			t.Error("a client that went keeps the scanners")
		}
		got := poll("b")
		s.scan("4")
		want(got, "4")
		r.end()
		if s.taken {
			t.Error("not given back at the end")
		}
	})
}
