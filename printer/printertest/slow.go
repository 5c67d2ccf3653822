package printertest

import (
	"net"
	"testing"
	"time"

	"tilld/device"
)

// SlowLine puts a serial line of so many baud between the caller and far, in the
// direction to far. It holds no bytes: a write takes as long as the line does.
func SlowLine(t testing.TB, far device.Port, baud int) device.Port {
	near, line := net.Pipe()
	go relay(far, line, func(n int) { time.Sleep(time.Duration(n) * 10 * time.Second / time.Duration(baud)) })
	go relay(line, far, func(int) {})
	t.Cleanup(func() { near.Close() })
	return near
}

// relay copies until either end is closed; wait is called with the bytes of each
// piece.
func relay(to, from device.Port, wait func(n int)) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 96)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		wait(n)
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
