package star

import "tilld/device"

// PortForTest is the port that a test writes past the driver to.
func (d *Printer) PortForTest() device.Port { return d.wire.Port }
