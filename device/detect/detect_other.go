//go:build !linux

package detect

import (
	"context"
	"strings"

	"go.bug.st/serial/enumerator"

	"tilld/device"
	"tilld/device/sysfs"
)

// Detect lists the serial ports that the system knows; root is not used here.
func Detect(ctx context.Context, _ string) ([]Found, error) {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	var nodes []sysfs.Node
	for _, p := range ports {
		if p.Name == "" {
			continue // a port without details
		}
		n := sysfs.Node{Subsystem: "tty", Name: p.Name, Dev: "/" + p.Name, Vendor: p.Manufacturer, Product: p.Product}
		if p.IsUSB {
			n.Identity = device.Identity{VID: strings.ToUpper(p.VID), PID: strings.ToUpper(p.PID), Serial: p.SerialNumber}
		}
		nodes = append(nodes, n)
	}
	return arrange(nodes), ctx.Err()
}
