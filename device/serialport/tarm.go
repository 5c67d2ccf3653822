package serialport

import (
	"errors"
	"fmt"
	"io"
	"time"

	tarm "github.com/tarm/serial"
)

// tarmLine is a line opened with github.com/tarm/serial, for write-only
// displays and for adapters that refuse the mode settings of the first backend.
type tarmLine struct {
	*tarm.Port
	early int // time-outs in a row that came too early to be one
}

func openTarm(s settings) (line, error) {
	c := &tarm.Config{Name: s.node, Baud: s.baud, ReadTimeout: poll, Size: byte(s.data), Parity: tarm.Parity(s.parity)}
	switch s.stop {
	case "1":
		c.StopBits = tarm.Stop1
	case "1.5":
		c.StopBits = tarm.Stop1Half
	case "2":
		c.StopBits = tarm.Stop2
	}
	p, err := tarm.OpenPort(c)
	switch {
	case err == nil:
		return &tarmLine{Port: p}, nil
	case errors.Is(err, tarm.ErrBadSize), errors.Is(err, tarm.ErrBadStopBits), errors.Is(err, tarm.ErrBadParity), !tarmSpeed(s.baud):
		return nil, fmt.Errorf("%w: backend tarm: %w", errSetting, err)
	default:
		return nil, err
	}
}

// tarmSpeed reports whether the module's table has the speed; its own error for
// that has no type.
func tarmSpeed(baud int) bool {
	switch baud {
	case 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400,
		460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000:
		return true
	}
	return false
}

// Read turns the module's io.EOF, its word for a time-out, into (0, nil). An
// unplugged adapter gives EIO once and then EOF for ever and at once, which is
// how the two are told apart.
func (l *tarmLine) Read(b []byte) (int, error) {
	began := time.Now()
	n, err := l.Port.Read(b)
	if !errors.Is(err, io.EOF) {
		l.early = 0
		return n, err
	}
	if time.Since(began) > poll/2 {
		l.early = 0
	} else if l.early++; l.early > 5 {
		return 0, errGone
	}
	return n, nil
}

func (l *tarmLine) ready() bool { return true }
