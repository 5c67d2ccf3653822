// Package device holds what all in-store hardware has in common: an open byte
// channel with deadlines, a configuration entry, a registry of drivers, and
// the supervision that keeps one device in service without delaying another.
//
// Nothing here knows what a sale is, and nothing here knows a wire protocol.
package device

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"tilld/internal/fault"
)

// Port is an open byte channel to one device: a serial line, a TCP socket, a
// USB printer node, a hidraw node or a simulator. Any net.Conn is a Port. It
// has one owner, the driver it was given to, and the driver closes it. Close
// may be called while a Read or Write is blocked and ends it.
type Port interface {
	io.ReadWriteCloser
	// SetDeadline bounds pending and later Reads and Writes; the zero time
	// means never. Past it they fail with os.ErrDeadlineExceeded.
	SetDeadline(t time.Time) error
}

// Releaser is a Port whose connection can be given up between two uses, so that
// others may use the device; the next Write takes it up again.
type Releaser interface{ Release() error }

// Dialer opens the Port behind an address ("serial:///dev/ttyUSB0?baud=9600",
// "tcp://127.0.0.1:9100", "sim://pole"). It fails with a fault of kind Absent,
// Busy or Config (a permission, an address that makes no sense).
type Dialer interface {
	Dial(ctx context.Context, addr string) (Port, error)
}

// Info is what is known about a device without asking it anything.
type Info struct {
	Name   string // configured name, unique at this till: "pole-1"
	Driver string // name in the registry: "cd5220"
	Model  string // for people; may be ""
}

// Device is the least every driver offers. What only some models can do is an
// interface of one method, found by type assertion.
type Device interface {
	Info() Info
	Close() error // leaves the device inert and closes its Port; called once
}

// Checker is a Device that can be asked how it is. Check sends a query, never
// prints, beeps or moves anything; nil means ready.
type Checker interface {
	Check(ctx context.Context) error
}

// Tester is a Device with a harmless self-test that a person can see or hear:
// a test page, a beep, a test scene.
type Tester interface {
	Test(ctx context.Context) error
}

// Kind is a kind of hardware.
type Kind string

const (
	Scanner Kind = "scanner"
	Printer Kind = "printer"
	Display Kind = "display"
)

// Spec is one entry of the configuration's device list.
type Spec struct {
	Name    string          `json:"name"`
	Kind    Kind            `json:"kind"`
	Driver  string          `json:"driver"`
	Address string          `json:"address,omitempty"`
	Options json.RawMessage `json:"options,omitempty"`
}

// Decode overlays the entry's options on dst, which holds the defaults. An
// option that the driver does not have is a fault of kind Config.
func (s Spec) Decode(dst any) error {
	if len(s.Options) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(s.Options))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return fault.New(fault.Config, s.Name, "read options", err)
	}
	return nil
}

// Opener makes a ready device of kind D on an open port (nil for drivers whose
// entry has no address). From success on the port is the device's; after an
// error the registry closes it.
type Opener[D Device] func(ctx context.Context, p Port, s Spec) (D, error)

// Registry maps driver names to openers for one kind of hardware. It is filled
// once, in package main, so that one file lists every driver in the binary.
type Registry[D Device] struct {
	openers map[string]Opener[D]
}

// Add registers a driver; the same name twice is a programming error.
func (r *Registry[D]) Add(driver string, open Opener[D]) {
	if _, dup := r.openers[driver]; dup {
		panic("device: driver registered twice: " + driver)
	}
	if r.openers == nil {
		r.openers = make(map[string]Opener[D])
	}
	r.openers[driver] = open
}

// Drivers returns the registered names in order.
func (r *Registry[D]) Drivers() []string { return slices.Sorted(maps.Keys(r.openers)) }

// Open dials the entry's address, if it has one, and hands the port to its driver.
func (r *Registry[D]) Open(ctx context.Context, d Dialer, s Spec) (D, error) {
	var none D
	open, ok := r.openers[s.Driver]
	if !ok {
		return none, fault.New(fault.Config, s.Name, "open", fmt.Errorf("no driver %q, there are %v", s.Driver, r.Drivers()))
	}
	var p Port
	if s.Address != "" {
		var err error
		if p, err = d.Dial(ctx, s.Address); err != nil {
			return none, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	dev, err := open(ctx, p, s)
	if err != nil {
		if p != nil {
			p.Close()
		}
		return none, err
	}
	return dev, nil
}
