package printer_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/printertest"
)

// talker is a printer that may answer, on a connection that others want too.
type talker struct {
	fake
	talks    bool
	expected bool
	idle     time.Duration
	looks    []time.Duration // when it was looked at, since began
	releases []time.Duration
	began    time.Time
}

func (f *talker) Talks() bool         { return f.talks }
func (f *talker) Expect()             { f.expected = true }
func (f *talker) Idle() time.Duration { return f.idle }
func (f *talker) Release(context.Context) error {
	f.releases = append(f.releases, time.Since(f.began).Round(time.Second))
	return nil
}

func (f *talker) Check(ctx context.Context) error {
	f.looks = append(f.looks, time.Since(f.began).Round(time.Second))
	return f.fake.Check(ctx)
}

// A printer that has answered lately is known to answer when it is opened again;
// after a while it is not any more, so that a silent one prints at last.
func TestSilenceIsRemembered(t *testing.T) {
	for _, c := range []struct {
		talks bool
		pause time.Duration
		want  bool
	}{{true, 10 * time.Second, true}, {true, 2 * time.Minute, false}, {false, 10 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			st := &printer.Station{Name: "printer-1", Ledger: &printertest.Ledger{}, Log: quiet()}
			gone := fault.New(fault.Absent, "printer-1", "check", errors.New("gone"))
			if err := st.Serve(t.Context(), &talker{talks: c.talks, fake: fake{checks: []error{nil, gone}}}); fault.KindOf(err) != fault.Absent {
				t.Fatal(err)
			}
			time.Sleep(c.pause)
			again := &talker{fake: fake{checks: []error{gone}}}
			st.Serve(t.Context(), again)
			if again.expected != c.want {
				t.Errorf("after %v: expected to answer %v, want %v", c.pause, again.expected, c.want)
			}
		})
	}
}

// Without work the connection is given up after its time, looked at seldom from
// then on and given up each time, and taken up again by a job.
func TestGivenUpWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l printertest.Ledger
		f := &talker{idle: 7 * time.Second, began: time.Now(), fake: fake{results: []result{{printer.Result{Started: true, Evidence: printer.InOrder}, nil}}}}
		stop := serve(t, &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}, f)
		time.Sleep(100 * time.Second)
		synctest.Wait()
		seconds := func(list ...int) (all []time.Duration) {
			for _, n := range list {
				all = append(all, time.Duration(n)*time.Second)
			}
			return all
		}
		if want := seconds(3, 6, 9, 39, 69, 99); !slices.Equal(f.looks, want) {
			t.Errorf("looked at %v, want %v", f.looks, want)
		}
		if want := seconds(9, 39, 69, 99); !slices.Equal(f.releases, want) {
			t.Errorf("given up at %v, want %v", f.releases, want)
		}
		l.Add(job("a"))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := l.Job("a").Outcome; got != printer.Confirmed {
			t.Errorf("a job is %s", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
