//go:build !linux

package serialport

import (
	"strings"

	"tilld/device"
	"tilld/device/sysfs"
)

// locate finds the port of a serial://usb/… address among those that the
// system lists.
func (o *Opener) locate(s *settings) error {
	if s.node != "" {
		return nil
	}
	nodes, err := List()
	if err != nil {
		return err
	}
	var found []string
	for _, n := range nodes {
		if s.find.Matches(n.Identity) {
			found = append(found, n.Name)
		}
	}
	if len(found) == 1 {
		s.node = found[0]
		return nil
	}
	return &sysfs.NotOneError{Want: s.find, Choices: found}
}

// present returns errGone once the system no longer lists the port: its own
// errors after an unplugging come late or not at all.
func (o *Opener) present(s settings) error {
	nodes, err := List()
	if err != nil {
		return nil // cannot be told; reading and writing will
	}
	for _, n := range nodes {
		if strings.EqualFold(n.Name, s.node) {
			return nil
		}
	}
	return errGone
}

func (o *Opener) identify(s settings) device.Identity {
	nodes, err := List()
	if err != nil {
		return device.Identity{} // not known; the open itself decides
	}
	for _, n := range nodes {
		if strings.EqualFold(n.Name, s.node) {
			return n.Identity
		}
	}
	return device.Identity{}
}
