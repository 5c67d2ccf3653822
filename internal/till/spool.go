package till

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tilld/internal/feed"
	"tilld/internal/sale"
	"tilld/printer"
	"tilld/queue"
)

// The spool is in bucket Prints: BE64 sequence is a job, "id/<job id>" the
// sequence it has, "same/<digest>" that of the last equal job without an id of
// its own. What is not done is also in memory. *Till is the
// [printer.Ledger] of all printers.

var (
	_ printer.Ledger     = (*Till)(nil)
	_ printer.Rememberer = (*Till)(nil)
	_ printer.Reconciler = (*Till)(nil)
)

type spool struct {
	open  []*printer.Job // queued or sending, in order of acceptance
	added chan struct{}  // closed when a job is queued
}

func (t *Till) loadSpool(tx *queue.Tx) error {
	t.spool.open = nil
	if t.spool.added == nil {
		t.spool.added = make(chan struct{})
	}
	// Open jobs are the newest; the ids of open jobs are kept beside the spool.
	var open []uint64
	if err := getJSON(tx, queue.State, openJobsKey, &open); err != nil {
		return err
	}
	for _, seq := range open {
		j, err := t.readJob(tx, queue.Key64(seq))
		if err != nil {
			return err
		}
		if j.ID != "" && !j.Outcome.Done() {
			t.spool.open = append(t.spool.open, &j)
		}
	}
	return nil
}

var openJobsKey = []byte("open-jobs")

// interrupted books the jobs that were being sent when the agent stopped: part
// of them may be on paper. Jobs of a printer that is no longer configured, or
// whose content was erased, have failed.
func (t *Till) interrupted(x *txn) {
	for _, j := range t.spool.open {
		switch {
		case j.Outcome == printer.Sending:
			x.jobChanged(*j, printer.Uncertain, j.Evidence, "the agent stopped while it was printing")
		case j.Printer != t.o.ReceiptPrinter && !slices.Contains(t.o.Printers, j.Printer):
			x.jobChanged(*j, printer.Failed, printer.NoEvidence, "this printer is no longer configured")
		case j.Personal && len(j.Doc) == 0 && len(j.Raw) == 0:
			x.jobChanged(*j, printer.Failed, printer.NoEvidence, "it waited so long that its content was erased")
		}
	}
}

// mayTake reports whether a printer stands in for another that has let a queued
// job wait too long. Bytes made elsewhere stay: they were made for one printer.
// mu is held.
func (t *Till) mayTake(j *printer.Job, name string) bool {
	stand, ok := t.o.Backup[j.Printer]
	return ok && stand.Printer == name && j.Raw == nil && t.now().Sub(j.Created) >= stand.After
}

// Confirm books evidence that comes after the end of a job, see
// [printer.Reconciler].
func (t *Till) Confirm(ctx context.Context, name, mark string, e printer.Evidence) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, left := "", tornDepth
	err := t.o.Store.View(func(tx *queue.Tx) error {
		return tx.RangeBack(queue.Prints, nil, []byte("id/"), func(_, v []byte) (bool, error) {
			var j printer.Job
			if err := json.Unmarshal(v, &j); err != nil {
				return false, err
			}
			left--
			if j.Printer == name && printer.Mark(j.ID) == mark {
				id = j.ID
				return false, nil
			}
			return left > 0, nil
		})
	})
	if err != nil || id == "" {
		return err
	}
	j, err := t.job(id)
	if err != nil || j == nil || j.Outcome != printer.Sent && j.Outcome != printer.Uncertain {
		return err
	}
	x := t.begin()
	x.jobChanged(*j, printer.Confirmed, e, "")
	return x.commit(ctx)
}

// Torn reports whether the last job that was begun on a printer ended in the
// middle, see [printer.Rememberer].
func (t *Till) Torn(name string) (torn bool, err error) {
	left := tornDepth
	err = t.o.Store.View(func(tx *queue.Tx) error {
		return tx.RangeBack(queue.Prints, nil, []byte("id/"), func(_, v []byte) (bool, error) {
			var j printer.Job
			if err := json.Unmarshal(v, &j); err != nil {
				return false, err
			}
			// Of a job that waits or has failed no byte was sent.
			if left--; j.Printer != name || j.Outcome == printer.Queued || j.Outcome == printer.Failed {
				return left > 0, nil
			}
			torn = j.Outcome == printer.Sending || j.Outcome == printer.Uncertain
			return false, nil
		})
	})
	return torn, err
}

// tornDepth is how many jobs back a printer's last one is looked for; the other
// jobs are of other printers, or wait.
const tornDepth = 1000

