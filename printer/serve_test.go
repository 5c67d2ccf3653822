package printer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

func job(id string) printer.Job {
	return printer.Job{ID: id, Printer: "printer-1", Doc: printer.Doc{printer.Text{Line: "receipt " + id}, printer.Cut{}}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// serve runs a station on p until the returned func is called.
func serve(t *testing.T, st *printer.Station, p printer.Printer) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- st.Serve(ctx, p) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// fake answers Print and Check from lists; the last of each stays.
type fake struct {
	results []result
	checks  []error
	prints  int
	resyncs int
}

type result struct {
	r   printer.Result
	err error
}

func (f *fake) Info() device.Info            { return device.Info{Name: "printer-1"} }
func (f *fake) Close() error                 { return nil }
func (f *fake) Caps() printer.Caps           { return printer.Caps{Columns: 48} }
func (f *fake) Resync(context.Context) error { f.resyncs++; return nil }
func (f *fake) Check(ctx context.Context) error {
	if len(f.checks) == 0 {
		return nil
	}
	err := f.checks[0]
	if len(f.checks) > 1 {
		f.checks = f.checks[1:]
	}
	return err
}

// pass lets fake time pass and waits until all is at rest: only then may a test
// look at what other goroutines have written.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (f *fake) Print(context.Context, string, printer.Doc) (printer.Result, error) {
	f.prints++
	r := f.results[0]
	if len(f.results) > 1 {
		f.results = f.results[1:]
	}
	return r.r, r.err
}

// What became of a job is booked when the disk can be written again, before the
// next job; it is not printed anew.
func TestOutcomeThatCouldNotBeBooked(t *testing.T) {
	attention := printer.Attention("printer-1", "print", printer.WantPaper)
	good := result{printer.Result{Started: true, Evidence: printer.ProcessID}, nil}
	for name, c := range map[string]struct {
		results []result
		want    []string
		prints  int
	}{
		"printed":     {[]result{good}, []string{"a sending", "a confirmed process_id", "b sending", "b confirmed process_id"}, 2},
		"not printed": {[]result{{printer.Result{}, attention}, good}, []string{"a sending", "a queued", "a sending", "a confirmed process_id", "b sending", "b confirmed process_id"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l printertest.Ledger
				l.Add(job("a"))
				l.Add(job("b"))
				l.FailEnd(3)
				f := fake{results: c.results}
				st := &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}
				for n := range 3 { // as the device is opened again and again
					if err := st.Serve(t.Context(), &f); err == nil {
						t.Fatalf("turn %d: the disk is full and nobody says so", n+1)
					}
				}
				stop := serve(t, st, &f)
				pass(30 * time.Second)
				if err := stop(); err != nil {
					t.Error(err)
				}
				if got := l.Log(); !slices.Equal(got, c.want) || f.prints != c.prints {
					t.Errorf("ledger %q after %d prints, want %q after %d", got, f.prints, c.want, c.prints)
				}
			})
		})
	}
}

