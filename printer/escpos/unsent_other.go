//go:build !linux

package escpos

import "tilld/device"

// unsent is not known on this system.
func unsent(device.Port) (n int, known bool) { return 0, false }
