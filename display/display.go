package display

import (
	"context"

	"tilld/device"
)

// Display shows one scene at a time.
type Display interface {
	device.Device
	// Show replaces what is on the glass and returns once the device has it. A
	// display that cannot draw a code shows the rest and returns nil; ask for
	// [Graphic] before counting on a pay code being seen. Errors are *fault.Error.
	Show(ctx context.Context, s Scene) error
}

// Graphic is a Display that can draw codes. Dots is the side of the largest
// square it can give a code, in pixels.
type Graphic interface {
	Display
	Dots() int
}

// TextPanel is a display with character cells only, such as a pole display.
// [OnText] makes a Display of it.
type TextPanel interface {
	device.Device
	Size() (columns, rows int)
	// ShowLines replaces all rows. Lines are cut or padded to the columns;
	// characters that the panel does not have become '?'; missing lines are blank.
	ShowLines(ctx context.Context, lines ...string) error
}
