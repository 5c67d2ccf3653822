package link

import (
	"context"
	"errors"
	"testing"
	"time"
)

// waited reports whether somebody who asks now has to wait for the link.
func (r *rig) waited() bool {
	c := r.link.Soon()
	if c == nil {
		return false
	}
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// The link is worth waiting for from the moment it is made until it is up.
func TestSoonAtTheStart(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, _ *ackCloud) {
		r.open = func(ctx context.Context) (*wire, error) {
			pause(ctx, 2*time.Second)
			return b.open(ctx)
		}
		r.prepare = func(l *Link) { // before it runs
			if l.Soon() == nil {
				t.Error("not worth waiting for before it runs")
			}
		}
		r.start()
		pass(time.Second)
		soon := r.link.Soon()
		if !r.waited() {
			t.Fatal("not worth waiting for at the start")
		}
		pass(2 * time.Second)
		select {
		case <-soon:
		default:
			t.Error("who waited is not told that it is up")
		}
		if !r.link.Up() || r.link.Soon() != nil {
			t.Errorf("up is %v, still to be waited for: %v", r.link.Up(), r.waited())
		}

		// It has lived and is lost: back in a moment.
		pass(2 * time.Minute)
		b.last().c.Close()
		pass(time.Millisecond)
		if r.link.Up() || !r.waited() {
			t.Errorf("lost a moment ago: up %v, worth waiting for: %v", r.link.Up(), r.waited())
		}
		pass(10 * time.Second)
		if !r.link.Up() || r.waited() {
			t.Errorf("up is %v, still to be waited for: %v", r.link.Up(), r.waited())
		}

		// Lost again at once: nothing to hope for.
		b.last().c.Close()
		pass(time.Millisecond)
		if r.link.Up() || r.waited() {
			t.Errorf("a link that does not live: up %v, worth waiting for: %v", r.link.Up(), r.waited())
		}
	})
}

// A till that is offline makes nobody wait, though it goes on trying.
func TestSoonOffline(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, _ *fakeBroker, _ *ackCloud) {
		r.open = func(ctx context.Context) (*wire, error) {
			pause(ctx, connectTimeout)
			return nil, errors.New("no route to host")
		}
		r.start()
		soon := r.link.Soon()
		pass(hopeFor - time.Millisecond)
		if !r.waited() {
			t.Error("given up too early")
		}
		pass(time.Millisecond)
		select {
		case <-soon:
		default:
			t.Error("who waits is not told")
		}
		for range 60 {
			if r.waited() {
				t.Fatal("worth waiting for again, without having been up")
			}
			pass(time.Second)
		}
	})
}

// Without a broker there is nothing to wait for.
func TestSoonWithoutACloud(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, _ *fakeBroker, _ *ackCloud) {
		r.opts.URL = ""
		r.start()
		if r.waited() {
			t.Error("a till without a cloud waits for one")
		}
	})
}
