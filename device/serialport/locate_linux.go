package serialport

import "tilld/device"

// locate finds the node of a serial://usb/… address.
func (o *Opener) locate(s *settings) error {
	if s.node != "" {
		s.dev, s.node = s.node, o.tree.Path(s.node)
		return nil
	}
	n, err := o.tree.One("tty", s.find)
	if err != nil {
		return err
	}
	s.dev, s.node = n.Dev, o.tree.Path(n.Dev)
	return nil
}

func (o *Opener) identify(s settings) device.Identity {
	n, _ := o.tree.Lookup("tty", s.dev)
	return n.Identity
}

// watch is not needed on Linux: the guard knows.
func (o *Opener) watch(settings) func() error { return nil }
