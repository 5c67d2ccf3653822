package device

import (
	"context"
	"errors"
	"strings"
	"sync"

	"tilld/internal/fault"
)

// tap is the dialer that a slot gives to the registry: it checks that the
// hardware is the one that was there before, records its bytes, and remembers
// the port so that the slot can close it under a driver that hangs.
type tap[D Device] struct {
	keeper *keeper[D]
	mu     sync.Mutex
	opened Port
}

// Dial implements [Dialer].
func (t *tap[D]) Dial(ctx context.Context, addr string) (Port, error) {
	k := t.keeper
	p, err := k.Dialer.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := t.approve(addr, p); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if k.Tracer != nil {
		p = k.Tracer.Wrap(k.Spec.Name, p)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened = p
	return p, nil
}

// approve refuses hardware that is not what was first seen at this address. An
// address that names the hardware itself needs no memory.
func (t *tap[D]) approve(addr string, p Port) error {
	k := t.keeper
	id, ok := As[Identified](p)
	if k.Approved == nil || !ok || id.Identity().IsZero() || strings.Contains(addr, "://usb/") || strings.Contains(addr, "id=") {
		return nil
	}
	old, err := k.Approved.Check(k.Spec.Name, addr, id.Identity())
	if err != nil {
		k.log.Warn("cannot remember which device this is", "err", err)
	}
	if old != id.Identity() {
		return OtherDevice.With("old", old.String(), "new", id.Identity().String()).
			Fault(fault.Config, k.Spec.Name, "recognise", errors.New("another device in the same place"))
	}
	return nil
}

func (t *tap[D]) port() Port {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opened
}

// cut closes the port, whatever the driver does with it.
func (t *tap[D]) cut() {
	if p := t.port(); p != nil {
		p.Close() // closed already is what we want
	}
}
