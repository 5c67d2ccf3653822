// Package tcpport opens tcp:// addresses: network printers on port 9100,
// serial device servers, and simulators.
package tcpport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"tilld/device"
	"tilld/internal/fault"
)

// dialLimit is enough for any device in the same building.
const dialLimit = 5 * time.Second

// Open connects to tcp://host:port. A cable that is pulled out sends no
// farewell: keep-alive notices it within 10 s.
func Open(ctx context.Context, u *url.URL) (device.Port, error) {
	fail := func(k fault.Kind, hint string, err error) error {
		return &fault.Error{Kind: k, Component: u.Host, Op: "connect", Hint: hint, Err: err}
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return nil, fail(fault.Config, "write tcp://host:port", fmt.Errorf("%q is no tcp address", u.Redacted()))
	}
	d := net.Dialer{
		Timeout:         dialLimit,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 1 * time.Second, Count: 3},
	}
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	var dns *net.DNSError
	switch {
	case err == nil:
		return conn, nil
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, fail(fault.Config, "check the device's name, or write its IP address", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fail(fault.Absent, "the host is there but nothing listens on that port: check the port, or whether another till holds the device", err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return nil, fail(fault.Absent, "check that the device is switched on and its network cable is plugged in", err)
	default:
		return nil, fail(fault.Absent, "check the device's network cable and address", err)
	}
}
