// Package hotplug tells the slots of devices that hardware was plugged in or
// out, so that a replugged device is back in service at once instead of at its
// next attempt. It listens to the kernel's uevents and looks at /sys once a
// second as well, because containers and minimal systems have no uevents.
package hotplug

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

// Event is what happened to one piece of hardware.
type Event struct {
	Action    string // "add", "remove", "bind", "change", …
	Path      string // below /sys
	Subsystem string // "tty", "usb", …
	Name      string // device node without /dev/, "" when it has none
}

// maxEvent is the longest uevent: the kernel's buffer is 2 KiB, udev's may
// be longer.
const maxEvent = 16 << 10

var errUevent = errors.New("not a uevent")

// Header of a message that udev sends once its rules have run
// (systemd, src/libsystemd/sd-device/device-monitor.c).
const (
	udevPrefix = "libudev\x00"
	udevMagic  = 0xfeedcafe // big endian, at 8
	udevHeader = 40
)

// Parse reads one datagram of NETLINK_KOBJECT_UEVENT: the kernel's form
// ("add@/devices/…", then KEY=VALUE, each ended by NUL) or udev's (a binary
// header, then the same pairs).
func Parse(b []byte) (Event, error) {
	pairs := b
	switch {
	case len(b) > maxEvent:
		return Event{}, errUevent
	case bytes.HasPrefix(b, []byte(udevPrefix)):
		if len(b) < udevHeader || binary.BigEndian.Uint32(b[8:]) != udevMagic {
			return Event{}, errUevent
		}
		// The kernel passes the sender's byte order on: offsets are native.
		off, n := binary.NativeEndian.Uint32(b[16:]), binary.NativeEndian.Uint32(b[20:])
		if uint64(off)+uint64(n) > uint64(len(b)) || off < udevHeader {
			return Event{}, errUevent
		}
		pairs = b[off : off+n]
	default:
		head, rest, ok := bytes.Cut(b, []byte{0})
		if action, path, at := bytes.Cut(head, []byte("@")); !ok || !at || len(action) == 0 || !bytes.HasPrefix(path, []byte("/")) {
			return Event{}, errUevent
		}
		pairs = rest
	}
	var e Event
	for pair := range bytes.SplitSeq(pairs, []byte{0}) {
		key, value, ok := strings.Cut(string(pair), "=")
		if !ok {
			continue
		}
		switch key {
		case "ACTION":
			e.Action = value
		case "DEVPATH":
			e.Path = value
		case "SUBSYSTEM":
			e.Subsystem = value
		case "DEVNAME":
			e.Name = strings.TrimPrefix(value, "/dev/")
		}
	}
	if e.Action == "" || e.Subsystem == "" {
		return Event{}, errUevent
	}
	return e, nil
}

// matters reports whether a till's hardware can be behind the event.
func (e Event) matters() bool {
	switch e.Subsystem {
	case "tty", "usb", "usbmisc", "usb-serial", "input", "hidraw", "video4linux":
		return true
	}
	return false
}
