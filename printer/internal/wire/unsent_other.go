//go:build !linux

package wire

import "tilld/device"

// unsent is not known on this system.
func unsent(device.Port) (n int, known bool) { return 0, false }
