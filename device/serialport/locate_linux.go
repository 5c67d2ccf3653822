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

// heedsXOFF reports whether the line's driver stops sending at XOFF: by itself,
// or by telling its chip to. What is behind other adapters never stops.
func (o *Opener) heedsXOFF(s settings) bool {
	n, ok := o.tree.Lookup("tty", s.dev)
	if !ok || n.Identity.IsZero() {
		return true // a line of the machine's own, a pty
	}
	switch n.Driver {
	case "ftdi_sio", "pl2303", "cp210x":
		return true
	}
	return false
}

// watch is not needed on Linux: the guard knows.
func (o *Opener) watch(settings) func() error { return nil }
