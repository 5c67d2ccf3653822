package escpos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tilld/device"
	"tilld/internal/fault"
)

const (
	// slice is how long one write may hang before the replies are looked at.
	slice = time.Second
	// stallLimit is how long a printer may take no byte without saying why.
	stallLimit = 10 * time.Second
)

// wire is the byte channel of one printer with what has come back on it.
type wire struct {
	port device.Port
	name string
	in   decoder
	// heard is called with every reply.
	heard func(reply)
}

func (w *wire) fail(kind fault.Kind, op string, cause error) error {
	switch kind {
	case fault.Absent:
		return device.PlugIn.Fault(kind, w.name, op, cause)
	case fault.Timeout:
		return device.TakesNothing.Fault(kind, w.name, op, cause)
	}
	return fault.New(kind, w.name, op, cause)
}

// listen takes what arrives until then; nil also when nothing does.
func (w *wire) listen(ctx context.Context, op string, until time.Time) error {
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	buf := make([]byte, 256)
	if err := w.port.SetDeadline(until); err != nil {
		return w.fail(fault.Absent, op, err)
	}
	stop := w.interrupt(ctx)
	n, err := w.port.Read(buf)
	stop()
	for _, r := range w.in.feed(buf[:n]) {
		w.heard(r)
	}
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return w.fail(fault.Absent, op, fmt.Errorf("the connection has ended: %w", err))
}

// interrupt ends a blocked Read or Write when ctx ends. The returned func must be
// called when the call is over.
func (w *wire) interrupt(ctx context.Context) func() {
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		w.port.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	return func() {
		if !stop() {
			<-cut // the late deadline must not hit the next call
		}
	}
}

// write hands data over in chunks. A printer that takes nothing for stallLimit
// has failed with kind Timeout, unless waits says that it waits for a person:
// then only ctx ends the wait. sent counts the bytes that the port took.
func (w *wire) write(ctx context.Context, op string, data []byte, cfg Config, waits func() bool) (sent int, err error) {
	stalled := time.Duration(0)
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return sent, w.fail(fault.Timeout, op, err)
		}
		n, err := w.some(ctx, data[:min(len(data), cfg.Chunk)])
		sent, data = sent+n, data[n:]
		switch {
		case err == nil:
			stalled = 0
			if cfg.pause > 0 && len(data) > 0 {
				if err := w.pause(ctx, op, cfg); err != nil {
					return sent, err
				}
			}
			continue
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return sent, w.fail(fault.Absent, op, fmt.Errorf("after %d bytes: %w", sent, err))
		case ctx.Err() != nil:
			return sent, w.fail(fault.Timeout, op, fmt.Errorf("after %d bytes: %w", sent, ctx.Err()))
		}
		stalled += slice
		if n > 0 {
			stalled = 0
		}
		if cfg.Status != "none" {
			if err := w.listen(ctx, op, time.Now().Add(20*time.Millisecond)); err != nil {
				return sent, err
			}
		}
		if stalled >= stallLimit && !waits() {
			return sent, w.fail(fault.Timeout, op, fmt.Errorf("the printer takes no more bytes after %d", sent))
		}
	}
	return sent, nil
}

// some writes what the port takes within slice.
func (w *wire) some(ctx context.Context, chunk []byte) (int, error) {
	if err := w.port.SetDeadline(time.Now().Add(slice)); err != nil {
		return 0, err
	}
	stop := w.interrupt(ctx)
	defer stop()
	return w.port.Write(chunk)
}

// pause lets a printer with a small buffer keep up; it listens meanwhile.
func (w *wire) pause(ctx context.Context, op string, cfg Config) error {
	until := time.Now().Add(cfg.pause)
	if cfg.Status == "none" {
		t := time.NewTimer(cfg.pause)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		return nil
	}
	for ctx.Err() == nil && time.Now().Before(until) {
		if err := w.listen(ctx, op, until); err != nil {
			return err
		}
	}
	return nil
}
