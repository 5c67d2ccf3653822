// Package pole is what the drivers of displays on a serial line have in common:
// whole frames on the wire, and displays of two rows by twenty columns that
// differ only in the bytes around their text.
package pole

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tilld/device"
)

// goodbye is how long blanking the glass may hold up a stop.
const goodbye = 500 * time.Millisecond

// Line sends frames to one display. Safe for concurrent use.
type Line struct {
	Name string // of the device
	Port device.Port
	// Recover makes the display listen again whatever the last frame was cut in.
	Recover []byte

	mu   sync.Mutex // keeps frames whole on the wire
	torn bool       // the last frame may have stopped in the middle
}

// Send writes one whole frame, behind Recover if the one before was torn.
func (l *Line) Send(ctx context.Context, op string, frame []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn {
		frame = slices.Concat(l.Recover, frame)
	}
	err := device.Send(ctx, l.Port, l.Name, op, frame)
	l.torn = err != nil
	return err
}

// Close sends last, unless it is empty or takes too long, and closes the port.
func (l *Line) Close(last []byte) error {
	var err error
	if len(last) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		err = l.Send(ctx, "close", last)
		cancel()
	}
	return errors.Join(err, l.Port.Close())
}
