//go:build !linux

package serialport

import (
	"strings"

	"go.bug.st/serial/enumerator"

	"tilld/device"
	"tilld/device/sysfs"
)

// locate finds the port of a serial://usb/… address among those that the
// system lists.
func (o *Opener) locate(s *settings) error {
	if s.node != "" {
		return nil
	}
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return err
	}
	var found []string
	for _, p := range ports {
		if p.IsUSB && s.find.Matches(identity(p)) {
			found = append(found, p.Name)
		}
	}
	if len(found) == 1 {
		s.node = found[0]
		return nil
	}
	return &sysfs.NotOneError{Want: s.find, Choices: found}
}

func (o *Opener) identify(s settings) device.Identity {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return device.Identity{} // unknown is allowed; the open itself decides
	}
	for _, p := range ports {
		if strings.EqualFold(p.Name, s.node) {
			return identity(p)
		}
	}
	return device.Identity{}
}

func identity(p *enumerator.PortDetails) device.Identity {
	return device.Identity{VID: strings.ToUpper(p.VID), PID: strings.ToUpper(p.PID), Serial: p.SerialNumber}
}
