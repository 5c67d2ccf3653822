//go:build !linux

package camera

import (
	"errors"

	"tilld/device"
	"tilld/internal/fault"
)

func openCamera(name, path string, _ Config) (source, error) {
	return nil, device.NoSuchHere.With("why", path).Fault(fault.Config, name, "open", errors.New("cameras are read on Linux only"))
}
