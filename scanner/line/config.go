package line

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Config is what an operator may set. The values describe how the scanner is
// programmed; the agent never programs a scanner by itself.
type Config struct {
	// Suffix ends a code: "cr" (also takes LF and CR LF), "lf", "crlf", "tab",
	// "etx", "none" (GapMS of silence ends a code), or bytes as "hex:0d0a".
	Suffix string `json:"suffix"`
	// Prefix begins a code: "", "stx", or bytes as "hex:02". A line that has not
	// got it is noise.
	Prefix string `json:"prefix"`
	// AIM says that the scanner sends AIM identifiers ("]Q1") before the payload.
	// Off, a payload that begins with "]" stays as it is.
	AIM bool `json:"aim"`
	// Encoding of payloads that are not UTF-8: "gb18030" or "latin1".
	Encoding string `json:"encoding"`
	// GapMS is the silence in milliseconds after which an unfinished code is
	// dropped, or with suffix "none" is complete. 0 is 500, or 50 without suffix.
	GapMS int `json:"gap_ms"`
	// Model enables host commands (beeps): "" or "honeywell".
	Model string `json:"model"`
	// MaxPerSecond is how many codes a second, over ten seconds, are believed.
	MaxPerSecond int `json:"max_per_second"`
}

// Defaults suits most scanners as delivered.
var Defaults = Config{Suffix: "cr", Encoding: "gb18030", MaxPerSecond: 100}

// settings is a checked Config.
type settings struct {
	suffix   []byte
	lineEnd  bool // CR or LF ends a code, in any combination
	prefix   []byte
	aim      bool
	encoding string
	gap      time.Duration
	model    string
	rate     int
}

func (c Config) compile() (settings, error) {
	s := settings{aim: c.AIM, encoding: c.Encoding, model: c.Model, rate: c.MaxPerSecond, gap: time.Duration(c.GapMS) * time.Millisecond}
	var err error
	if s.suffix, err = control(c.Suffix); err != nil {
		return s, fmt.Errorf("suffix: %w", err)
	}
	if s.prefix, err = control(c.Prefix); err != nil {
		return s, fmt.Errorf("prefix: %w", err)
	}
	s.lineEnd = c.Suffix == "cr" || c.Suffix == "lf" || c.Suffix == "crlf"
	switch {
	case c.Encoding != "gb18030" && c.Encoding != "latin1":
		return s, fmt.Errorf("encoding is %q, want gb18030 or latin1", c.Encoding)
	case c.Model != "" && c.Model != "honeywell":
		return s, fmt.Errorf("model is %q, want honeywell or nothing", c.Model)
	case c.GapMS < 0 || c.GapMS > 10_000:
		return s, fmt.Errorf("gap_ms is %d, want 0 to 10000", c.GapMS)
	case c.MaxPerSecond < 1 || c.MaxPerSecond > 10_000:
		return s, fmt.Errorf("max_per_second is %d, want 1 to 10000", c.MaxPerSecond)
	case c.GapMS == 0 && len(s.suffix) == 0:
		s.gap = 50 * time.Millisecond
	case c.GapMS == 0:
		s.gap = 500 * time.Millisecond
	}
	return s, nil
}

func control(name string) ([]byte, error) {
	switch name {
	case "", "none":
		return nil, nil
	case "cr":
		return []byte{'\r'}, nil
	case "lf":
		return []byte{'\n'}, nil
	case "crlf":
		return []byte{'\r', '\n'}, nil
	case "tab":
		return []byte{'\t'}, nil
	case "stx":
		return []byte{2}, nil
	case "etx":
		return []byte{3}, nil
	}
	digits, ok := strings.CutPrefix(name, "hex:")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) == 0 || len(b) > 8 {
		return nil, fmt.Errorf("%q is none of cr lf crlf tab stx etx none, nor hex: with 1 to 8 bytes", name)
	}
	return b, nil
}