func TestOutcomes(t *testing.T) {
	good := result{printer.Result{Started: true, Evidence: printer.ProcessID}, nil}
	attention := printer.Attention("printer-1", "print", printer.WantPaper)
	absent := fault.New(fault.Absent, "printer-1", "print", errors.New("gone"))
	for _, c := range []struct {
		name    string
		fake    fake
		want    []string
		failure fault.Kind
		resyncs int
	}{
		{name: "confirmed", fake: fake{results: []result{good}}, want: []string{"a sending", "a confirmed process_id", "b sending", "b confirmed process_id"}},
		{name: "sent", fake: fake{results: []result{{printer.Result{Started: true, Evidence: printer.StatusGood}, nil}}}, want: []string{"a sending", "a sent status", "b sending", "b sent status"}},
		{name: "refused", fake: fake{results: []result{{printer.Result{}, fault.New(fault.Refused, "printer-1", "print", nil)}, good}}, want: []string{"a sending", "a failed", "b sending", "b confirmed process_id"}},
		{name: "waits", fake: fake{results: []result{good}, checks: []error{attention, attention, nil}}, want: []string{"a sending", "a confirmed process_id", "b sending", "b confirmed process_id"}},
		{name: "attention at the last moment", fake: fake{results: []result{{printer.Result{}, attention}, good}}, want: []string{"a sending", "a queued", "a sending", "a confirmed process_id", "b sending", "b confirmed process_id"}},
		{name: "attention in the middle", fake: fake{results: []result{{printer.Result{Started: true}, attention}, good}}, want: []string{"a sending", "a unknown", "b sending", "b confirmed process_id"}, resyncs: 1},
		{name: "unplugged in the middle", fake: fake{results: []result{{printer.Result{Started: true}, absent}}}, want: []string{"a sending", "a unknown"}, failure: fault.Absent},
		{name: "unplugged before", fake: fake{results: []result{{printer.Result{}, absent}}}, want: []string{"a sending", "a queued"}, failure: fault.Absent},
		{name: "unplugged at the check", fake: fake{checks: []error{absent}}, want: nil, failure: fault.Absent},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l printertest.Ledger
				l.Add(job("a"))
				l.Add(job("b"))
				st := &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}
				stop := serve(t, st, &c.fake)
				pass(30 * time.Second)
				if err := stop(); fault.KindOf(err) != c.failure {
					t.Errorf("Serve = %v, want kind %v", err, c.failure)
				}
				if got := l.Log(); !slices.Equal(got, c.want) {
					t.Errorf("ledger %q, want %q", got, c.want)
				}
				if c.fake.resyncs != c.resyncs {
					t.Errorf("%d resyncs, want %d", c.fake.resyncs, c.resyncs)
				}
			})
		})
	}
}

func TestNothingIsPrintedWithoutTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := printertest.Ledger{Fail: fault.New(fault.Full, "queue", "commit", nil)}
		l.Add(job("a"))
		f := &fake{}
		if err := printer.Serve(t.Context(), f, &l, nil, quiet()); fault.KindOf(err) != fault.Full {
			t.Errorf("Serve = %v, want full", err)
		}
		if f.prints != 0 {
			t.Error("a job was printed that is not in the ledger")
		}
	})
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l printertest.Ledger
		old := job("a")
		old.Expires = time.Now().Add(5 * time.Second)
		l.Add(old)
		l.Add(job("b"))
		f := &fake{checks: []error{printer.Attention("printer-1", "check", printer.WantCover)}}
		stop := serve(t, &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}, f)
		pass(20 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := l.Job("a"); got.Outcome != printer.Failed || l.Job("b").Outcome != printer.Queued {
			t.Errorf("a is %s %q, b is %s", got.Outcome, got.Reason, l.Job("b").Outcome)
		}
	})
}

// The real driver: conditions come and go, jobs wait for paper, none is lost.
func TestWaitsForPaper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		p, err := escpos.Open(t.Context(), m.Plug(t), device.Spec{Name: "printer-1", Driver: "escpos"})
		if err != nil {
			t.Fatal(err)
		}
		var l printertest.Ledger
		var board health.Board
		st := &printer.Station{Name: "printer-1", Ledger: &l, Health: &board, Log: quiet()}
		if err := st.OpenDrawer(t.Context(), 0); fault.KindOf(err) != fault.Absent {
			t.Errorf("drawer without a printer: %v", err)
		}
		stop := serve(t, st, p)
		m.SetPaper(false)
		pass(5 * time.Second) // without work it is seen all the same
		if list := board.List(lang.ZH); len(list) != 1 || list[0].Code != "printer_paper_out" || list[0].Text != "打印机缺纸" {
			t.Errorf("conditions %+v", list)
		}
		l.Add(job("a"))
		pass(time.Minute)
		if got := l.Log(); len(got) != 0 {
			t.Errorf("ledger %q before there is paper", got)
		}
		m.SetPaper(true)
		pass(10 * time.Second)
		if got := l.Job("a").Outcome; got != printer.Confirmed {
			t.Errorf("outcome %s after the roll was changed", got)
		}
		if list := board.List(lang.ZH); len(list) != 0 {
			t.Errorf("conditions stay: %+v", list)
		}
		if err := st.OpenDrawer(t.Context(), 0); err != nil || m.Drawer() != 1 {
			t.Errorf("drawer: %v, opened %d times", err, m.Drawer())
		}
		if err := st.Test(t.Context()); err != nil || m.Cuts() != 2 {
			t.Errorf("test page: %v, %d cuts", err, m.Cuts())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		p.Close()
	})
}

