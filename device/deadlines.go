package device

import "time"

// halves is a port whose directions have deadlines of their own, as every
// net.Conn and every port of this module's has.
type halves interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// SetReadDeadline bounds Reads only, where the port can: a driver may then read
// in one goroutine while another one writes. Otherwise it bounds both.
func SetReadDeadline(p Port, t time.Time) error {
	if h, ok := p.(halves); ok {
		return h.SetReadDeadline(t)
	}
	return p.SetDeadline(t)
}

// SetWriteDeadline bounds Writes only, where the port can.
func SetWriteDeadline(p Port, t time.Time) error {
	if h, ok := p.(halves); ok {
		return h.SetWriteDeadline(t)
	}
	return p.SetDeadline(t)
}
