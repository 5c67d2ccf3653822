// Package nodeport opens device nodes that are read and written as they are:
//
//	usblp:///dev/usb/lp0     usblp://usb/04B8:0202    USB printers (printer class)
//	evdev:///dev/input/event5, evdev://usb/0C2E:0901  keyboards, wedge scanners
//	hidraw:///dev/hidraw0    hidraw://usb/0C2E:0907   HID POS scanners, weak displays
//	v4l2:///dev/video0       v4l2://usb/046D:0825     cameras
//	fb:///dev/fb0                                     framebuffers
//	file:///var/lib/tilld/receipts.bin                a file to print into
//	file:///var/lib/tilld/frames                      a directory, for the camera
//
// Every port from here has a Path method, and those that lead to a device are
// syscall.Conn as well, for the ioctls of their drivers.
package nodeport

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"tilld/device"
	"tilld/device/sysfs"
	"tilld/internal/fault"
)

// Pather is a port that leads to a path of the file system, for drivers that
// open it in their own way.
type Pather interface {
	Path() string
}

// Opener opens the nodes of one subsystem.
type Opener struct {
	tree      sysfs.Tree
	subsystem string // of /sys/class
}

// New returns an opener for a subsystem of /sys/class: "usbmisc", "input",
// "hidraw", "video4linux" or "graphics". root is where /sys and /dev lie; "" is the real one.
func New(root, subsystem string) *Opener {
	return &Opener{tree: sysfs.Tree(root), subsystem: subsystem}
}

// Open opens the node. Faults: Absent, Busy, Config (permission, bad address,
// or another device than id= allows).
func (o *Opener) Open(ctx context.Context, u *url.URL) (device.Port, error) {
	name := strings.TrimSuffix(u.Scheme+"://"+u.Host+u.Path, "/")
	node, expect, err := o.resolve(u)
	if err != nil {
		var notOne *sysfs.NotOneError
		if errors.As(err, &notOne) {
			return nil, sysfs.Fault(name, notOne)
		}
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, name, "open", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Timeout, name, "open", err)
	}
	have, _ := o.tree.Lookup(o.subsystem, node)
	if !expect.IsZero() && !have.Identity.IsZero() && !expect.Matches(have.Identity) {
		return nil, device.OtherDevice.With("old", expect.String(), "new", have.Identity.String()).
			Fault(fault.Config, name, "open", errors.New("another device than the address allows"))
	}
	return open(name, o.tree.Path(node), have.Identity, o.subsystem)
}

// Check says what is wrong with an address, without looking for the node.
func Check(u *url.URL) error {
	_, _, _, err := parse(u)
	return err
}

// parse reads an address: the node, or which device to look for; and which
// device must be there.
func parse(u *url.URL) (node string, find, expect device.Identity, err error) {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", find, expect, err
	}
	for key, v := range q {
		if key != "id" {
			return "", find, expect, fmt.Errorf("no setting %q, there is id", key)
		}
		if expect, err = device.ParseIdentity(v[0]); err != nil {
			return "", find, expect, fmt.Errorf("id: %w", err)
		}
	}
	switch {
	case u.Host == "" && len(u.Path) > 1:
		return u.Path, find, expect, nil
	case u.Host != "usb":
		return "", find, expect, fmt.Errorf("%q names no node: write %s:///dev/… or %s://usb/VID:PID", u.Redacted(), u.Scheme, u.Scheme)
	}
	find, err = device.ParseIdentity(strings.Trim(u.Path, "/"))
	return "", find, expect, err
}

// resolve returns the node that an address names.
func (o *Opener) resolve(u *url.URL) (string, device.Identity, error) {
	node, find, expect, err := parse(u)
	if err != nil || node != "" {
		return node, expect, err
	}
	one, err := o.tree.One(o.subsystem, find)
	return one.Dev, expect, err
}
