//go:build !linux

package detect

import (
	"context"

	"tilld/device/serialport"
)

// Detect lists the serial ports that the system knows; root is not used here.
func Detect(ctx context.Context, _ string) ([]Found, error) {
	nodes, err := serialport.List()
	if err != nil {
		return nil, err
	}
	return arrange(nodes), ctx.Err()
}
