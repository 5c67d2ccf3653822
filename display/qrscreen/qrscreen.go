// Package qrscreen drives small screens on a serial line that draw a pay code
// themselves from a text command. There is no common command set, so a model is a
// table of templates ([Table]): three are built in, a shop writes its own into the
// options of the device.
//
// The code is made and read back by us before the screen is asked to draw it, and
// it must fit the screen's pixels. What the screen then draws cannot be seen from
// here: a nil error says that the bytes were handed to the serial line.
//
// The scene that takes a pay code away is one frame, which begins with the command
// that clears the screen or draws over it. A code that has expired is never sent.
package qrscreen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/pole"
	"tilld/internal/fault"
	"tilld/internal/qr"
)

// minScale is how many pixels a module needs to be read off a screen.
const minScale = 3

type screen struct {
	info device.Info
	m    model
	line pole.Line

	mu       sync.Mutex
	withheld error
}

var (
	_ display.Graphic    = (*screen)(nil)
	_ display.Withholder = (*screen)(nil)
)

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

// Open sends the model's opening command, or clears the screen: whatever an
// earlier run left there is gone. Options are checked before the first byte.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.Display, error) {
	m, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a QR screen needs an address"))
	}
	clear := m.fill(m.clear, fields{}) + m.fill(m.show, fields{})
	recovery := m.fill(m.recover, fields{}) + clear
	d := &screen{
		info: device.Info{Name: s.Name, Driver: "qrscreen", Model: m.name}, m: m,
		line: pole.Line{Name: s.Name, Port: p, Recover: []byte(recovery)},
	}
	if err := d.line.Send(ctx, "open", []byte(recovery+m.fill(m.open, fields{}))); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *screen) Info() device.Info { return d.info }

// Dots implements [display.Graphic].
func (d *screen) Dots() int { return d.m.table.Dots }

// Refresh has the scene shown again after the screen's own power was off.
func (d *screen) Refresh() time.Duration { return 30 * time.Second }

// Show implements [display.Display]. A pay code that this model cannot draw, or
// whose text could be taken for commands, is not shown: the amount is.
func (d *screen) Show(ctx context.Context, s display.Scene) error {
	return d.line.Send(ctx, "show", []byte(d.frame(s, time.Now())))
}

// Withheld implements [display.Withholder].
func (d *screen) Withheld() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.withheld
}

func (d *screen) frame(s display.Scene, now time.Time) string {
	m := &d.m
	f := fields{amount: m.text(amount(s))}
	lines := display.Lines(s, m.table.Columns, 2, m.has)
	for i := range min(len(lines), len(f.lines)) {
		f.lines[i] = m.text(display.Cut(lines[i], m.table.Columns))
	}
	command := m.command(s.Kind)
	payload, code, ok, err := display.PayCode(s, now)
	if ok {
		if err = cmp.Or(d.fits(code), m.safe(payload)); err == nil {
			f.payload, command = payload, m.qr
		}
	}
	d.mu.Lock()
	d.withheld = err
	d.mu.Unlock()
	return m.fill(command, f) + m.fill(m.show, f)
}

// fits reports that the screen has not the pixels for a code with its border.
func (d *screen) fits(code qr.Code) error {
	if need := (code.Size + 2*qr.Quiet) * minScale; need > d.Dots() {
		return fmt.Errorf("the code needs %d pixels a side, dots is %d", need, d.Dots())
	}
	return nil
}

// amount is the one that counts now.
func amount(s display.Scene) string {
	switch {
	case s.Kind == display.Paying && s.Pay != nil:
		return display.Money(s.Pay.Amount, s.Currency)
	case s.Total != nil:
		return display.Money(*s.Total, s.Currency)
	}
	return ""
}

// Close clears the screen if that takes less than half a second, and closes the port.
func (d *screen) Close() error {
	return d.line.Close([]byte(d.m.fill(d.m.clear, fields{}) + d.m.fill(d.m.show, fields{})))
}
