package hotplug

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Multicast groups of NETLINK_KOBJECT_UEVENT.
const (
	fromKernel = 1
	fromUdev   = 2 // the same once the rules have run: node, group and links are there
)

// listen calls heard for every uevent until ctx ends or the socket fails.
func listen(ctx context.Context, heard func(Event)) error {
	group := uint32(fromKernel)
	if _, err := os.Stat("/run/udev/control"); err == nil {
		group = fromUdev
	}
	conn, err := netlink.Dial(unix.NETLINK_KOBJECT_UEVENT, &netlink.Config{Groups: group})
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	buf := make([]byte, maxEvent)
	for ctx.Err() == nil {
		// Uevents are not netlink messages: they have no header, so they are
		// taken from the socket as they are.
		var n int
		var from unix.Sockaddr
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, from, rerr = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
			return !errors.Is(rerr, unix.EAGAIN) && !errors.Is(rerr, unix.EINTR)
		})
		switch {
		case err != nil:
			return err
		case errors.Is(rerr, unix.ENOBUFS):
			heard(Event{Action: "lost", Subsystem: "usb"}) // some were missed: look again
			continue
		case rerr != nil:
			return rerr
		}
		// Only root can send to the group; anyone can send to us alone.
		if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Groups == 0 {
			continue
		}
		if e, err := Parse(buf[:n]); err == nil {
			heard(e)
		}
	}
	return ctx.Err()
}
