// Package dial opens every address that a device entry of the configuration
// can name:
//
//	serial:///dev/ttyUSB0?baud=9600   serial://usb/1A86:7523/SERIAL?baud=9600
//	tcp://192.168.1.87:9100           usblp:///dev/usb/lp0   usblp://usb/04B8:0202
//	evdev:///dev/input/event5         evdev://usb/0C2E:0901
//	hidraw:///dev/hidraw0             v4l2:///dev/video0
//	fb:///dev/fb0                     file:///var/lib/tilld/receipts
//	sim://pole
package dial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"tilld/device"
	"tilld/device/nodeport"
	"tilld/device/serialport"
	"tilld/device/tcpport"
	"tilld/internal/fault"
)

// Options of a dialer.
type Options struct {
	// Sim opens the simulators behind sim:// addresses; nil when there are none.
	Sim func(ctx context.Context, name string) (device.Port, error)
	// Root is the directory under which /dev and /sys are looked up; "" is "/".
	Root string
}

type dialer struct {
	schemes map[string]func(ctx context.Context, u *url.URL) (device.Port, error)
}

// New returns the dialer of the agent.
func New(o Options) device.Dialer {
	d := dialer{schemes: map[string]func(context.Context, *url.URL) (device.Port, error){
		"serial": serialport.New(o.Root).Open,
		"tcp":    tcpport.Open,
		"usblp":  nodeport.New(o.Root, "usbmisc").Open,
		"evdev":  nodeport.New(o.Root, "input").Open,
		"hidraw": nodeport.New(o.Root, "hidraw").Open,
		"v4l2":   nodeport.New(o.Root, "video4linux").Open,
		"fb":     nodeport.New(o.Root, "graphics").Open,
		"file":   nodeport.OpenFile,
	}}
	if o.Sim != nil {
		d.schemes["sim"] = func(ctx context.Context, u *url.URL) (device.Port, error) { return o.Sim(ctx, u.Host) }
	}
	return d
}

// Dial implements [device.Dialer].
func (d dialer) Dial(ctx context.Context, addr string) (device.Port, error) {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme == "" {
		return nil, &fault.Error{
			Kind: fault.Config, Component: addr, Op: "dial",
			Hint: "write an address such as serial:///dev/ttyUSB0?baud=9600 or tcp://192.168.1.87:9100", Err: errors.Join(errors.New("not an address"), err),
		}
	}
	open, ok := d.schemes[u.Scheme]
	if !ok {
		return nil, fault.New(fault.Config, addr, "dial",
			fmt.Errorf("no scheme %q, there are %v", u.Scheme, slices.Sorted(maps.Keys(d.schemes))))
	}
	return open(ctx, u)
}

// Check says what is wrong with an address, without looking for anything.
func Check(addr string) error {
	u, err := url.Parse(addr)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "serial":
		return serialport.Check(u)
	case "usblp", "evdev", "hidraw", "v4l2", "fb":
		return nodeport.Check(u)
	case "tcp":
		return tcpport.Check(u)
	}
	return nil
}
