// Package serialport opens serial:// addresses.
package serialport

import (
	"context"
	"net/url"

	"errors"
	"tilld/device"
	"tilld/internal/fault"
)

// Open opens the line.
func Open(_ context.Context, u *url.URL) (device.Port, error) {
	return nil, fault.New(fault.Config, u.String(), "open", errors.New("not on this system"))
}
