package till_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// later is a rig whose clock can be set forward.
func later(t *testing.T) (*rig, *atomic.Int64) {
	var ahead atomic.Int64
	r := newRig(t, func(o *till.Options) {
		now := o.Now
		o.Now = func() time.Time { return now().Add(time.Duration(ahead.Load())) }
	})
	return r, &ahead
}

func (r *rig) foreign(f till.ForeignJob) (till.PrintAnswer, bool) {
	r.t.Helper()
	if f.Printer == "" {
		f.Printer = "printer-1"
	}
	f.Dialect = "test"
	j, created, err := r.till.PrintForeign(context.Background(), f)
	if err != nil {
		r.t.Fatal(err)
	}
	return j, created
}

func TestForeignJobs(t *testing.T) {
	r, ahead := later(t)
	named := till.ForeignJob{ID: "bill 7; drop table", Raw: []byte("a\n")}
	first, created := r.foreign(named)
	if !created || strings.ContainsAny(first.JobID, " ;") || !strings.HasPrefix(first.JobID, "dialect/test/") {
		t.Errorf("first: %+v, created %v", first, created)
	}
	if again, created := r.foreign(named); created || again.JobID != first.JobID {
		t.Errorf("the same job again: %+v, created %v", again, created)
	}
	changed := named
	changed.Raw = []byte("b\n")
	changed.Dialect, changed.Printer = "test", "printer-1"
	_, _, err := r.till.PrintForeign(context.Background(), changed)
	wantCode(t, err, sale.CodeJobConflict)
	r.printJob(printer.Confirmed, printer.InOrder)
	r.restart()
	if again, created := r.foreign(named); created || again.Outcome != printer.Confirmed {
		t.Errorf("after it was printed and a restart: %+v, created %v", again, created)
	}
	if j, err := r.till.ForeignJobNamed("test", "printer-1", named.ID); err != nil || j.JobID != first.JobID {
		t.Errorf("by its name: %+v, %v", j, err)
	}

	// A title is no name: other content is another job at once, the same one after a while.
	title := till.ForeignJob{ID: "Receipt", Title: true, Raw: []byte("1\n")}
	one, _ := r.foreign(title)
	title.Raw = []byte("2\n")
	if two, created := r.foreign(title); !created || two.JobID == one.JobID {
		t.Errorf("another ticket under a title: %+v, created %v", two, created)
	}
	r.printJob(printer.Confirmed, printer.InOrder)
	r.printJob(printer.Confirmed, printer.InOrder)
	title.Raw = []byte("1\n")
	if again, created := r.foreign(title); created || again.JobID != one.JobID {
		t.Errorf("a client that tries again: %+v, created %v", again, created)
	}
	ahead.Store(int64(3 * time.Minute))
	if third, created := r.foreign(title); !created || third.JobID == one.JobID {
		t.Errorf("the same ticket minutes later: %+v, created %v", third, created)
	}
	r.printJob(printer.Uncertain, printer.BytesTaken)
	if fourth, created := r.foreign(title); created && fourth.JobID == one.JobID {
		t.Errorf("after an unknown one: %+v", fourth)
	}
}

func TestForeignJobsWithoutNames(t *testing.T) {
	r, _ := later(t)
	ticket := till.ForeignJob{Raw: []byte("x\n")}
	one, _ := r.foreign(ticket)
	if two, created := r.foreign(ticket); created || two.JobID != one.JobID {
		t.Errorf("a retry while the first waits: %+v, created %v", two, created)
	}
	r.printJob(printer.Uncertain, printer.BytesTaken)
	if two, created := r.foreign(ticket); created || two.Outcome != printer.Uncertain {
		t.Errorf("a retry of what may be on paper: %+v, created %v", two, created)
	}
	other := till.ForeignJob{Raw: []byte("y\n")}
	if y, created := r.foreign(other); !created || y.JobID == one.JobID {
		t.Errorf("another ticket: %+v, created %v", y, created)
	}
	r.printJob(printer.Confirmed, printer.InOrder)
	if y, created := r.foreign(other); !created {
		t.Errorf("an equal ticket after the first was printed: %+v", y)
	}
}

