package printer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/health"
)

const (
	// jobTime is how long a job may stand still, also while a roll is changed in
	// the middle of it: no byte taken, nothing printed.
	jobTime = 3 * time.Minute
	// maxJobTime bounds one job from its first byte to the last evidence: a sale of
	// 200 lines as dots over 9,600 baud takes a quarter of it.
	maxJobTime = time.Hour
	// stopGrace is how long a job that is being printed may go on once the agent
	// is told to stop; what is not known by then is unknown.
	stopGrace = 2 * time.Second
	// attentionPoll is the wait between two looks at a printer that wants paper.
	attentionPoll = time.Second
	// idlePoll is the wait between two looks at a printer without work, so that
	// missing paper and pulled cables are seen before the next receipt.
	idlePoll = 3 * time.Second
	// silence is how long a printer that has answered before may be silent before
	// it is taken for one that never does: jobs wait meanwhile, for a printer that
	// hangs or serves another till would lose them.
	silence = time.Minute
	// commitTime bounds the commit of an outcome, also while the agent stops.
	commitTime = 2 * time.Second
)

// Station prints the jobs of one configured printer in the order they were
// accepted. It stays the same while the device behind it comes and goes, and
// lends that device to the rest of the agent.
type Station struct {
	Name   string // configured name of the printer
	Ledger Ledger
	Health *health.Board // may be nil
	Log    *slog.Logger

	lent lent
	late late

	heard time.Time // when the printer last answered; used by Serve alone
	owing *ended    // what became of a job and could not be booked; used by Serve alone

	sync sync.Mutex // held while the printer is brought back; guards what follows
	torn bool       // the last job ended in the middle: the printer may wait for bytes
	told bool       // what the ledger remembers of the time before this run is in torn
}

// Serve prints the jobs of l on p until ctx ends or p fails. It is
// [Station.Serve] for those who need nothing else of a station.
func Serve(ctx context.Context, p Printer, l Ledger, board *health.Board, log *slog.Logger) error {
	return (&Station{Name: p.Info().Name, Ledger: l, Health: board, Log: log}).Serve(ctx, p)
}

// Serve is for a device slot. It takes jobs from the ledger and prints them until
// ctx ends (nil) or the printer fails (its fault: close it and open it again).
//
// A job begins only when the printer is ready: Begin is committed before its
// first byte. A job that cannot be printed here has failed, with the reason; one
// of which nothing was printed waits; one of which some bytes went out and whose
// end is not known is unknown and is never printed again by itself.
func (st *Station) Serve(ctx context.Context, p Printer) error {
	st.lent.set(p)
	defer st.lent.set(nil)
	defer st.attend(nil)
	if t, ok := p.(Talker); ok && !st.heard.IsZero() && time.Since(st.heard) < silence {
		t.Expect()
	}
	if a, ok := p.(Attentive); ok {
		a.OnAttention(st.attend)
		defer a.OnAttention(func(error) {})
	}
	if l, ok := p.(Late); ok {
		l.OnEvidence(st.late.add)
		defer l.OnEvidence(func(string, Evidence) {})
	}
	if err := st.book(ctx); err != nil {
		return err
	}
	if err := st.resync(ctx, p); fault.KindOf(err) == fault.Attention {
		st.attend(err)
	} else if err != nil {
		return err
	}
	for {
		job, err := st.next(ctx, p)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		wait, err := st.one(ctx, p, job)
		if err != nil {
			return err
		}
		if ctx.Err() != nil || wait && !st.cleared(ctx, p, job) {
			return nil
		}
	}
}

// next waits for a job and looks at the printer now and then while there is
// none. The connection of a printer that may be shared is given up after a while.
func (st *Station) next(ctx context.Context, p Printer) (Job, error) {
	away := newAway(p)
	for {
		own, cancel := context.WithTimeout(ctx, idlePoll)
		job, err := st.Ledger.Next(own, st.Name)
		over := own.Err() != nil
		cancel()
		switch {
		case err == nil:
			return job, nil
		case ctx.Err() != nil:
			return Job{}, ctx.Err()
		case !over:
			return Job{}, fmt.Errorf("%s: next job: %w", st.Name, err)
		}
		if !away.due() {
			continue
		}
		if err := st.look(ctx, p); err != nil && fault.KindOf(err) != fault.Attention {
			return Job{}, err
		}
		if err := away.release(ctx); err != nil {
			return Job{}, err
		}
	}
}

// look asks the printer how it is, if it can say.
func (st *Station) look(ctx context.Context, p Printer) error {
	c, ok := p.(device.Checker)
	if !ok {
		return nil
	}
	err := c.Check(ctx)
	if t, ok := p.(Talker); ok && t.Talks() && err == nil {
		st.heard = time.Now()
	}
	if _, tells := p.(Attentive); !tells && (err == nil || fault.KindOf(err) == fault.Attention) {
		st.attend(err)
	}
	if failed := st.reconcile(ctx); failed != nil {
		return failed
	}
	return err
}

