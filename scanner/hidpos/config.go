package hidpos

import (
	"fmt"

	"tilld/scanner/internal/reading"
)

// Config is what an operator may set.
type Config struct {
	// Model is "" or "honeywell": the scanner is told at each opening to speak
	// HID POS (feature report FE, value 01), and beeps at refused codes.
	Model string `json:"model"`
	// Encoding of payloads that are not UTF-8: "gb18030" or "latin1".
	Encoding string `json:"encoding"`
	// GapMS is the pause in milliseconds after which a code whose last report has
	// not come is dropped.
	GapMS int `json:"gap_ms"`
	// MaxPerSecond is how many codes a second, over ten seconds, are believed.
	MaxPerSecond int `json:"max_per_second"`
}

// Defaults suits scanners that are set to HID POS.
var Defaults = Config{Encoding: "gb18030", GapMS: 500, MaxPerSecond: 100}

func (c Config) check() error {
	switch {
	case c.Model != "" && c.Model != "honeywell":
		return fmt.Errorf("model is %q, want honeywell or nothing", c.Model)
	case c.GapMS < 20 || c.GapMS > 10_000:
		return fmt.Errorf("gap_ms is %d, want 20 to 10000", c.GapMS)
	case c.MaxPerSecond < 1 || c.MaxPerSecond > 10_000:
		return fmt.Errorf("max_per_second is %d, want 1 to 10000", c.MaxPerSecond)
	}
	return reading.CheckEncoding(c.Encoding)
}
