package sysfs

import (
	"fmt"
	"slices"
	"strings"

	"tilld/device"
	"tilld/internal/fault"
)

// NotOneError says that not exactly one device matches.
type NotOneError struct {
	Want    device.Identity
	Choices []string // addresses of those that match; empty when none does
}

func (e *NotOneError) Error() string {
	if len(e.Choices) == 0 {
		return fmt.Sprintf("no USB device %v is plugged in", e.Want)
	}
	return fmt.Sprintf("%d USB devices %v are plugged in", len(e.Choices), e.Want)
}

// One returns the only node of a subsystem whose hardware matches want, else a
// *NotOneError. A device with several nodes (a composite scanner) counts as one:
// its first is taken, of input nodes the first that is a keyboard, of hidraw nodes
// the first that is a bar code scanner.
func (t Tree) One(subsystem string, want device.Identity) (Node, error) {
	nodes, err := t.Find(subsystem, want)
	if err != nil {
		return Node{}, err
	}
	if wanted := func(n Node) bool { return n.Keyboard || n.POS }; slices.ContainsFunc(nodes, wanted) {
		nodes = slices.DeleteFunc(nodes, func(n Node) bool { return !wanted(n) })
	}
	var choices []string
	boxes := make(map[string]bool)
	for _, n := range nodes {
		box, _, _ := strings.Cut(n.Socket, ":")
		if !boxes[box] {
			boxes[box] = true
			choices = append(choices, n.Stable())
		}
	}
	if len(choices) == 1 {
		return nodes[0], nil
	}
	return Node{}, &NotOneError{Want: want, Choices: choices}
}

// Stable is the path that leads to the same hardware after a reboot: by-path
// when there is one, else the node itself.
func (n Node) Stable() string {
	if n.ByPath != "" {
		return n.ByPath
	}
	return n.Dev
}

// Fault words an error of Find or One for the status page.
func Fault(component string, err error) error {
	if none, ok := err.(*NotOneError); ok && len(none.Choices) > 0 {
		return device.Several.With("id", none.Want.String(), "choices", strings.Join(none.Choices, " ")).
			Fault(fault.Config, component, "find", err)
	}
	return device.PlugIn.Fault(fault.Absent, component, "find", err)
}
