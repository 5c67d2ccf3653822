// Package tcpport opens tcp:// addresses: network printers on port 9100,
// serial device servers, and simulators.
package tcpport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

// dialLimit is enough for any device in the same building.
const dialLimit = 5 * time.Second

// Check says what is wrong with an address, without looking for the host.
func Check(u *url.URL) error {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return fmt.Errorf("%q is not tcp://host:port", u.Redacted())
	}
	return nil
}

// Open connects to tcp://host:port. A cable that is pulled out sends no
// farewell: keep-alive notices it within 10 s, and on Linux [device.Prober] while
// something is on its way, too.
func Open(ctx context.Context, u *url.URL) (device.Port, error) {
	if err := Check(u); err != nil {
		return nil, device.CheckAddress.With("why", err.Error()).Fault(fault.Config, u.Host, "connect", err)
	}
	conn, err := dialer().DialContext(ctx, "tcp", u.Host)
	switch {
	case err == nil:
		return newPort(u.Host, conn), nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, nobodyListens.With("port", u.Port()).Fault(fault.Absent, u.Host, "connect", err)
	default:
		return nil, plugInNetwork.With("host", u.Hostname()).Fault(fault.Absent, u.Host, "connect", err)
	}
}

func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         dialLimit,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 3},
	}
}

var (
	nobodyListens = device.Advice{Code: "nobody_listens", Text: lang.Text{
		ZH: "设备在线，但端口 {port} 没有应答：请检查端口号，或是否有另一台收银机正在使用它",
		EN: "the device is there but nothing answers on port {port}: check the port, and whether another till is using the device",
	}}
	plugInNetwork = device.Advice{Code: "no_network", Text: lang.Text{
		ZH: "连接不到 {host}：请检查设备电源、网线和 IP 地址",
		EN: "{host} cannot be reached: check that the device is switched on, its network cable and its IP address",
	}}
)
