package wedge

import (
	"fmt"
	"time"

	"tilld/scanner/internal/reading"
)

// Config is what an operator may set. The values describe how the scanner is
// programmed; it must be set to the US keyboard layout.
type Config struct {
	// Suffix is the key that ends a code: "enter", "tab" or "any" (either).
	Suffix string `json:"suffix"`
	// AIM says that the scanner sends AIM identifiers ("]Q1") before the payload.
	AIM bool `json:"aim"`
	// ALT says what the numbers of ALT codes (ALT held, digits on the keypad)
	// are: "bytes" of the payload, two at a time for GBK, or "unicode".
	ALT string `json:"alt"`
	// Encoding of payloads of bytes that are not UTF-8: "gb18030" or "latin1".
	Encoding string `json:"encoding"`
	// GapMS is the pause between two keys in milliseconds after which an
	// unfinished code is dropped.
	GapMS int `json:"gap_ms"`
	// Grab keeps the keystrokes from every other program. Without it they also go
	// to whatever window is in front.
	Grab bool `json:"grab"`
	// MaxPerSecond is how many codes a second, over ten seconds, are believed.
	MaxPerSecond int `json:"max_per_second"`
}

// Defaults suits most scanners as delivered.
var Defaults = Config{Suffix: "enter", ALT: "bytes", Encoding: "gb18030", GapMS: 300, Grab: true, MaxPerSecond: 100}

// settings is a checked Config.
type settings struct {
	enter, tab bool // what ends a code
	aim        bool
	unicode    bool
	encoding   string
	gap        time.Duration
	grab       bool
	rate       int
}

func (c Config) compile() (settings, error) {
	s := settings{
		enter: c.Suffix != "tab", tab: c.Suffix != "enter", aim: c.AIM, unicode: c.ALT == "unicode",
		encoding: c.Encoding, gap: time.Duration(c.GapMS) * time.Millisecond, grab: c.Grab, rate: c.MaxPerSecond,
	}
	switch {
	case c.Suffix != "enter" && c.Suffix != "tab" && c.Suffix != "any":
		return s, fmt.Errorf("suffix is %q, want enter, tab or any", c.Suffix)
	case c.ALT != "bytes" && c.ALT != "unicode":
		return s, fmt.Errorf("alt is %q, want bytes or unicode", c.ALT)
	case c.GapMS < 20 || c.GapMS > 10_000:
		return s, fmt.Errorf("gap_ms is %d, want 20 to 10000", c.GapMS)
	case c.MaxPerSecond < 1 || c.MaxPerSecond > 10_000:
		return s, fmt.Errorf("max_per_second is %d, want 1 to 10000", c.MaxPerSecond)
	}
	return s, reading.CheckEncoding(c.Encoding)
}
