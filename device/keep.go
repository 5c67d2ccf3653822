package device

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"tilld/internal/fault"
)

func isPermission(err error) bool { return errors.Is(err, fs.ErrPermission) }

// Backoff of [Keep] between attempts to open a device: doubles from First to
// Last. An arrival cuts the wait short, so that a replugged device is back in
// service within 2 s.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Slot is one configured device of kind D and what keeps it in service.
type Slot[D Device] struct {
	Spec     Spec
	Registry *Registry[D]
	Dialer   Dialer
	Board    *Board
	Log      *slog.Logger
	// Serve uses the device until ctx ends or it fails; it is called again with
	// a fresh device after each failure. It does not close dev.
	Serve func(ctx context.Context, dev D) error
	// Arrived, if not nil, is received from when hardware was plugged in.
	Arrived <-chan struct{}
}

// Keep opens the device, serves it, closes it and opens it again after any
// failure, until ctx ends. It reports every change on the board. It returns
// only when ctx has ended, so a broken device never ends the agent.
func (s Slot[D]) Keep(ctx context.Context) error {
	log := s.Log.With("dev", s.Spec.Name)
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := s.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		if s.changed(err) {
			log.Warn("device out of service", "kind", fault.KindOf(err), "hint", fault.HintOf(err), "err", err)
		}
		s.Board.Report(s.Spec.Name, err)
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-pause.C:
			wait = min(2*wait, lastRetry)
		case <-s.Arrived:
			wait = firstRetry
		}
		pause.Stop()
	}
	return nil
}

func (s Slot[D]) changed(err error) bool {
	for _, row := range s.Board.List() {
		if row.Name == s.Spec.Name {
			return row.State != StateOf(err)
		}
	}
	return true
}

func (s Slot[D]) once(ctx context.Context) error {
	opening, cancel := context.WithTimeout(ctx, 5*time.Second)
	dev, err := s.Registry.Open(opening, s.Dialer, s.Spec)
	cancel()
	if err != nil {
		return err
	}
	s.Board.Report(s.Spec.Name, nil)
	s.Log.Info("device in service", "dev", s.Spec.Name, "driver", s.Spec.Driver)
	err = s.Serve(ctx, dev)
	if cerr := dev.Close(); err == nil {
		err = cerr
	}
	if err == nil && ctx.Err() == nil {
		err = fault.New(fault.Protocol, s.Spec.Name, "serve", errors.New("driver ended without an error"))
	}
	return err
}
