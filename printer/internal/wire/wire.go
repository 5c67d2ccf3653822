// Package wire hands jobs over to printers: in chunks, with deadlines, listening
// to what comes back, and knowing how much really left.
package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
)

const (
	// slice is how long one write may hang before the replies are looked at.
	slice = time.Second
	// StallLimit is how long a printer may take no byte without saying why.
	StallLimit = 10 * time.Second
)

// Wire is the byte channel of one printer. It is used by one goroutine at a time.
type Wire struct {
	Port  device.Port
	Name  string        // of the device, for faults
	Chunk int           // bytes written at once
	Pause time.Duration // wait after each chunk, for printers with small buffers
	// Heard is called with what the printer says; nil for ports that say nothing
	// and must not be read.
	Heard func(data []byte)
	// Waits says that the printer waits for a person: it may take bytes again
	// after any time.
	Waits func() bool
}

// Fail makes a fault of the printer with what to do about it.
func (w *Wire) Fail(kind fault.Kind, op string, cause error) error {
	switch kind {
	case fault.Absent:
		return device.PlugIn.Fault(kind, w.Name, op, cause)
	case fault.Timeout:
		return device.TakesNothing.Fault(kind, w.Name, op, cause)
	}
	return fault.New(kind, w.Name, op, cause)
}

// Listen takes what arrives until then and returns once something has; nil also
// when nothing does. The end of the connection is fault.Absent.
func (w *Wire) Listen(ctx context.Context, op string, until time.Time) error {
	if w.Heard == nil {
		return sleep(ctx, until)
	}
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	buf := make([]byte, 256)
	if err := w.Port.SetDeadline(until); err != nil {
		return w.Fail(fault.Absent, op, err)
	}
	stop := w.interrupt(ctx)
	n, err := w.Port.Read(buf)
	stop()
	if n > 0 {
		w.Heard(buf[:n])
	}
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return w.Fail(fault.Absent, op, fmt.Errorf("the connection has ended: %w", err))
}

func sleep(ctx context.Context, until time.Time) error {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return nil
}

// interrupt ends a blocked Read or Write when ctx ends. The returned func must be
// called when the call is over.
func (w *Wire) interrupt(ctx context.Context) func() {
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		w.Port.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	return func() {
		if !stop() {
			<-cut // the late deadline must not hit the next call
		}
	}
}

// finishTime is how long the other end may take to close.
const finishTime = 300 * time.Millisecond

// Finish lets what the port has taken reach the printer: a socket is shut down
// for writing and read to its end, for one that is closed with unread status
// bytes in it may lose its last data. Other ports are left alone.
func (w *Wire) Finish() {
	half, ok := device.As[interface{ CloseWrite() error }](w.Port)
	if !ok || half.CloseWrite() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishTime)
	defer cancel()
	for ctx.Err() == nil && w.Listen(ctx, "close", time.Now().Add(finishTime)) == nil {
	}
}

// Release gives the connection up, if the port can do that, until the next
// Write.
func (w *Wire) Release() error {
	r, ok := device.As[device.Releaser](w.Port)
	if !ok {
		return nil
	}
	w.Finish()
	return r.Release()
}

// Write hands data over. A printer that takes nothing for StallLimit has failed
// with kind Timeout, unless it waits for a person: then only ctx ends the wait.
// sent counts the bytes that the port took, also after an error.
func (w *Wire) Write(ctx context.Context, op string, data []byte) (sent int, err error) {
	stalled := time.Duration(0)
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return sent, w.Fail(fault.Timeout, op, context.Cause(ctx))
		}
		n, err := w.some(ctx, data[:min(len(data), w.Chunk)])
		sent, data = sent+n, data[n:]
		if n > 0 {
			printer.Progress(ctx)
		}
		switch {
		case err == nil:
			stalled = 0
			if err := w.pause(ctx, op, len(data)); err != nil {
				return sent, err
			}
			continue
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return sent, w.Fail(fault.Absent, op, fmt.Errorf("after %d bytes: %w", sent, err))
		case ctx.Err() != nil:
			return sent, w.Fail(fault.Timeout, op, fmt.Errorf("after %d bytes: %w", sent, context.Cause(ctx)))
		}
		stalled += slice
		if n > 0 {
			stalled = 0
		}
		if w.Heard != nil {
			if err := w.Listen(ctx, op, time.Now().Add(20*time.Millisecond)); err != nil {
				return sent, err
			}
		}
		if stalled >= StallLimit && !w.Waits() {
			return sent, w.Fail(fault.Timeout, op, fmt.Errorf("the printer takes no more bytes after %d", sent))
		}
	}
	return sent, nil
}

// some writes what the port takes within slice.
func (w *Wire) some(ctx context.Context, chunk []byte) (int, error) {
	if err := w.Port.SetDeadline(time.Now().Add(slice)); err != nil {
		return 0, err
	}
	stop := w.interrupt(ctx)
	defer stop()
	return w.Port.Write(chunk)
}

// Rest waits between two Writes of one job as Write does between two chunks.
func (w *Wire) Rest(ctx context.Context, op string) error { return w.pause(ctx, op, 1) }

// pause lets a printer with a small buffer keep up; it listens meanwhile.
func (w *Wire) pause(ctx context.Context, op string, left int) error {
	if w.Pause == 0 || left == 0 {
		return nil
	}
	until := time.Now().Add(w.Pause)
	for ctx.Err() == nil && time.Now().Before(until) {
		if err := w.Listen(ctx, op, until); err != nil {
			return err
		}
	}
	return nil
}

// Drained waits until the operating system has handed every byte over: what a
// socket holds for a printer whose cable is out was not taken by anybody. While
// the printer waits for a person it may take none. lend, if there is one, is
// called now and then while the bytes move: others may use the wire in it.
func (w *Wire) Drained(ctx context.Context, op string, lend func()) error {
	end := time.Now().Add(StallLimit)
	least := -1
	for {
		n, known := unsent(w.Port)
		if !known || n == 0 {
			return nil
		}
		if least < 0 || n < least {
			least, end = n, time.Now().Add(StallLimit)
			printer.Progress(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return w.Fail(fault.Timeout, op, context.Cause(ctx))
		case time.Now().After(end) && !w.Waits():
			return w.Fail(fault.Timeout, op, fmt.Errorf("%d bytes were not taken by the printer", n))
		}
		if err := w.Listen(ctx, op, time.Now().Add(5*time.Millisecond)); err != nil {
			return err
		}
		if lend != nil && !w.Waits() {
			lend()
		}
	}
}
