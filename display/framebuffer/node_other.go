//go:build !linux

package framebuffer

import (
	"errors"

	"tilld/device"
)

func kernelOf(device.Port) (kernel, error) {
	return nil, errors.New("framebuffers are on Linux only")
}
