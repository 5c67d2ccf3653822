package hotplug

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func kernel(pairs ...string) []byte {
	return []byte("add@/devices/pci/usb1/1-1/1-1:1.0/ttyUSB0/tty/ttyUSB0\x00" + strings.Join(pairs, "\x00") + "\x00")
}

func udev(pairs ...string) []byte {
	body := []byte(strings.Join(pairs, "\x00") + "\x00")
	b := make([]byte, udevHeader, udevHeader+len(body))
	copy(b, udevPrefix)
	binary.BigEndian.PutUint32(b[8:], udevMagic)
	binary.NativeEndian.PutUint32(b[12:], udevHeader)
	binary.NativeEndian.PutUint32(b[16:], udevHeader)
	binary.NativeEndian.PutUint32(b[20:], uint32(len(body)))
	return append(b, body...)
}

var plugged = []string{"ACTION=add", "DEVPATH=/devices/pci/usb1/1-1/1-1:1.0/ttyUSB0/tty/ttyUSB0", "SUBSYSTEM=tty", "MAJOR=188", "DEVNAME=/dev/ttyUSB0", "SEQNUM=4711"}

func TestParse(t *testing.T) {
	want := Event{Action: "add", Path: "/devices/pci/usb1/1-1/1-1:1.0/ttyUSB0/tty/ttyUSB0", Subsystem: "tty", Name: "ttyUSB0"}
	for name, b := range map[string][]byte{"kernel": kernel(plugged...), "udev": udev(plugged...)} {
		if got, err := Parse(b); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	bad := udev(plugged...)
	binary.NativeEndian.PutUint32(bad[20:], 1<<31)
	wrong := udev(plugged...)
	wrong[8] = 0
	inside := udev(plugged...)
	binary.NativeEndian.PutUint32(inside[16:], 4)
	for name, b := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "no pairs": []byte("add@/devices/x\x00"), "no path": []byte("add@\x00ACTION=add\x00SUBSYSTEM=tty\x00"),
		"length beyond the end": bad, "wrong magic": wrong, "offset inside the header": inside, "cut header": udev()[:20],
		"too long": bytes.Repeat([]byte("a"), maxEvent+1),
	} {
		if got, err := Parse(b); !errors.Is(err, errUevent) {
			t.Errorf("%s: %+v, %v, want an error", name, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(kernel(plugged...))
	f.Add(udev(plugged...))
	f.Add([]byte("libudev\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := Parse(b); err == nil && (e.Action == "" || e.Subsystem == "") {
			t.Errorf("%q: %+v without an error", b, e)
		}
	})
}

func watch(t *testing.T, w *Watcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func signalled(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(60 * time.Second):
		t.Fatal("no signal")
	}
}

var quiet = slog.New(slog.DiscardHandler)

// Without uevents hardware is noticed by looking.
func TestLooking(t *testing.T) {
	root := t.TempDir()
	class := filepath.Join(root, "sys/class/tty")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	w := New(root, quiet)
	a, b := w.Subscribe(), w.Subscribe()
	watch(t, w)
	node := filepath.Join(class, "ttyUSB0")
	// Plugged in and out until seen: Run may not have had its first look yet.
	for seen := false; !seen; {
		if err := os.Symlink(filepath.Join("../../devices", time.Now().String()), node); err != nil {
			t.Fatal(err)
		}
		select {
		case <-a:
			seen = true
		case <-time.After(2 * time.Second):
		}
		if err := os.Remove(node); err != nil {
			t.Fatal(err)
		}
	}
	signalled(t, b)
}

func TestEventsReachEverySubscriberAtOnce(t *testing.T) {
	w := New("", quiet)
	feed := make(chan Event)
	w.listen = func(ctx context.Context, heard func(Event)) error {
		for {
			select {
			case e := <-feed:
				heard(e)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	a, b := w.Subscribe(), w.Subscribe()
	watch(t, w)
	for range 100 { // a slow subscriber holds up nobody
		feed <- Event{Action: "add", Subsystem: "tty", Name: "ttyUSB0"}
	}
	signalled(t, a)
	signalled(t, b)
}

func TestOnlyHardwareOfATillMatters(t *testing.T) {
	for subsystem, want := range map[string]bool{"tty": true, "usb": true, "hidraw": true, "net": false, "power_supply": false, "": false} {
		if got := (Event{Subsystem: subsystem}).matters(); got != want {
			t.Errorf("%q matters: %v, want %v", subsystem, got, want)
		}
	}
}
