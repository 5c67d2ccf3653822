// Package dsp800 drives customer displays of two rows by twenty columns that
// speak the DSP800 command set: EOT SOH, a letter, its parameters, ETB. Most
// multi-protocol pole displays offer it (DIP switch, or ESC # n).
//
// The display answers each command (ACK, NAK), many copies do not, so the
// driver does not wait for it: a nil error says that the bytes were handed to
// the serial line, not that anyone could read them.
//
// Source: DSP800 command lists of the PosX XP8200 and Tysso VFD-550 manuals
// (clear a range, position). Initialising (%) and brightness (A) are in one list
// only and were not tried on hardware.
package dsp800

import (
	"cmp"
	"context"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/chars"
	"tilld/display/internal/pole"
)

// A cell's number is 31h for the first of the upper row to 58h for the last of
// the lower one.
const (
	begin      = "\x04\x01" // EOT SOH
	end        = "\x17"     // ETB
	initialise = begin + "%" + end
	clr        = begin + "C\x31\x58" + end
	upper      = begin + "P\x31" + end
	lower      = begin + "P\x45" + end
	brightness = begin + "A"     // '1' to '4', ETB
	nothing    = end + end + end // ends whatever was cut: at most two parameters are missing
)

// Config is what an operator may set.
type Config struct {
	Brightness int       `json:"brightness"` // 1 (20 %) to 4 (100 %); 0 leaves it as it is
	Charset    chars.Set `json:"charset"`    // "ascii", or "gb18030" for panels with a Chinese font
	Blank      bool      `json:"blank"`      // blank the glass when the agent stops
}

// Defaults suits a display as delivered.
var Defaults = Config{Charset: chars.ASCII, Blank: true}

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

// Open initialises the display and blanks it. Options are checked before the
// first byte is sent.
func Open(ctx context.Context, p device.Port, s device.Spec) (display.TextPanel, error) {
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	proto := pole.Protocol{
		Driver: "dsp800", Model: "DSP800 2x20", Set: cfg.Charset,
		Recover: nothing + initialise + clr, Before: [2]string{upper, lower},
	}
	if cfg.Brightness > 0 {
		proto.Setup = brightness + string(rune('0'+cfg.Brightness)) + end
	}
	if cfg.Blank {
		proto.Blank = clr
	}
	return pole.Open(ctx, p, s.Name, proto)
}
