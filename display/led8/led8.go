// Package led8 drives customer displays of eight LED digits with four lamps:
// unit price, total, collect and change (单价 总计 收款 找零). They are sold under
// many names in China and speak the LED8N command set at 2400 baud.
//
// The display has digits only. A scene without money leaves it dark, and an
// amount that eight digits cannot hold is shown as dashes, never cut. It never
// answers: a nil error says that the bytes were handed to the serial line.
//
// Source: LED8N user's manual (CLR, ESC @, ESC Q A, STX L); lamps by ESC s in the
// manuals of its copies.
package led8

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/pole"
	"tilld/internal/fault"
)

const digits = 8

const (
	clr        = "\x0c" // also ends a number that was cut
	initialise = "\x1b@"
	number     = "\x1bQA" // and digits, '-' and '.', up to the CR
	cr         = "\r"
	lamp       = "\x1bs"                 // and one of:
	allLamps   = "\x02L\x31\x31\x31\x31" // each on
	// What was cut may lack up to four parameters, which eat as many CLRs.
	recovery = clr + clr + clr + clr + clr
)

// Lamps, as the last byte of ESC s n.
const (
	none    = "0"
	price   = "1"
	total   = "2"
	collect = "3"
	change  = "4"
)

// Config is what an operator may set.
type Config struct {
	Basket string `json:"basket"` // what is shown while goods are scanned: "total", or "price" of the last one
	Blank  bool   `json:"blank"`  // dark when the agent stops
}

// Defaults suits a display as delivered.
var Defaults = Config{Basket: "total", Blank: true}

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
	if cfg.Basket != "total" && cfg.Basket != "price" {
		return cfg, fault.New(fault.Config, s.Name, "open", fmt.Errorf("basket is %q, want total or price", cfg.Basket))
	}
	return cfg, nil
}

type led struct {
	info device.Info
	cfg  Config
	line pole.Line
}

// Open resets the display, which makes it dark. Options are checked before the
// first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.Display, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a pole display needs an address"))
	}
	d := &led{
		info: device.Info{Name: s.Name, Driver: "led8", Model: "LED8"}, cfg: cfg,
		line: pole.Line{Name: s.Name, Port: p, Recover: []byte(recovery)},
	}
	if err := d.line.Send(ctx, "open", []byte(recovery+initialise+lamp+none)); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *led) Info() device.Info { return d.info }

// Show implements [display.Display].
func (d *led) Show(ctx context.Context, s display.Scene) error {
	amount, which, ok := d.pick(s)
	frame := clr + lamp + none
	if ok {
		frame = clr + lamp + which + number + fit(display.Money(amount, s.Currency)) + cr
	}
	return d.line.Send(ctx, "show", []byte(frame))
}

// pick is the one amount of a scene that counts now, and its lamp.
func (d *led) pick(s display.Scene) (amount int64, which string, ok bool) {
	if s.Total != nil {
		amount, ok = *s.Total, true
	}
	switch s.Kind {
	case display.Basket:
		if line, has := last(s.Lines); has && d.cfg.Basket == "price" {
			return line.UnitPrice, price, true
		}
		return amount, total, ok
	case display.Paying:
		if s.Pay != nil {
			return s.Pay.Amount, collect, true
		}
		return amount, collect, ok
	case display.Processing, display.Failed:
		return amount, collect, ok
	case display.Paid:
		if s.Paid != nil && s.Paid.Change > 0 {
			return s.Paid.Change, change, true
		}
		return amount, total, ok
	default:
		return 0, none, false
	}
}

// last is the line item that changed last.
func last(lines []display.Line) (display.Line, bool) {
	for _, l := range lines {
		if l.Highlight {
			return l, true
		}
	}
	if len(lines) == 0 {
		return display.Line{}, false
	}
	return lines[len(lines)-1], true
}

// fit is money on eight digits, of which the point takes none.
func fit(money string) string {
	if len(strings.Replace(money, ".", "", 1)) > digits {
		return strings.Repeat("-", digits)
	}
	return money
}

// Test lights everything; the next scene replaces it.
func (d *led) Test(ctx context.Context) error {
	return d.line.Send(ctx, "test", []byte(clr+allLamps+number+strings.Repeat("8.", digits-1)+"8"+cr))
}

// Refresh has the scene shown again after the display's own power was off.
func (d *led) Refresh() time.Duration { return 30 * time.Second }

// Close makes the display dark if that takes less than half a second, and
// closes the port.
func (d *led) Close() error {
	if !d.cfg.Blank {
		return d.line.Close(nil)
	}
	return d.line.Close([]byte(clr + lamp + none))
}
