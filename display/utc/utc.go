// Package utc drives customer displays of two rows by twenty columns that speak
// the UTC command set of Logic Controls, standard or enhanced, as many
// multi-protocol pole displays do (DIP switch, or ESC # n).
//
// The display never answers. A nil error says that the bytes were handed to
// the serial line, not that anyone could read them.
//
// Source: UTC command lists of the UTC 3190, PosX XP8200 and Tysso VFD-550 manuals
// (US, DLE p, DC1, DC4, ESC d, ESC u). Brightness (EOT n) was not tried on
// hardware.
package utc

import (
	"cmp"
	"context"
	"fmt"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/chars"
	"tilld/display/internal/pole"
)

const (
	reset     = "\x1f"     // clears the glass and every mode
	overwrite = "\x11"     // DC1: at the last cell nothing scrolls
	noCursor  = "\x14"     // DC4
	upper     = "\x10\x00" // DLE and the number of a cell
	lower     = "\x10\x14"
	enhanced  = "\x1bd"  // switches to the enhanced set
	line1     = "\x1buA" // enhanced: and a text, up to the CR
	line2     = "\x1buB"
	cr        = "\r"
	dim       = "\x04" // and a step of:
	steps     = "\x20\x40\x60\xff"
)

// Config is what an operator may set.
type Config struct {
	Mode       string    `json:"mode"`       // "standard" or "enhanced"
	Brightness int       `json:"brightness"` // 1 (20 %) to 4 (100 %); 0 leaves it as it is
	Charset    chars.Set `json:"charset"`    // "ascii", or "gb18030" for panels with a Chinese font
	Blank      bool      `json:"blank"`      // blank the glass when the agent stops
}

// Defaults suits a display as delivered.
var Defaults = Config{Mode: "standard", Charset: chars.ASCII, Blank: true}

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
	var mode error
	if cfg.Mode != "standard" && cfg.Mode != "enhanced" {
		mode = fmt.Errorf("mode is %q, want standard or enhanced", cfg.Mode)
	}
	return cfg, pole.Invalid(s.Name, cmp.Or(mode, pole.CheckBrightness(cfg.Brightness), cfg.Charset.Check()))
}

// Open resets the display, which blanks it. Options are checked before the
// first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.TextPanel, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	proto := pole.Protocol{
		Driver: "utc", Model: "UTC 2x20", Set: cfg.Charset,
		// The first reset may be taken for the cell of a DLE that was cut.
		Recover: reset + reset, Setup: overwrite + noCursor, Before: [2]string{upper, lower},
	}
	if cfg.Mode == "enhanced" {
		// Inside a text only CR is obeyed; the first may be taken for a row's letter.
		proto.Recover, proto.Setup = cr+cr+reset, enhanced+overwrite+noCursor
		proto.Before, proto.After = [2]string{line1, line2}, cr
	}
	if cfg.Brightness > 0 {
		proto.Setup += dim + steps[cfg.Brightness-1:cfg.Brightness]
	}
	if cfg.Blank {
		proto.Blank = reset
	}
	return pole.Open(ctx, p, s.Name, proto)
}
