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
	"cmp"
	"context"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/chars"
	"tilld/display/internal/pole"
)

const (
	clr        = "\x0c"   // blanks the glass; the one command obeyed in the middle of a string
	initialise = "\x1b@"  //
	brightness = "\x1b*"  // and 1 to 4
	upper      = "\x1bQA" // and a text, up to the CR
	lower      = "\x1bQB"
	cr         = "\r"
)

// Config is what an operator may set.
type Config struct {
	Brightness int       `json:"brightness"` // 1 (20 %) to 4 (100 %); 0 leaves it as it is
	Charset    chars.Set `json:"charset"`    // "ascii", or "gb18030" for panels with a Chinese font
	Blank      bool      `json:"blank"`      // blank the glass when the agent stops
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

// Open resets the display, blanks it and sets its brightness. Options are
// checked before the first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.TextPanel, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	proto := pole.Protocol{
		Driver: "cd5220", Model: "CD5220 2x20", Set: cfg.Charset,
		// The first CLR may be taken for the parameter of a command that was cut.
		Recover: clr + clr + initialise,
		Before:  [2]string{upper, lower}, After: cr,
	}
	if cfg.Brightness > 0 {
		proto.Setup = brightness + string(rune(cfg.Brightness))
	}
	if cfg.Blank {
		proto.Blank = clr
	}
	return pole.Open(ctx, p, s.Name, proto)
}
