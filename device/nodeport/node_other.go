//go:build !linux

package nodeport

import (
	"errors"

	"tilld/device"
	"tilld/internal/fault"
)

func open(name, _ string, _ device.Identity, _ string) (device.Port, error) {
	return nil, device.NoSuchHere.With("why", name).Fault(fault.Config, name, "open", errors.New("device nodes exist on Linux only"))
}
