package detect

import (
	"context"

	"tilld/device/sysfs"
)

// Detect lists the hardware below root, "" for the real one, that a till can
// use: serial lines and adapters, USB printers, HID scanners, keyboards that may
// be scanners, cameras, framebuffers.
func Detect(ctx context.Context, root string) ([]Found, error) {
	var nodes []sysfs.Node
	for _, subsystem := range rank {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list, err := sysfs.Tree(root).List(subsystem)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, list...)
	}
	return arrange(nodes), nil
}
