package till

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"tilld/device"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/printer"
)

// foreignID begins the ids of jobs that other programs send in a protocol that
// is not ours.
const foreignID = "dialect/"

// foreignLife is how long such a job may wait for its printer if it does not
// say: its program has given up long before.
const foreignLife = 5 * time.Minute

// titleTime is how long after a job with a title is done the same content under
// the same title is taken for a client that tries again.
const titleTime = 2 * time.Minute

// maxForeign is the longest job of bytes that other programs send.
const maxForeign = 4 << 20

// ForeignJob is a document that another program made for one printer, as Doc or
// as Raw bytes.
type ForeignJob struct {
	Dialect string // which protocol it came in: one lower-case word
	Printer string // a configured one
	ID      string // the program's own name for it, any text; "" for none
	// Title says that ID is a title rather than a name: other content under it is
	// another job, and so is the same content some time after the first is done.
	// Without it the one is refused and the other the job that was.
	Title bool
	Doc   printer.Doc
	Raw   []byte
	Life  time.Duration // how long it may wait for its printer; 0 is 5 min
}

// PrintForeign queues a job of another program and returns it as it stands;
// created is false when it was known before: under its id, or, without one, as
// equal content that is not resolved yet.
func (t *Till) PrintForeign(ctx context.Context, f ForeignJob) (j PrintAnswer, created bool, err error) {
	if !t.hasPrinter(f.Printer) {
		return j, false, problem(sale.CodeNoPrinter, "printer", "没有这台打印机", "there is no such printer")
	}
	if len(f.Raw) > maxForeign {
		return j, false, problem(sale.CodeInvalid, "data", "打印数据超过 4 MiB", "a job has at most 4 MiB")
	}
	if err := t.checkDoc(f.Doc); err != nil {
		return j, false, err
	}
	job := printer.Job{Printer: f.Printer, Origin: "dialect " + f.Dialect, Personal: true, Doc: f.Doc, Raw: f.Raw, Nameless: f.ID == ""}
	job.Digest = digest(job)
	if f.ID != "" {
		job.ID = foreignName(f, job.Digest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old, err := t.known(&job)
	switch {
	case old == nil:
	case old.Outcome == printer.Failed: // nothing is on paper: it is tried again under its name
		old = nil
	case f.Title && old.Outcome.Done() && old.Outcome != printer.Uncertain && t.now().Sub(old.Changed) > titleTime:
		job.ID, old = fmt.Sprintf("%s-%d", job.ID, t.rec.JobSeq+1), nil
	}
	switch {
	case err != nil:
		return j, false, err
	case old != nil && old.Digest != job.Digest:
		return j, false, problem(sale.CodeJobConflict, "job_id", "这个任务编号已用于其他内容", "this job id was used for another document")
	case old != nil:
		return answerOf(*old), false, nil
	case t.waiting(job.Printer) >= maxBacklog:
		return j, false, problem(sale.CodeRateLimited, "printer", "打印任务积压过多", "too many jobs wait for this printer")
	}
	x := t.begin()
	job.Expires = x.at.Add(cmp.Or(f.Life, foreignLife))
	queued := x.queueJob(job)
	if err := x.commit(ctx); err != nil {
		return j, false, err
	}
	return answerOf(*queued), true, nil
}

// foreignName makes the spool's id of a program's: other programs' ids are any
// text, and may say more than a log should.
func foreignName(f ForeignJob, digest string) string {
	h := sha256.New()
	for _, part := range []string{f.Dialect, f.Printer, f.ID} {
		h.Write([]byte(part + "\x00"))
	}
	if f.Title {
		h.Write([]byte(digest))
	}
	return foreignID + f.Dialect + "/" + hex.EncodeToString(h.Sum(nil)[:12])
}

// ForeignJobNamed is the job of a program's own id, as it stands.
func (t *Till) ForeignJobNamed(dialect, printerName, id string) (PrintAnswer, error) {
	return t.Job(foreignName(ForeignJob{Dialect: dialect, Printer: printerName, ID: id}, ""))
}

// AwaitJob waits until what became of a job is known, or ctx ends, and returns
// it as it stands. changed, which may be nil, makes it return early when it is
// closed.
func (t *Till) AwaitJob(ctx context.Context, id string, changed <-chan struct{}) (PrintAnswer, error) {
	for {
		t.mu.Lock()
		j, err := t.job(id)
		moved := t.spool.added
		t.mu.Unlock()
		switch {
		case err != nil:
			return PrintAnswer{}, err
		case j == nil:
			return PrintAnswer{}, problem(sale.CodeUnknownJob, "job_id", "没有这个打印任务", "there is no such print job")
		case j.Outcome.Done():
			return answerOf(*j), nil
		}
		select {
		case <-moved:
		case <-changed:
			return answerOf(*j), nil
		case <-ctx.Done():
			return answerOf(*j), nil
		}
	}
}

// WithdrawJob gives up a job of which nothing was sent yet, so that it is not
// printed after its program was told that it was not. It reports whether it was
// in time; a job that is being printed, or is done, stays as it is.
func (t *Till) WithdrawJob(ctx context.Context, id, reason string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.openJob(id)
	if j == nil || j.Outcome != printer.Queued {
		return false, nil
	}
	x := t.begin()
	x.jobChanged(*j, printer.Failed, printer.NoEvidence, reason)
	return true, x.commit(ctx)
}

// Waits reports whether nothing of a job was sent yet.
func (t *Till) Waits(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.openJob(id)
	return j != nil && j.Outcome == printer.Queued
}

// PrinterState is how a printer stands, from memory.
type PrinterState struct {
	Name    string
	Default bool // the receipt printer
	Driver  string
	Address string
	State   device.State   // whether it is there
	Wants   []printer.Want // what it waits for, or warns of
}

// Is reports whether the printer reports w.
func (s PrinterState) Is(w printer.Want) bool { return slices.Contains(s.Wants, w) }

// Stops returns what keeps a printer that is there from printing, "" when
// nothing is known to.
func (s PrinterState) Stops() printer.Want {
	for _, w := range s.Wants {
		if w != printer.NearEnd && w != printer.DrawerOpen && w != printer.WantCool {
			return w
		}
	}
	return ""
}

// PrinterStates tells how the configured printers stand, in the order of
// the configuration.
func (t *Till) PrinterStates() []PrinterState {
	wants := map[string][]printer.Want{}
	for _, c := range t.o.Health.List(lang.EN) {
		if w, ok := printer.WantOf(c.Code); ok {
			wants[c.Subject] = append(wants[c.Subject], w)
		}
	}
	rows := map[string]device.Status{}
	for _, d := range t.o.Board.List() {
		rows[d.Name] = d
	}
	list := []PrinterState{}
	for _, name := range t.o.Printers {
		d := rows[name]
		list = append(list, PrinterState{
			Name: name, Default: name == t.o.ReceiptPrinter, Driver: d.Driver, Address: d.Address, State: d.State, Wants: wants[name],
		})
	}
	return list
}

// hasPrinter reports whether a printer is configured.
func (t *Till) hasPrinter(name string) bool {
	return name != "" && (name == t.o.ReceiptPrinter || slices.Contains(t.o.Printers, name))
}
