package line

import (
	"context"
	"sync"

	"tilld/device"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
)

// Opener returns an [Open] that remembers, by device name, the code in whose
// middle a port failed: a serial server on the network hands the rest of it to
// the next connection, and the rest is in doubt there too.
func Opener() device.Opener[scanner.Scanner] {
	m := &memory{tears: map[string]reading.Tear{}}
	return func(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
		return open(p, s, m)
	}
}

// memory is what is in doubt while a device has no port. A nil one forgets.
type memory struct {
	mu    sync.Mutex
	tears map[string]reading.Tear
}

func (m *memory) keep(name string, t reading.Tear) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tears[name] = t
}

// take returns what was kept last and forgets it.
func (m *memory) take(name string) (t reading.Tear) {
	if m == nil {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t = m.tears[name]
	delete(m.tears, name)
	return t
}