// queueJob adds a job to this commit.
func (x *txn) queueJob(j printer.Job) *printer.Job {
	x.rec.JobSeq++
	j.Sequence, j.Created, j.Changed, j.Outcome = x.rec.JobSeq, x.at, x.at, printer.Queued
	if j.Digest == "" {
		j.Digest = digest(j)
	}
	x.jobs = append(x.jobs, &j)
	return &j
}

// digest identifies what is to be printed where.
func digest(j printer.Job) string {
	h := sha256.New()
	h.Write(mustJSON(struct {
		Printer string
		Doc     printer.Doc
		Raw     []byte
	}{j.Printer, j.Doc, j.Raw}))
	return hex.EncodeToString(h.Sum(nil))
}

// storeJob writes a job, what it is found by, and which jobs are open.
func (x *txn) storeJob(j *printer.Job) {
	body, key := mustJSON(x.t.jobRecord(*j)), queue.Key64(j.Sequence)
	open := []uint64{}
	for _, o := range x.t.spool.open {
		if o.Sequence != j.Sequence {
			open = append(open, o.Sequence)
		}
	}
	for _, o := range x.jobs {
		if !o.Outcome.Done() && !slices.Contains(open, o.Sequence) {
			open = append(open, o.Sequence)
		}
	}
	slices.Sort(open)
	list := mustJSON(open)
	x.writes = append(x.writes, func(tx *queue.Tx) error {
		if err := tx.Put(queue.Prints, key, body); err != nil {
			return err
		}
		if err := tx.Put(queue.State, openJobsKey, list); err != nil {
			return err
		}
		if j.Nameless {
			if err := tx.Put(queue.Prints, []byte("same/"+j.Digest), key); err != nil {
				return err
			}
		}
		return tx.Put(queue.Prints, []byte("id/"+j.ID), key)
	})
}

// spoolChanged brings the jobs in memory up to a commit. mu is held.
func (t *Till) spoolChanged(j *printer.Job) {
	t.spool.open = slices.DeleteFunc(t.spool.open, func(o *printer.Job) bool { return o.Sequence == j.Sequence })
	if !j.Outcome.Done() {
		t.spool.open = append(t.spool.open, j)
		slices.SortFunc(t.spool.open, func(a, b *printer.Job) int { return int(int64(a.Sequence) - int64(b.Sequence)) })
	}
	t.o.Feed.Publish(feed.Print, answerOf(*j))
	close(t.spool.added)
	t.spool.added = make(chan struct{})
}

func answerOf(j printer.Job) PrintAnswer {
	o := j.Outcome
	if o == printer.Sending {
		o = printer.Queued // the contract's ladder has no rung for it
	}
	return PrintAnswer{
		JobID: j.ID, Printer: j.Printer, Outcome: o, Evidence: j.Evidence, Reason: j.Reason,
		CopyOf: j.CopyOf, SaleID: j.SaleID, MovedOff: j.MovedOff, Created: j.Created, Changed: j.Changed, Expires: j.Expires,
	}
}

// Next returns the oldest queued job of a printer, see [printer.Ledger].
func (t *Till) Next(ctx context.Context, name string) (printer.Job, error) {
	for {
		t.mu.Lock()
		for _, j := range t.spool.open {
			if j.Outcome == printer.Queued && (j.Printer == name || t.mayTake(j, name)) {
				job := *j
				t.mu.Unlock()
				return job, nil
			}
		}
		added := t.spool.added
		t.mu.Unlock()
		select {
		case <-added:
		case <-ctx.Done():
			return printer.Job{}, ctx.Err()
		}
	}
}

// Begin commits that a job is about to be sent, see [printer.Ledger]. A job that
// another printer takes over changes hands here, in the commit that begins it.
func (t *Till) Begin(ctx context.Context, name, jobID string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.openJob(jobID)
	if j == nil || j.Outcome != printer.Queued {
		return fmt.Errorf("till: job %q is not queued: %w", jobID, printer.ErrMoved)
	}
	x := t.begin()
	next := *j
	if j.Printer != name {
		if !t.mayTake(j, name) {
			return fmt.Errorf("till: job %q waits for %s: %w", jobID, j.Printer, printer.ErrMoved)
		}
		next.Printer, next.MovedOff = name, j.Printer
		t.log.Warn("another printer takes over", "job", jobID, "dev", name, "from", j.Printer)
	}
	next.Outcome, next.Changed, next.Reason = printer.Sending, x.at, ""
	x.jobs = append(x.jobs, &next)
	return x.commit(ctx)
}

