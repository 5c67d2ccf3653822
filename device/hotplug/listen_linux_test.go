package hotplug

import (
	"context"
	"os"
	"testing"
	"time"
)

// The kernel repeats an event when it is asked to (Documentation/ABI/testing/
// sysfs-uevent). Only root may ask; the listening itself is tested either way.
func TestRealEvents(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	heard := make(chan Event, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- listen(ctx, func(e Event) {
			select {
			case heard <- e:
			default:
			}
		})
	}()
	for !repeated(t, ctx, heard) {
		select {
		case err := <-ended:
			t.Fatal("listening ended: ", err)
		default:
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("listen ended without an error")
		}
	case <-time.After(60 * time.Second):
		t.Error("listen does not end with its context")
	}
}

// repeated asks the kernel once and reports whether the event was heard.
func repeated(t *testing.T, ctx context.Context, heard <-chan Event) bool {
	t.Helper()
	if err := os.WriteFile("/sys/class/tty/tty1/uevent", []byte("add"), 0); err != nil {
		t.Log("cannot ask for an event: ", err)
		return true
	}
	late := time.NewTimer(200 * time.Millisecond)
	defer late.Stop()
	for {
		select {
		case e := <-heard:
			if e == (Event{Action: "add", Path: "/devices/virtual/tty/tty1", Subsystem: "tty", Name: "tty1"}) {
				return true
			}
		case <-late.C:
			return false
		case <-ctx.Done():
			t.Fatal("the event was not heard")
		}
	}
}
