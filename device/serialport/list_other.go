//go:build !linux

package serialport

import (
	"strings"

	"go.bug.st/serial/enumerator"

	"tilld/device"
	"tilld/device/sysfs"
)

// List returns the serial ports that the system knows, in the form in which
// package sysfs describes them on Linux.
func List() ([]sysfs.Node, error) {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, err
	}
	var nodes []sysfs.Node
	for _, p := range ports {
		if p.Name == "" {
			continue // the enumerator gives an empty entry for a port without details
		}
		n := sysfs.Node{Subsystem: "tty", Name: p.Name, Dev: "/" + p.Name, Vendor: p.Manufacturer, Product: p.Product}
		if p.IsUSB {
			n.Identity = device.Identity{VID: strings.ToUpper(p.VID), PID: strings.ToUpper(p.PID), Serial: p.SerialNumber}
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