// one prints job; wait means that it is queued again until a person has acted.
func (st *Station) one(ctx context.Context, p Printer, job Job) (wait bool, err error) {
	if expired(job) {
		return false, st.end(ctx, job, Failed, NoEvidence, Expired)
	}
	if err := st.resync(ctx, p); fault.KindOf(err) == fault.Attention {
		st.attend(err)
		return true, nil
	} else if err != nil {
		return false, err
	}
	if err := st.look(ctx, p); fault.KindOf(err) == fault.Attention {
		return true, nil
	} else if err != nil {
		return false, err
	}
	switch err := st.Ledger.Begin(ctx, st.Name, job.ID); {
	case errors.Is(err, ErrMoved):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: begin job: %w", st.Name, err)
	}
	result, err := st.print(ctx, p, job)
	wait, err = st.settle(ctx, job, result, err)
	return wait, errors.Join(err, st.reconcile(ctx))
}

// resync is done once after a job that ended in the middle, also when that was
// before the agent was started: the next receipt would be taken for the rest of
// a picture.
func (st *Station) resync(ctx context.Context, p Printer) error {
	st.sync.Lock()
	defer st.sync.Unlock()
	if l, ok := st.Ledger.(Rememberer); ok && !st.told {
		torn, err := l.Torn(st.Name)
		if err != nil {
			return fmt.Errorf("%s: last job: %w", st.Name, err)
		}
		st.torn, st.told = st.torn || torn, true
	}
	r, ok := p.(Resyncer)
	if !ok || !st.torn {
		return nil
	}
	if err := r.Resync(ctx); err != nil {
		return err
	}
	st.torn = false
	return nil
}

// print gives the printer until the job has stood still for jobTime, or stopGrace
// once ctx has ended.
func (st *Station) print(ctx context.Context, p Printer, job Job) (Result, error) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxJobTime)
	defer cancel()
	own, done := stands(own, jobTime)
	defer done()
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(stopGrace)
		defer grace.Stop()
		select {
		case <-grace.C:
			cancel()
		case <-own.Done():
		}
	})
	defer stop()
	if job.Raw == nil {
		return p.Print(own, job.ID, job.Doc)
	}
	raw, ok := p.(Raw)
	if !ok {
		return Result{}, fault.New(fault.Refused, st.Name, "print", errors.New("this printer takes no raw bytes"))
	}
	return raw.PrintRaw(own, job.ID, job.Doc, job.Raw, job.Drawer)
}

// settle commits the outcome and decides whether the printer can go on.
func (st *Station) settle(ctx context.Context, job Job, r Result, cause error) (wait bool, err error) {
	kind := fault.KindOf(cause)
	attention := kind == fault.Attention
	switch {
	case cause == nil && (r.Evidence == ProcessID || r.Evidence == InOrder):
		return false, st.end(ctx, job, Confirmed, r.Evidence, "")
	case cause == nil:
		return false, st.end(ctx, job, Sent, r.Evidence, "")
	case r.Started:
		st.sync.Lock()
		st.torn = true
		st.sync.Unlock()
		err = st.end(ctx, job, Uncertain, r.Evidence, cause.Error())
		if attention {
			st.attend(cause)
			return true, err
		}
		return false, errors.Join(cause, err)
	case attention:
		st.attend(cause)
		return true, st.end(ctx, job, Queued, NoEvidence, cause.Error())
	case kind.Transient():
		return false, errors.Join(cause, st.end(ctx, job, Queued, NoEvidence, cause.Error()))
	default: // refused, or nonsense that no retry would cure
		return false, st.end(ctx, job, Failed, NoEvidence, cause.Error())
	}
}

// ended is what became of a job.
type ended struct {
	job      Job
	outcome  Outcome
	evidence Evidence
	reason   string
}

// book makes up for an End that the disk did not take: until then the ledger has
// the job as begun, and nobody would touch it before the agent's next start.
func (st *Station) book(ctx context.Context) error {
	o := st.owing
	if o == nil {
		return nil
	}
	err := st.end(ctx, o.job, o.outcome, o.evidence, o.reason)
	if errors.Is(err, ErrMoved) { // it was booked after all
		st.owing, err = nil, nil
	}
	return err
}

func (st *Station) end(ctx context.Context, job Job, o Outcome, e Evidence, reason string) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if err := st.Ledger.End(own, job.ID, o, e, reason); err != nil {
		st.owing = &ended{job, o, e, reason}
		return fmt.Errorf("%s: end job: %w", st.Name, err)
	}
	st.owing = nil
	level := slog.LevelInfo
	if o == Failed || o == Uncertain {
		level = slog.LevelWarn
	}
	st.Log.Log(ctx, level, "print job", "dev", st.Name, "job", job.ID, "outcome", o, "evidence", e, "err", reason)
	return nil
}

// cleared waits until the printer is ready again or job has expired; false
// means that ctx has ended.
func (st *Station) cleared(ctx context.Context, p Printer, job Job) bool {
	tick := time.NewTicker(attentionPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if expired(job) {
			return true
		}
		if err := st.look(ctx, p); fault.KindOf(err) != fault.Attention {
			return true
		}
	}
}

// Expired is why a job failed that waited longer than it may.
const Expired = "expired before it could be printed"

func expired(job Job) bool { return !job.Expires.IsZero() && time.Now().After(job.Expires) }
