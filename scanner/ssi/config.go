package ssi

import (
	"fmt"

	"tilld/scanner/internal/reading"
)

// Config is what an operator may set.
type Config struct {
	// Trigger is what starts reading: "scanner" (its own trigger or motion
	// sensor), or "host": this program keeps a decode session open all the time.
	Trigger string `json:"trigger"`
	// AIM says that the scanner sends AIM identifiers before the payload. Off, the
	// identifier follows from the bar code type in the packet.
	AIM bool `json:"aim"`
	// Continuation says whether the second and later packets of a long code repeat
	// the bar code type: "type", "data" (they do not), or "auto" (a first byte that
	// equals the type and is a control character is the type).
	Continuation string `json:"continuation"`
	// Beep answers refused codes with three long low beeps.
	Beep bool `json:"beep"`
	// Encoding of payloads that are not UTF-8: "gb18030" or "latin1".
	Encoding string `json:"encoding"`
	// GapMS is the pause in milliseconds that ends a packet which is not whole; it
	// is then asked for again.
	GapMS int `json:"gap_ms"`
	// MaxPerSecond is how many codes a second, over ten seconds, are believed.
	MaxPerSecond int `json:"max_per_second"`
}

// Defaults suits Zebra scanners that are set to SSI.
var Defaults = Config{Trigger: "scanner", Continuation: "auto", Beep: true, Encoding: "gb18030", GapMS: 200, MaxPerSecond: 100}

func (c Config) check() error {
	switch {
	case c.Trigger != "scanner" && c.Trigger != "host":
		return fmt.Errorf("trigger is %q, want scanner or host", c.Trigger)
	case c.Continuation != "auto" && c.Continuation != "type" && c.Continuation != "data":
		return fmt.Errorf("continuation is %q, want auto, type or data", c.Continuation)
	case c.GapMS < 20 || c.GapMS > 1500:
		return fmt.Errorf("gap_ms is %d, want 20 to 1500", c.GapMS)
	case c.MaxPerSecond < 1 || c.MaxPerSecond > 10_000:
		return fmt.Errorf("max_per_second is %d, want 1 to 10000", c.MaxPerSecond)
	}
	return reading.CheckEncoding(c.Encoding)
}
