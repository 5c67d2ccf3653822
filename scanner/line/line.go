// Package line reads scanners that send their codes as lines of bytes: serial
// scanners, USB scanners in serial mode (CDC ACM, "USB-COM"), and modules with
// a UART. It is the recommended way to connect a scanner: no keyboard layout in
// between, Chinese text intact, and two-way.
//
// Source: the interface chapters of the Honeywell, Zebra and Newland manuals:
// payload, then a suffix (CR as delivered), optionally a prefix and an AIM
// symbology identifier.
package line

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/scanner"
)

type reader struct {
	info device.Info
	cfg  settings
	port device.Port
}

// Open takes over the port; it sends nothing. Options are those of [Config].
func Open(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
	cfg := Defaults
	if err := s.Decode(&cfg); err != nil {
		return nil, err
	}
	set, err := cfg.compile()
	if err != nil {
		return nil, fault.New(fault.Config, s.Name, "open", err)
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a line scanner needs an address"))
	}
	return &reader{info: device.Info{Name: s.Name, Driver: "line", Model: cfg.Model}, cfg: set, port: p}, nil
}

func (r *reader) Info() device.Info { return r.info }
func (r *reader) Close() error      { return r.port.Close() }

// Run implements [scanner.Scanner].
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) error {
	stop := context.AfterFunc(ctx, func() { r.port.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	f := framer{cfg: r.cfg}
	buf := make([]byte, 4096)
	for {
		deadline := time.Time{}
		if f.pending() {
			deadline = time.Now().Add(r.cfg.gap)
		}
		if err := r.port.SetDeadline(deadline); err != nil {
			return fault.New(fault.Absent, r.info.Name, "read", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := r.port.Read(buf)
		now := time.Now()
		for _, c := range f.feed(buf[:n]) {
			emit(scanner.Scan{Device: r.info.Name, At: now, AIM: c.aim, Data: c.data})
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c, ok := f.gap(); ok {
				emit(scanner.Scan{Device: r.info.Name, At: now, AIM: c.aim, Data: c.data})
			}
		default:
			return &fault.Error{Kind: fault.Absent, Component: r.info.Name, Op: "read",
				Hint: "check that the scanner is plugged in", Err: fmt.Errorf("read: %w", err)}
		}
	}
}
