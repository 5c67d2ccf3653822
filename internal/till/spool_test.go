package till_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// Evidence that comes after the end of a job confirms it, also after a restart,
// and is reported; nothing else does.
func TestLateEvidence(t *testing.T) {
	r := newRig(t, plainMarkup)
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	receipt := s.ID + "/receipt"
	if j := r.printJob(printer.Uncertain, printer.BytesTaken); j.ID != receipt {
		t.Fatalf("job %q", j.ID)
	}
	if _, err := r.print(till.PrintRequest{JobID: "sent", Markup: "x"}); err != nil {
		t.Fatal(err)
	}
	r.printJob(printer.Sent, printer.StatusGood)
	if _, err := r.print(till.PrintRequest{JobID: "failed", Markup: "y"}); err != nil {
		t.Fatal(err)
	}
	r.printJob(printer.Failed, printer.NoEvidence)
	if _, err := r.print(till.PrintRequest{JobID: "waits", Markup: "z"}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	confirm := func(name, id string) {
		t.Helper()
		if err := r.till.Confirm(context.Background(), name, printer.Mark(id), printer.ProcessID); err != nil {
			t.Fatal(err)
		}
	}
	outcome := func(id string) printer.Outcome {
		t.Helper()
		j, err := r.till.Job(id)
		if err != nil {
			t.Fatal(err)
		}
		return j.Outcome
	}
	confirm("printer-2", receipt)
	confirm("printer-1", "nobody")
	if got := outcome(receipt); got != printer.Uncertain {
		t.Errorf("another printer's or job's answer makes it %s", got)
	}
	for _, id := range []string{receipt, "sent", "failed", "waits"} {
		confirm("printer-1", id)
	}
	for id, want := range map[string]printer.Outcome{receipt: printer.Confirmed, "sent": printer.Confirmed, "failed": printer.Failed, "waits": printer.Queued} {
		if got := outcome(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if got := r.sale(s.ID).Receipt.Outcome; got != "confirmed" {
		t.Errorf("the sale's receipt is %s", got)
	}
	before := len(r.events("receipt.outcome"))
	confirm("printer-1", receipt) // once is enough
	if got := len(r.events("receipt.outcome")); got != before || before != 5 {
		t.Errorf("%d outcomes reported, then %d; want 5", before, got)
	}
}

// A client without ids that tries again means the job it sent before, as long as
// nobody knows what became of that.
func TestEqualJobsWithoutID(t *testing.T) {
	r := newRig(t, plainMarkup)
	ask := func(markup string) till.PrintAnswer {
		t.Helper()
		p, err := r.print(till.PrintRequest{Markup: markup})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := ask("coffee")
	if !strings.HasPrefix(first.JobID, "auto-") {
		t.Errorf("id %q", first.JobID)
	}
	if again := ask("coffee"); again.JobID != first.JobID {
		t.Errorf("while it waits: %s, then %s", first.JobID, again.JobID)
	}
	if other := ask("tea"); other.JobID == first.JobID {
		t.Error("another document is the same job")
	}
	r.printJob(printer.Confirmed, printer.InOrder)
	r.printJob(printer.Confirmed, printer.InOrder)
	second := ask("coffee")
	if second.JobID == first.JobID {
		t.Error("two equal tickets are one although the first is on paper")
	}
	r.printJob(printer.Uncertain, printer.BytesTaken)
	r.restart()
	if again := ask("coffee"); again.JobID != second.JobID || again.Outcome != printer.Uncertain {
		t.Errorf("while it is unknown: %+v, want %s", again, second.JobID)
	}
	// A person has looked and made a copy: from now on it is another ticket.
	if _, err := r.print(till.ReprintJob{JobID: second.JobID}); err != nil {
		t.Fatal(err)
	}
	if third := ask("coffee"); third.JobID == second.JobID {
		t.Error("still the unknown job after a person dealt with it")
	}
	// A client that has ids is not touched by any of this.
	if p, err := r.print(till.PrintRequest{JobID: "mine", Markup: "coffee"}); err != nil || p.JobID != "mine" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTimeToLive(t *testing.T) {
	r := newRig(t, plainMarkup)
	for _, bad := range []int{0, -1, 604801} {
		_, err := r.print(till.PrintRequest{JobID: "bad", Markup: "x", TTL: &bad})
		wantCode(t, err, sale.CodeInvalid)
	}
	minute := 60
	p, err := r.print(till.PrintRequest{JobID: "short", Markup: "x", TTL: &minute})
	if err != nil || p.Expires.Sub(p.Created) != time.Minute {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = r.print(till.PrintRequest{JobID: "long", Markup: "x"}); err != nil || p.Expires.Sub(p.Created) != 24*time.Hour {
		t.Errorf("%+v, %v", p, err)
	}
}

// A job whose printer is away fails when its time is over, not when the printer
// is back; the printer that was about to begin it then gets nothing to print.
func TestTimeToLiveWhilePrinterIsAway(t *testing.T) {
	r := newRig(t, plainMarkup)
	second := 1
	if _, err := r.print(till.PrintRequest{JobID: "short", Markup: "x", TTL: &second}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.print(till.PrintRequest{JobID: "long", Markup: "y"}); err != nil {
		t.Fatal(err)
	}
	var j till.PrintAnswer
	r.until("the job expires", func() bool {
		var err error
		if j, err = r.till.Job("short"); err != nil {
			t.Fatal(err)
		}
		return j.Outcome == printer.Failed
	})
	if j.Reason != printer.Expired || len(r.events("receipt.outcome")) != 1 {
		t.Errorf("reason %q, %d outcomes reported", j.Reason, len(r.events("receipt.outcome")))
	}
	if err := r.till.Begin(context.Background(), "printer-1", "short"); !errors.Is(err, printer.ErrMoved) {
		t.Errorf("an expired job begins: %v", err)
	}
	if err := r.till.End(context.Background(), "short", printer.Failed, printer.NoEvidence, printer.Expired); err != nil {
		t.Errorf("a printer that sees it too: %v", err)
	}
	if err := r.till.End(context.Background(), "short", printer.Confirmed, printer.InOrder, ""); err == nil {
		t.Error("an expired job ends as confirmed")
	}
	if j := r.printJob(printer.Confirmed, printer.InOrder); j.ID != "long" {
		t.Errorf("%s is printed", j.ID)
	}
}

// A copy of bytes made elsewhere is marked as well, also a copy of the copy.
func TestCopyOfBytes(t *testing.T) {
	r := newRig(t, plainMarkup)
	if _, err := r.print(till.PrintRequest{JobID: "raw", Escpos: []byte("\x1b@ticket\n")}); err != nil {
		t.Fatal(err)
	}
	r.printJob(printer.Confirmed, printer.InOrder)
	for _, id := range []string{"raw", "raw/copy-1"} {
		if p, err := r.print(till.ReprintJob{JobID: id}); err != nil || p.CopyOf != "raw" {
			t.Fatalf("%+v, %v", p, err)
		}
		if j := r.printJob(printer.Confirmed, printer.InOrder); string(j.Raw) != "\x1b@ticket\n" || strings.Count(docText(j.Doc), till.CopyMark) != 1 || j.Drawer {
			t.Errorf("copy of %s: %q, %q", id, docText(j.Doc), j.Raw)
		}
	}
}

// A second printer takes what has waited too long for the first, in order, and
// nothing of which a byte may be on paper.
func TestStandIn(t *testing.T) {
	began := time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC)
	var later atomic.Int64 // the engine looks at the clock too
	r := newRig(t, plainMarkup, func(o *till.Options) {
		o.Printers = []string{"printer-1", "printer-2"}
		o.Backup = map[string]till.StandIn{"printer-1": {Printer: "printer-2", After: time.Minute}}
		o.Now = func() time.Time { return began.Add(time.Duration(later.Load())) }
	})
	for _, id := range []string{"a", "b", "c"} {
		if _, err := r.print(till.PrintRequest{JobID: id, Markup: id}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.print(till.PrintRequest{JobID: "raw", Escpos: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	// A job that is due is handed out whatever the context says.
	over, cancel := context.WithCancel(t.Context())
	cancel()
	next := func(name string) string {
		t.Helper()
		j, err := r.till.Next(over, name)
		if err != nil {
			return ""
		}
		return j.ID
	}
	begin := func(name, id string) error { return r.till.Begin(context.Background(), name, id) }
	if got := next("printer-2"); got != "" {
		t.Fatalf("takes %s at once", got)
	}
	if err := begin("printer-2", "a"); !errors.Is(err, printer.ErrMoved) {
		t.Errorf("begins another's job at once: %v", err)
	}
	if err := begin("printer-1", "a"); err != nil {
		t.Fatal(err)
	}
	later.Add(int64(time.Minute))
	if got := next("printer-2"); got != "b" {
		t.Fatalf("takes %q, want b: a may be on paper", got)
	}
	if err := begin("printer-2", "b"); err != nil {
		t.Fatal(err)
	}
	if err := begin("printer-1", "b"); !errors.Is(err, printer.ErrMoved) {
		t.Errorf("begun twice: %v", err)
	}
	r.restart()
	if j, err := r.till.Job("b"); err != nil || j.Printer != "printer-2" || j.MovedOff != "printer-1" || j.Outcome != printer.Uncertain {
		t.Errorf("%+v, %v", j, err)
	}
	if j, err := r.till.Job("a"); err != nil || j.Printer != "printer-1" || j.Outcome != printer.Uncertain {
		t.Errorf("%+v, %v", j, err)
	}
	if got := next("printer-2"); got != "c" {
		t.Errorf("then %q, want c", got)
	}
	if err := begin("printer-2", "c"); err != nil {
		t.Fatal(err)
	}
	if got := next("printer-2"); got != "" {
		t.Errorf("takes %s: bytes for one printer are no other's", got)
	}
	if got := next("printer-1"); got != "raw" {
		t.Errorf("printer-1 goes on with %q", got)
	}
}
