//go:build !linux

package serialport

import "tilld/device"

// locate finds the port of a serial://usb/… address among those that the
// system lists.
func (o *Opener) locate(s *settings) (err error) {
	if s.node == "" {
		s.node, err = listing(List).locate(s.find)
	}
	return err
}

// heedsXOFF is not asked here: flow xonxoff is refused.
func (o *Opener) heedsXOFF(settings) bool { return true }

func (o *Opener) identify(s settings) device.Identity {
	n, _, _ := listing(List).lookup(s.node) // when it is not known, the open itself decides
	return n.Identity
}

func (o *Opener) watch(s settings) func() error { return listing(List).watch(s.node) }