// The cable is pulled while a job prints: unknown, and the job is never begun
// again.
func TestUnplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, PaperLeft: 20}
		port := m.Plug(t)
		p, err := escpos.Open(t.Context(), port, device.Spec{Name: "printer-1", Driver: "escpos"})
		if err != nil {
			t.Fatal(err)
		}
		var l printertest.Ledger
		l.Add(job("a"))
		go func() {
			time.Sleep(20 * time.Second)
			port.Close()
		}()
		err = printer.Serve(t.Context(), p, &l, nil, quiet())
		if err == nil {
			t.Error("Serve goes on without a printer")
		}
		if got, want := l.Log(), []string{"a sending", "a unknown bytes"}; !slices.Equal(got, want) {
			t.Errorf("ledger %q, want %q", got, want)
		}
	})
}

// slow prints for a while, or until ctx ends.
type slow struct {
	fake
	takes time.Duration
}

func (s *slow) Print(ctx context.Context, _ string, _ printer.Doc) (printer.Result, error) {
	select {
	case <-time.After(s.takes):
		return printer.Result{Started: true, Evidence: printer.ProcessID}, nil
	case <-ctx.Done():
		return printer.Result{Started: true, Evidence: printer.BytesTaken}, fault.New(fault.Timeout, "printer-1", "print", ctx.Err())
	}
}

// The agent stops while a job prints: it gets two seconds to end well, and its
// outcome is committed in any case.
func TestStopsDuringAJob(t *testing.T) {
	for takes, want := range map[time.Duration]string{
		2500 * time.Millisecond: "a confirmed process_id",
		time.Minute:             "a unknown bytes",
		4 * time.Minute:         "a unknown bytes",
	} {
		synctest.Test(t, func(t *testing.T) {
			var l printertest.Ledger
			l.Add(job("a"))
			stop := serve(t, &printer.Station{Name: "printer-1", Ledger: &l, Log: quiet()}, &slow{takes: takes})
			if takes > 3*time.Minute {
				pass(200 * time.Second) // not stopped: the time for a job ends
			} else {
				pass(time.Second)
			}
			start := time.Now()
			stop()
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%v: stopping took %v", takes, took)
			}
			if got := l.Log(); len(got) != 2 || got[1] != want {
				t.Errorf("%v: ledger %q, want %q last", takes, got, want)
			}
		})
	}
}

// remembering is a ledger that knows of a job which an earlier run left in the
// middle.
type remembering struct {
	printertest.Ledger
	torn bool
}

func (l *remembering) Torn(string) (bool, error) { return l.torn, nil }

// A printer that an earlier run of the agent left in the middle of a job is
// brought back once, before it gets anything else.
func TestTornBeforeTheStart(t *testing.T) {
	for _, torn := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := &remembering{torn: torn}
			f := &fake{results: []result{{printer.Result{Started: true, Evidence: printer.ProcessID}, nil}}}
			st := &printer.Station{Name: "printer-1", Ledger: l, Log: quiet()}
			stop := serve(t, st, f)
			synctest.Wait()
			want := 0
			if torn {
				want = 1
			}
			if f.resyncs != want {
				t.Errorf("torn %v: %d resyncs before the first job, want %d", torn, f.resyncs, want)
			}
			l.Add(job("a"))
			pass(30 * time.Second)
			if err := stop(); err != nil || f.resyncs != want {
				t.Errorf("torn %v: %v, %d resyncs, want %d", torn, err, f.resyncs, want)
			}
		})
	}
}