func TestWithdrawJob(t *testing.T) {
	r, _ := later(t)
	named := till.ForeignJob{ID: "n", Raw: []byte("x\n")}
	j, _ := r.foreign(named)
	if ok, err := r.till.WithdrawJob(t.Context(), j.JobID, "the client gave up"); !ok || err != nil {
		t.Fatalf("withdrawn: %v, %v", ok, err)
	}
	if now, err := r.till.Job(j.JobID); err != nil || now.Outcome != printer.Failed || now.Reason != "the client gave up" {
		t.Errorf("a withdrawn job: %+v, %v", now, err)
	}
	again, created := r.foreign(named) // nothing is on paper, so its client may try again
	if !created || again.JobID != j.JobID || again.Outcome != printer.Queued {
		t.Errorf("tried again: %+v, created %v", again, created)
	}
	if err := r.till.Begin(t.Context(), "printer-1", j.JobID); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.till.WithdrawJob(t.Context(), j.JobID, "too late"); ok || err != nil {
		t.Errorf("withdrawn while it is printed: %v, %v", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if now, err := r.till.AwaitJob(ctx, j.JobID, nil); err != nil || now.Outcome.Done() {
		t.Errorf("nobody waits: %+v, %v", now, err)
	}
	done := make(chan till.PrintAnswer, 1)
	go func() {
		now, err := r.till.AwaitJob(context.Background(), j.JobID, nil)
		if err != nil {
			t.Error(err)
		}
		done <- now
	}()
	if err := r.till.End(t.Context(), j.JobID, printer.Sent, printer.BytesTaken, ""); err != nil {
		t.Fatal(err)
	}
	if now := <-done; now.Outcome != printer.Sent {
		t.Errorf("awaited: %+v", now)
	}
}

// While a program reads the scanners, codes open no sale here; those of a sale
// that is open here, and codes that somebody types, stay the till's.
func TestClaimScans(t *testing.T) {
	r := newRig(t)
	var got []string
	release, err := r.till.ClaimScans("a page", func(d string) bool { return d == "scanner-1" }, func(row till.Scan, text string) {
		got = append(got, text)
		if strings.HasPrefix(text, "13") && row.Code != "" {
			t.Errorf("an auth code in the ledger: %+v", row)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.till.ClaimScans("another page", nil, nil); err == nil {
		t.Error("two programs read the scanners")
	}
	for _, code := range []string{"6901234567892", "134567890123456789"} {
		if !r.scan(code) {
			t.Errorf("%s: refused", code)
		}
	}
	if strings.Join(got, " ") != "6901234567892 134567890123456789" {
		t.Errorf("the program got %q", got)
	}
	if s, err := r.till.Current(); err == nil {
		t.Errorf("a sale was opened: %+v", s)
	}
	if rows, _, err := r.till.Scans(0, 10); err != nil || len(rows) != 2 || rows[0].Code != "6901234567892" || rows[1].Code != "" {
		t.Errorf("ledger: %+v, %v", rows, err)
	}
	r.open()
	r.scan("6901234567892")
	if len(got) != 2 {
		t.Errorf("a scan of a sale here went to the program: %q", got)
	}
	release()
	if again, err := r.till.ClaimScans("another page", func(string) bool { return true }, func(till.Scan, string) {}); err != nil {
		t.Errorf("not free again: %v", err)
	} else {
		again()
	}
}

// The drawer of another program's sales has a limit of its own.
func TestForeignDrawer(t *testing.T) {
	r := newRig(t)
	open := func(forSale bool) error {
		_, err := r.till.Do(t.Context(), till.Call{Origin: "dialect test"}, till.OpenDrawer{Reason: "asked for by a page", Sale: forSale})
		return err
	}
	for range 12 {
		if err := open(true); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, open(true), sale.CodeRateLimited)
	if err := open(false); err != nil {
		t.Errorf("an opening without a sale: %v", err)
	}
	r.restart()
	wantCode(t, open(true), sale.CodeRateLimited)
	if n := len(r.events("drawer.opened")); n != 13 {
		t.Errorf("%d events, want 13", n)
	}
}
