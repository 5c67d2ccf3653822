// Package who explains to store IT why a device node cannot be opened: nothing
// there, a permission is missing, or another program holds it, and which.
package who

import (
	"errors"
	"io/fs"
	"strconv"
	"syscall"

	"tilld/device"
	"tilld/internal/fault"
)

// Holder is a process that has a device node open.
type Holder struct {
	PID     int
	Program string
}

// Fault words the error of opening node for the status page.
func Fault(component, node string, err error) error {
	switch {
	case errors.Is(err, syscall.EBUSY):
		return Busy(component, node, err)
	case errors.Is(err, fs.ErrPermission):
		return device.JoinGroup.With("node", node, "group", Group(node)).Fault(fault.Config, component, "open", err)
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return device.CheckAddress.With("why", err.Error()).Fault(fault.Config, component, "open", err)
	default:
		return device.PlugIn.Fault(fault.Absent, component, "open", err)
	}
}

// Busy is the fault for a node that another program holds; it names the
// program as far as that can be seen.
func Busy(component, node string, cause error) error {
	advice := device.HeldByOther
	if h := Holders(node, true); len(h) > 0 {
		switch h[0].Program {
		case "ModemManager":
			advice = device.HeldByModemManager
		case "brltty":
			advice = device.HeldByBrltty
		default:
			advice = device.HeldBy.With("program", h[0].Program, "pid", strconv.Itoa(h[0].PID))
		}
	}
	return advice.Fault(fault.Busy, component, "open", cause)
}
