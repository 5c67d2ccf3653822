package camera

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tilld/scanner/internal/reading"
)

// Config is what an operator may set.
type Config struct {
	// Formats are looked for in this order; the first that is found in a frame is
	// the frame's code: "qr", "ean" (EAN and UPC), "code128", "datamatrix".
	Formats []string `json:"formats"`
	// FPS is how many frames a second are looked at.
	FPS int `json:"fps"`
	// Width and Height are asked of a camera, in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// MaxPixels is the size to which larger frames are reduced, in pixels.
	MaxPixels int `json:"max_pixels"`
	// Votes is in how many of the newest Window frames a code must be found before
	// it is believed. 0 is 2 for a camera and 1 for a directory.
	Votes  int `json:"votes"`
	Window int `json:"window"`
	// RepeatMS is how long, in milliseconds, a code must have been out of sight
	// before it counts again. 0 is 700 for a camera and none for a directory.
	RepeatMS int `json:"repeat_ms"`
	// Inverted also looks for light codes on a dark ground, in every other frame
	// (in a directory in every one).
	Inverted bool `json:"inverted"`
	// Encoding of payloads that are not UTF-8: "gb18030" or "latin1".
	Encoding string `json:"encoding"`
}

// formats are all that there are.
const formats = "qr ean code128 datamatrix"

// Defaults suits a webcam that looks at a counter.
var Defaults = Config{
	Formats: strings.Fields(formats), FPS: 5, Width: 1280, Height: 720,
	MaxPixels: 1280 * 720, Window: 5, Encoding: "gb18030",
}

func (c Config) check() error {
	for _, f := range c.Formats {
		if !slices.Contains(strings.Fields(formats), f) {
			return fmt.Errorf("formats has %q, want some of %s", f, formats)
		}
	}
	switch {
	case len(c.Formats) == 0:
		return fmt.Errorf("formats is empty, want some of %s", formats)
	case c.FPS < 1 || c.FPS > 30:
		return fmt.Errorf("fps is %d, want 1 to 30", c.FPS)
	case c.Width < 160 || c.Width > 4096 || c.Height < 120 || c.Height > 4096:
		return fmt.Errorf("width and height are %d x %d, want 160 x 120 to 4096 x 4096", c.Width, c.Height)
	case c.MaxPixels < 160*120 || c.MaxPixels > MaxPixels:
		return fmt.Errorf("max_pixels is %d, want %d to %d", c.MaxPixels, 160*120, MaxPixels)
	case c.Window < 1 || c.Window > 30:
		return fmt.Errorf("window is %d, want 1 to 30", c.Window)
	case c.Votes < 0 || c.Votes > c.Window:
		return fmt.Errorf("votes is %d, want 1 to window (%d), or 0", c.Votes, c.Window)
	case c.RepeatMS < 0 || c.RepeatMS > 60_000:
		return fmt.Errorf("repeat_ms is %d, want 0 to 60000", c.RepeatMS)
	}
	return reading.CheckEncoding(c.Encoding)
}

// votes and repeat with what 0 stands for.
func (c Config) judge(directory bool) *judge {
	j := &judge{votes: c.Votes, window: c.Window, repeat: time.Duration(c.RepeatMS) * time.Millisecond}
	if j.votes == 0 {
		j.votes = 2
		if directory {
			j.votes = 1
		}
	}
	if j.repeat == 0 && !directory {
		j.repeat = 700 * time.Millisecond
	}
	return j
}
