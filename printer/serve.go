package printer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/health"
)

const (
	// jobTime bounds one job from its first byte to the last evidence, a roll
	// that is changed in the middle included.
	jobTime = 3 * time.Minute
	// stopGrace is how long a job that is being printed may go on once the agent
	// is told to stop; what is not known by then is unknown.
	stopGrace = 2 * time.Second
	// attentionPoll is the wait between two looks at a printer that wants paper.
	attentionPoll = time.Second
	// commitTime bounds the commit of an outcome, also while the agent stops.
	commitTime = 2 * time.Second
)

// Server prints the jobs of one printer in the order they were accepted.
type Server struct {
	Ledger Ledger
	Health *health.Board // may be nil
	Log    *slog.Logger
	Now    func() time.Time // nil is time.Now
}

// Serve is [Server.Serve] with only the required collaborators.
func Serve(ctx context.Context, p Printer, l Ledger, board *health.Board, log *slog.Logger) error {
	return Server{Ledger: l, Health: board, Log: log}.Serve(ctx, p)
}

// Serve takes jobs from the ledger and prints them until ctx ends (nil) or the
// printer fails (its fault: close it and open it again). A job begins only
// when the printer is ready; a job that cannot be printed here has failed, with
// the reason; a job of which some bytes went out and whose end is not known is
// unknown and is never printed again by itself.
func (s Server) Serve(ctx context.Context, p Printer) error {
	name := p.Info().Name
	defer s.attend(name, nil)
	if a, ok := p.(Attentive); ok {
		a.OnAttention(func(err error) { s.attend(name, err) })
		defer a.OnAttention(func(error) {})
	}
	for {
		job, err := s.Ledger.Next(ctx, name)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("%s: next job: %w", name, err)
		}
		wait, err := s.one(ctx, p, job)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if wait && !s.cleared(ctx, p, job) {
			return nil
		}
	}
}

// one prints job; wait means that it is queued again until a person has acted.
func (s Server) one(ctx context.Context, p Printer, job Job) (wait bool, err error) {
	if s.expired(job) {
		return false, s.fail(ctx, job, NoEvidence, "expired before it could be printed")
	}
	if c, ok := p.(device.Checker); ok {
		if err := c.Check(ctx); fault.KindOf(err) == fault.Attention {
			s.attend(p.Info().Name, err)
			return true, nil
		} else if err != nil {
			return false, err
		}
	}
	s.attend(p.Info().Name, nil)
	if err := s.Ledger.Begin(ctx, job.ID); err != nil {
		return false, fmt.Errorf("%s: begin job: %w", p.Info().Name, err)
	}
	result, err := s.print(ctx, p, job)
	return s.settle(ctx, p, job, result, err)
}

// print gives the printer until jobTime, or stopGrace once ctx has ended.
func (s Server) print(ctx context.Context, p Printer, job Job) (Result, error) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTime)
	defer cancel()
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
		return Result{}, fault.New(fault.Refused, p.Info().Name, "print", errors.New("this printer takes no raw bytes"))
	}
	return raw.PrintRaw(own, job.ID, job.Raw, job.Drawer)
}

// settle commits the outcome and decides whether the printer can go on.
func (s Server) settle(ctx context.Context, p Printer, job Job, r Result, cause error) (wait bool, err error) {
	kind := fault.KindOf(cause)
	switch {
	case cause == nil && (r.Evidence == ProcessID || r.Evidence == InOrder):
		return false, s.end(ctx, job, Confirmed, r.Evidence, "")
	case cause == nil:
		return false, s.end(ctx, job, Sent, r.Evidence, "")
	case r.Started && kind == fault.Attention:
		s.attend(p.Info().Name, cause)
		return true, s.end(ctx, job, Uncertain, r.Evidence, cause.Error())
	case r.Started:
		return false, errors.Join(cause, s.end(ctx, job, Uncertain, r.Evidence, cause.Error()))
	case kind == fault.Attention:
		s.attend(p.Info().Name, cause)
		return true, s.end(ctx, job, Queued, NoEvidence, cause.Error())
	case kind.Transient():
		return false, errors.Join(cause, s.end(ctx, job, Queued, NoEvidence, cause.Error()))
	default: // refused, or nonsense that no retry would cure
		return false, s.end(ctx, job, Failed, NoEvidence, cause.Error())
	}
}

func (s Server) fail(ctx context.Context, job Job, e Evidence, reason string) error {
	return s.end(ctx, job, Failed, e, reason)
}

func (s Server) end(ctx context.Context, job Job, o Outcome, e Evidence, reason string) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if err := s.Ledger.End(own, job.ID, o, e, reason); err != nil {
		return fmt.Errorf("%s: end job: %w", job.Printer, err)
	}
	level := slog.LevelInfo
	if o == Failed || o == Uncertain {
		level = slog.LevelWarn
	}
	s.Log.Log(ctx, level, "print job", "dev", job.Printer, "job", job.ID, "outcome", o, "evidence", e, "err", reason)
	return nil
}

// cleared waits until the printer is ready again or job has expired; false
// means that ctx has ended.
func (s Server) cleared(ctx context.Context, p Printer, job Job) bool {
	tick := time.NewTicker(attentionPoll)
	defer tick.Stop()
	c, _ := p.(device.Checker)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if c == nil || s.expired(job) {
			return true
		}
		if err := c.Check(ctx); fault.KindOf(err) != fault.Attention {
			return true
		}
	}
}

func (s Server) expired(job Job) bool {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	return !job.Expires.IsZero() && now().After(job.Expires)
}
