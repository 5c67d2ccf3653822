// Package epson drives customer displays of two rows by twenty columns that
// speak the ESC/POS command set of Epson's DM-D series (DM-D110, DM-D210 and
// the many that copy them).
//
// The display never answers. A nil error says that the bytes were handed to
// the serial line, not that anyone could read them.
//
// Source: ESC/POS display commands of the DM-D manuals (US $, CLR, ESC @, US MD1,
// US C, US X, ESC =), as copied in the PosX XP8200 and Tysso VFD-550 manuals.
package epson

import (
	"cmp"
	"context"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/chars"
	"tilld/display/internal/pole"
)

const (
	clr           = "\x0c"
	selectDisplay = "\x1b=\x02" // on a cable that leads through the display to a printer
	initialise    = "\x1b@"
	overwrite     = "\x1f\x01" // at the last cell nothing scrolls
	noCursor      = "\x1fC\x00"
	brightness    = "\x1fX"         // and 1 to 4
	upper         = "\x1f$\x01\x01" // column 1 of row 1
	lower         = "\x1f$\x01\x02"
	nothing       = "\x00\x00" // ends a US $ that lost its two parameters
)

// Config is what an operator may set.
type Config struct {
	Brightness  int       `json:"brightness"`  // 1 (20 %) to 4 (100 %); 0 leaves it as it is
	Charset     chars.Set `json:"charset"`     // "ascii", or "gb18030" for panels with a Chinese font
	Blank       bool      `json:"blank"`       // blank the glass when the agent stops
	Passthrough bool      `json:"passthrough"` // a printer hangs on the same cable, behind the display
}

// Defaults suits a display as delivered.
var Defaults = Config{Brightness: 4, Charset: chars.ASCII, Blank: true}

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
	return cfg, pole.Invalid(s.Name, cmp.Or(pole.CheckBrightness(cfg.Brightness), cfg.Charset.Check()))
}

// Open resets the display, blanks it and sets its modes. Options are checked
// before the first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.TextPanel, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	proto := pole.Protocol{
		Driver: "epson", Model: "Epson DM-D 2x20", Set: cfg.Charset,
		Recover: nothing + clr + initialise, Setup: overwrite + noCursor, Before: [2]string{upper, lower},
	}
	if cfg.Passthrough {
		proto.Recover = nothing + selectDisplay + clr + initialise
	}
	if cfg.Brightness > 0 {
		proto.Setup += brightness + string(rune(cfg.Brightness))
	}
	if cfg.Blank {
		proto.Blank = clr
	}
	return pole.Open(ctx, p, s.Name, proto)
}
