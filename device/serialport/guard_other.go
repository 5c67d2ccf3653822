//go:build !linux

package serialport

import "time"

// guard does not exist on this system: [Port] then reads in a goroutine of its
// own, and the backend's exclusive open is the lock.
type guard struct{}

func openGuard(string) (*guard, error)          { return nil, nil }
func (*guard) waitRead() error                  { return nil }
func (*guard) read([]byte) (int, error)         { return 0, nil }
func (*guard) waitWrite() error                 { return nil }
func (*guard) alive() error                     { return nil }
func (*guard) setReadDeadline(time.Time) error  { return nil }
func (*guard) setWriteDeadline(time.Time) error { return nil }
func (*guard) configure(string) error           { return nil }
func (*guard) queued() int                      { return 0 }
func (*guard) discard() error                   { return nil }
func (*guard) lock(string) error                { return nil }
func (*guard) claim(bool) error                 { return nil }
func (*guard) close() error                     { return nil }
