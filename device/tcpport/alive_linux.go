package tcpport

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tilld/device"
)

var _ device.Prober = (*port)(nil)

// silence is how long the other end may acknowledge nothing of what it was sent.
// TCP_USER_TIMEOUT is no way to say so: it also ends the connection to a printer
// without paper, which takes nothing and acknowledges every question.
const silence = 8 * time.Second

// States of a connection in <linux/tcp.h>.
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

var (
	errOver   = errors.New("the connection is over")
	errHungUp = errors.New("the device hung up")
)

// Alive reports that the other end is gone: keep-alive gave it up, it hung up, or
// it is silent about what it was sent, of which keep-alive does not ask. A
// connection that is given up between two uses is none of these.
func (p *port) Alive() error {
	p.mu.Lock()
	conn, ok := p.conn.(syscall.Conn)
	p.mu.Unlock()
	if !ok {
		return nil
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil // closed under us, which is no news
	}
	var gone error
	if err := raw.Control(func(fd uintptr) { gone = look(int(fd)) }); err != nil {
		return nil
	}
	return gone
}

func look(fd int) error {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return nil // a kernel that does not tell
	}
	acked := time.Duration(info.Last_ack_recv) * time.Millisecond
	switch {
	case info.State == tcpClose:
		return errOver
	case info.State == tcpCloseWait:
		if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil && n == 0 { // what it sent last was read
			return errHungUp
		}
	case info.Retransmits+info.Probes >= 2 && acked >= silence:
		return fmt.Errorf("no sign of life for %v", acked.Round(time.Second))
	}
	return nil
}
