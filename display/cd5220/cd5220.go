// Package cd5220 drives customer pole displays of two rows by twenty columns
// that speak the CD5220 command set: most pole displays do, or can be switched
// to it (DIP switch, or ESC # n).
//
// The display never answers. A nil error says that the bytes were handed to
// the serial line, not that anyone could read them; an unplugged display is
// noticed by its adapter going away, a dead one by nobody.
//
// Source: CD5220 command list of the Partner Tech, PosX XP8200 and Bematech LDX
// manuals (ESC Q A, ESC Q B, CLR, ESC @, ESC *).
package cd5220

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/fault"
)

const (
	columns, rows = 20, 2

	clr = 0x0c // blanks the glass; the one command obeyed in the middle of a string
	esc = 0x1b
	cr  = 0x0d
)

// Config is what an operator may set.
type Config struct {
	Brightness int    `json:"brightness"` // 1 (20 %) to 4 (100 %); 0 leaves it as it is
	Charset    string `json:"charset"`    // "ascii", or "gb18030" for panels with a Chinese font
	Blank      bool   `json:"blank"`      // blank the glass when the agent stops
}

// Defaults suits a display as delivered.
var Defaults = Config{Brightness: 4, Charset: "ascii", Blank: true}

type panel struct {
	info device.Info
	cfg  Config
	port device.Port

	mu   sync.Mutex // keeps frames whole on the wire
	torn bool       // the last frame may have stopped in the middle
}

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (Config, error) {
	cfg := Defaults
	if err := s.Decode(&cfg); err != nil {
		return cfg, err
	}
	switch {
	case cfg.Brightness < 0 || cfg.Brightness > 4:
		return cfg, fault.New(fault.Config, s.Name, "open", fmt.Errorf("brightness is %d, want 1 to 4", cfg.Brightness))
	case cfg.Charset != "ascii" && cfg.Charset != "gb18030":
		return cfg, fault.New(fault.Config, s.Name, "open", fmt.Errorf("charset is %q, want ascii or gb18030", cfg.Charset))
	}
	return cfg, nil
}

// Open resets the display, blanks it and sets its brightness. Options are
// checked before the first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.TextPanel, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a pole display needs an address"))
	}
	d := &panel{info: device.Info{Name: s.Name, Driver: "cd5220", Model: "CD5220 2x20"}, cfg: cfg, port: p}
	hello := []byte{clr, esc, '@'}
	if cfg.Brightness > 0 {
		hello = append(hello, esc, '*', byte(cfg.Brightness))
	}
	if err := d.send(ctx, "open", hello); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *panel) Info() device.Info { return d.info }
func (d *panel) Size() (int, int)  { return columns, rows }

// ShowLines implements [display.TextPanel]. Both rows are written whole, so
// nothing flickers and nothing of an earlier scene stays.
func (d *panel) ShowLines(ctx context.Context, lines ...string) error {
	var text [rows]string
	copy(text[:], lines)
	frame := make([]byte, 0, rows*(columns+4))
	frame = d.appendRow(frame, 'A', text[0])
	frame = d.appendRow(frame, 'B', text[1])
	return d.send(ctx, "show", frame)
}

// Test shows a pattern that lights every cell's place; the next scene replaces it.
func (d *panel) Test(ctx context.Context) error {
	return d.ShowLines(ctx, "ABCDEFGHIJKLMNOPQRST", "0123456789 test "+d.info.Name)
}

// Close blanks the glass if that takes less than half a second, and closes the port.
func (d *panel) Close() error {
	var err error
	if d.cfg.Blank {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		err = d.send(ctx, "close", []byte{clr})
		cancel()
	}
	return errors.Join(err, d.port.Close())
}

func (d *panel) send(ctx context.Context, op string, frame []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.torn {
		// Inside a string the display takes everything but CLR for text.
		frame = append([]byte{clr}, frame...)
	}
	err := device.Send(ctx, d.port, d.info.Name, op, frame)
	d.torn = err != nil
	return err
}