// End commits what became of a job, see [printer.Ledger].
func (t *Till) End(ctx context.Context, jobID string, o printer.Outcome, e printer.Evidence, reason string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.openJob(jobID)
	if j == nil {
		if old, err := t.job(jobID); err != nil || old != nil && o == printer.Failed && old.Outcome == o {
			return err // it has expired before its printer said so
		}
		return fmt.Errorf("till: job %q is not open: %w", jobID, printer.ErrMoved)
	}
	if o == printer.Queued && j.Outcome == printer.Queued && j.Reason == reason {
		return nil
	}
	x := t.begin()
	x.jobChanged(*j, o, e, reason)
	return x.commit(ctx)
}

// expireJobs books the jobs that have waited for too long, for a printer that is
// away too. mu is held.
func (t *Till) expireJobs(ctx context.Context, now time.Time) {
	x := t.begin()
	for _, j := range t.spool.open {
		if j.Outcome == printer.Queued && !j.Expires.IsZero() && !now.Before(j.Expires) {
			x.jobChanged(*j, printer.Failed, printer.NoEvidence, printer.Expired)
		}
	}
	if len(x.jobs) == 0 {
		return
	}
	if err := x.commit(ctx); err != nil {
		t.log.Error("expired print jobs not booked", "err", err)
	}
}

func (t *Till) openJob(id string) *printer.Job {
	for _, j := range t.spool.open {
		if j.ID == id {
			return j
		}
	}
	return nil
}

// jobChanged books an outcome, with the event and the sale's receipt once it
// is final.
func (x *txn) jobChanged(j printer.Job, o printer.Outcome, e printer.Evidence, reason string) {
	j.Outcome, j.Evidence, j.Reason, j.Changed = o, e, cut(reason, 300), x.at
	x.jobs = append(x.jobs, &j)
	if !o.Done() {
		return
	}
	var offers []string
	if s, err := x.t.stored(j.SaleID); err == nil && j.ID == s.ID+"/receipt" && o != printer.Failed {
		offers = offerIDs(onPaper(printedOffers(s), j.Doc))
	}
	x.report("tilld.receipt.outcome.v1", firstText(j.SaleID, j.ID), outcomeData{
		Offers: offers, JobID: j.ID, Sale: j.SaleID, Printer: j.Printer, Outcome: o, Evidence: e, Reason: j.Reason,
		CopyOf: j.CopyOf, Origin: j.Origin, MovedOff: j.MovedOff, At: x.at,
	})
	if j.SaleID == "" || j.ID != j.SaleID+"/receipt" {
		return
	}
	if err := x.take(j.SaleID); err != nil {
		x.t.log.Error("receipt of an unknown sale", "sale", j.SaleID, "err", err)
		return
	}
	if err := x.step(sale.ReceiptPrinted{At: x.at, Sale: j.SaleID, JobID: j.ID, Outcome: string(o)}); err != nil {
		x.t.log.Error("receipt outcome", "sale", j.SaleID, "err", err)
	}
}

// outcomeData is the data of tilld.receipt.outcome.v1.
type outcomeData struct {
	JobID    string           `json:"job_id"`
	Sale     string           `json:"sale,omitempty"`
	Printer  string           `json:"printer"`
	Outcome  printer.Outcome  `json:"outcome"` // sent confirmed failed unknown
	Evidence printer.Evidence `json:"evidence"`
	Reason   string           `json:"reason,omitempty"`
	CopyOf   string           `json:"copy_of,omitempty"`
	Origin   string           `json:"origin,omitempty"`
	MovedOff string           `json:"moved_off,omitempty"` // printer it waited for in vain
	Offers   []string         `json:"offers,omitempty"`    // ids of those on the paper
	At       time.Time        `json:"at"`
}

// job reads a job from the disk; nil when there is none of that id. mu is held.
func (t *Till) job(id string) (*printer.Job, error) { return t.jobAt("id/" + id) }

// jobAt reads the job that an entry of the spool leads to. mu is held.
func (t *Till) jobAt(entry string) (*printer.Job, error) {
	var j printer.Job
	err := t.o.Store.View(func(tx *queue.Tx) error {
		key, err := tx.Get(queue.Prints, []byte(entry))
		if err != nil || len(key) != 8 {
			return err
		}
		j, err = t.readJob(tx, key)
		return err
	})
	if err != nil || j.ID == "" {
		return nil, err
	}
	return &j, nil
}

// Job is one print job without its content.
func (t *Till) Job(id string) (PrintAnswer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j, err := t.job(id)
	if err != nil {
		return PrintAnswer{}, err
	}
	if j == nil {
		return PrintAnswer{}, problem(sale.CodeUnknownJob, "job_id", "没有这个打印任务", "there is no such print job")
	}
	return answerOf(*j), nil
}
