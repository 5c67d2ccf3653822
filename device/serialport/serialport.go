// Package serialport opens serial:// addresses: serial lines and USB devices
// that look like one (CH340, FTDI, CDC ACM).
//
//	serial:///dev/ttyUSB0?baud=9600&data=8&parity=none&stop=1&flow=none&backend=bugst&id=1A86:7523
//	serial:///dev/serial/by-id/usb-1a86_USB_Serial-if00-port0
//	serial://usb/1A86:7523/SERIAL?baud=115200
//
// Two modules can carry the bytes: go.bug.st/serial (the default) and
// github.com/tarm/serial (backend=tarm). Neither has deadlines, neither says
// "unplugged" in a way that can be told from "closed" or "nothing yet", and a
// write to a device that takes no data blocks for good in both. This package
// hides that: what it returns keeps the promises of [device.Port].
package serialport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"tilld/device"
	"tilld/device/internal/who"
	"tilld/device/sysfs"
	"tilld/internal/fault"
)

// Opener opens serial lines. It remembers lines whose last owner is still stuck
// in them, so that a device that takes no data costs one descriptor, not one per
// attempt.
type Opener struct {
	tree    sysfs.Tree
	acquire func(settings) (line, *guard, error)

	mu    sync.Mutex
	stuck map[string]int
}

// New returns an opener that looks for hardware below root; "" is the real one.
func New(root string) *Opener {
	return &Opener{tree: sysfs.Tree(root), acquire: acquire, stuck: make(map[string]int)}
}

// Check says what is wrong with an address, without looking for the line.
func Check(u *url.URL) error {
	_, err := parse(u)
	return err
}

// Open opens and locks the line. Faults: Absent, Busy (with the name of the
// program that holds it), Config (wrong setting; a missing permission is one of
// these and wraps fs.ErrPermission), Timeout (an earlier owner is stuck).
func (o *Opener) Open(ctx context.Context, u *url.URL) (device.Port, error) {
	name := strings.TrimSuffix(u.Scheme+"://"+u.Host+u.Path, "/")
	s, err := parse(u)
	if err != nil {
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", err)
	}
	if err := o.locate(&s); err != nil {
		return nil, sysfs.Fault(name, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Timeout, name, "open", err)
	}
	if o.isStuck(s.node) {
		return nil, device.TakesNothing.Fault(fault.Timeout, name, "open", errors.New("an earlier write still hangs in the line"))
	}
	id := o.identify(s)
	if !s.expect.IsZero() && !id.IsZero() && !s.expect.Matches(id) {
		return nil, device.OtherDevice.With("old", s.expect.String(), "new", id.String()).
			Fault(fault.Config, name, "open", errors.New("another device than the address allows"))
	}
	if s.flow == "xonxoff" && !o.heedsXOFF(s) {
		s.flow = sieved
	}
	l, g, err := o.acquire(s)
	if err != nil {
		return nil, explain(name, s, err)
	}
	p := newPort(name, l, g, s.flow, id, func(stuck bool) { o.mark(s.node, stuck) })
	p.here = o.watch(s)
	return p, nil
}

// acquire opens guard and backend and locks the line. The guard comes first:
// after the backend's TIOCEXCL nobody but root opens a second descriptor.
func acquire(s settings) (line, *guard, error) {
	g, err := openGuard(s.node)
	if err != nil {
		return nil, nil, err
	}
	if g == nil && s.flow != "none" && s.flow != "dtrdsr" {
		return nil, nil, fmt.Errorf("%w: flow %s on this system", errSetting, s.flow)
	}
	fail := func(err error) (line, *guard, error) {
		if g != nil {
			err = errors.Join(err, g.close())
		}
		return nil, nil, err
	}
	if g != nil {
		if err := g.lock(s.node); err != nil {
			return fail(err)
		}
	}
	open := openBugst
	if s.backend == "tarm" {
		open = openTarm
	}
	l, err := open(s)
	if err != nil {
		return fail(err)
	}
	if g == nil {
		return l, nil, nil
	}
	if err := g.configure(s.flow); err != nil {
		return fail(errors.Join(err, l.Close()))
	}
	if err := g.claim(true); err != nil {
		return fail(errors.Join(err, l.Close()))
	}
	return l, g, nil
}

func explain(name string, s settings, err error) error {
	switch {
	case errors.Is(err, errBusy):
		return who.Busy(name, s.node, err)
	case errors.Is(err, errSetting):
		return device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", err)
	default:
		return who.Fault(name, s.node, err)
	}
}

func (o *Opener) isStuck(node string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stuck[node] > 0
}

func (o *Opener) mark(node string, stuck bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if stuck {
		o.stuck[node]++
	} else if o.stuck[node]--; o.stuck[node] <= 0 {
		delete(o.stuck, node)
	}
}
