package status

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// connLimit bounds the open connections: when there are too many, the one that
// has waited longest without a request goes. Who opens hundreds and sends
// nothing loses them; a POS application in the middle of a call does not.
type connLimit struct {
	mu   sync.Mutex
	max  int
	all  int
	idle []net.Conn // without a request, longest first
}

func newConnLimit(max int) *connLimit { return &connLimit{max: max} }

func (l *connLimit) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = slices.DeleteFunc(l.idle, func(x net.Conn) bool { return x == c })
	switch s {
	case http.StateNew:
		l.all++
		l.idle = append(l.idle, c)
		if l.all > l.max && len(l.idle) > 0 {
			l.idle[0].Close() // the server notices and reports it closed
		}
	case http.StateIdle:
		l.idle = append(l.idle, c)
	case http.StateHijacked, http.StateClosed:
		l.all--
	}
}
