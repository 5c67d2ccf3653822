package device

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"tilld/internal/fault"
)

// keeper is a [Slot] at work.
type keeper[D Device] struct {
	Slot[D]
	log  *slog.Logger
	stop <-chan struct{} // closed when the agent stops
	left atomic.Int32    // calls that hang and were left behind
	weak bool            // the last life was short: the next is believed later

	deniedAt time.Time // since when a device that was absent is denied
}

var errHangs = errors.New("the driver hangs")

// once is one life of the device: open, serve, close.
func (k *keeper[D]) once(ctx context.Context) error {
	tap := &tap[D]{keeper: k}
	opening, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	type opened struct {
		dev D
		ok  bool
	}
	box := new(opened)
	err := k.call(opening, "open", tap, func() error {
		dev, err := k.Registry.Open(opening, tap, k.Spec)
		*box = opened{dev, err == nil}
		return err
	}, func() {
		if box.ok {
			k.closeLate(box.dev)
		}
	})
	if err != nil {
		tap.cut() // the registry closes the port of a driver that fails, not of one that panics
		return err
	}
	over := func() {}
	if k.Opened != nil {
		over = k.Opened(box.dev)
	}
	if !k.weak {
		k.ready()
	}
	began := time.Now()
	err = k.serve(ctx, tap, box.dev)
	over()
	k.weak = time.Since(began) < settle && fault.KindOf(err) != fault.Absent
	if errors.Is(err, errHangs) {
		return err // whoever left the call behind also closes the device
	}
	closing, end := context.WithCancel(context.WithoutCancel(ctx))
	end() // closing has to end by itself
	cerr := k.call(closing, "close", tap, box.dev.Close, func() {})
	if err == nil {
		err = cerr
	}
	if err == nil && ctx.Err() == nil {
		err = fault.New(fault.Protocol, k.Spec.Name, "serve", errors.New("driver ended without an error"))
	}
	return err
}

// ready reports the device in service.
func (k *keeper[D]) ready() {
	k.Board.Report(k.Spec.Name, nil)
	k.log.Info("device in service", "driver", k.Spec.Driver)
}

// serve runs Serve and meanwhile looks whether the device is still there: an
// idle display on a cable that was pulled out would not be missed otherwise.
func (k *keeper[D]) serve(ctx context.Context, tap *tap[D], dev D) error {
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	var gone atomic.Pointer[error]
	watch := make(chan struct{})
	go func() {
		defer close(watch)
		if err := k.watch(serving, tap); err != nil {
			gone.Store(&err)
			cancel()
		}
	}()
	err := k.call(serving, "serve", tap, func() error { return k.Serve(serving, dev) }, func() { k.closeLate(dev) })
	cancel()
	<-watch
	if g := gone.Load(); g != nil && !errors.Is(err, errHangs) {
		return PlugIn.Fault(fault.Absent, k.Spec.Name, "look", *g)
	}
	return err
}

// watch returns an error once the device is gone, nil when ctx ends. It also
// reports a device ready whose last life was short once it has settled, so that
// one that fails every few seconds stays out of service on the board and does
// not fill the journal with its ups and downs.
func (k *keeper[D]) watch(ctx context.Context, tap *tap[D]) error {
	alive := func() error { return nil }
	if p, ok := As[Prober](tap.port()); ok {
		alive = p.Alive
	}
	began, weak := time.Now(), k.weak
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-k.Arrived:
		}
		if err := alive(); err != nil {
			return err
		}
		if weak && time.Since(began) >= settle {
			weak = false
			k.ready()
		}
	}
}

// call runs f, which was told to end when ctx ends, in a goroutine of its own.
// If it does not end within [grace] after that, its port is closed under it; if
// that does not help either, it is left behind and late runs whenever it ends.
func (k *keeper[D]) call(ctx context.Context, op string, tap *tap[D], f func() error, late func()) error {
	done := make(chan error, 1)
	go func() { done <- k.guard(op, f) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if err, ok := within(done, grace); ok {
		return err
	}
	go tap.cut()
	if err, ok := within(done, grace/3); ok {
		return err
	}
	err := Hangs.Fault(fault.Protocol, k.Spec.Name, op, errHangs)
	if !k.left.CompareAndSwap(0, 1) {
		// One hangs already. Do not pile them up: wait for this one, unless the
		// agent stops.
		k.report(err)
		select {
		case <-done:
			late()
		case <-k.stop:
		}
		return err
	}
	go func() {
		<-done
		late()
		k.left.Store(0)
	}()
	return err
}

func within(done <-chan error, limit time.Duration) (error, bool) {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-done:
		return err, true
	case <-late.C:
		return nil, false
	}
}

// guard turns a driver's panic into a fault.
func (k *keeper[D]) guard(op string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			k.log.Error("driver panicked", "op", op, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = Report.Fault(fault.Protocol, k.Spec.Name, op, fmt.Errorf("panic: %v", r))
		}
	}()
	return f()
}

// closeLate closes a device whose driver was left behind.
func (k *keeper[D]) closeLate(dev D) {
	if err := k.guard("close", dev.Close); err != nil {
		k.log.Debug("late close", "err", err)
	}
}
