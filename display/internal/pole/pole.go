package pole

import (
	"context"
	"errors"
	"fmt"

	"tilld/device"
	"tilld/display"
	"tilld/display/internal/chars"
	"tilld/internal/fault"
)

// Columns and Rows of every display that a [Protocol] is for.
const Columns, Rows = 20, 2

// Protocol is what a family of displays wants to hear.
type Protocol struct {
	Driver, Model string
	Recover       string       // makes it listen again in the middle of anything, and blanks it
	Setup         string       // modes and brightness, once it listens
	Before        [Rows]string // puts what follows at the beginning of a row
	After         string       // ends a row's text
	Blank         string       // clears the glass; "" leaves the last scene there at the end
	Set           chars.Set
}

// Open sends Recover and Setup, and returns the panel.
func Open(ctx context.Context, p device.Port, name string, proto Protocol) (display.TextPanel, error) {
	if p == nil {
		return nil, fault.New(fault.Config, name, "open", errors.New("a pole display needs an address"))
	}
	d := &panel{
		proto: proto, info: device.Info{Name: name, Driver: proto.Driver, Model: proto.Model},
		line: Line{Name: name, Port: p, Recover: []byte(proto.Recover + proto.Setup)},
	}
	if err := d.line.Send(ctx, "open", d.line.Recover); err != nil {
		return nil, err
	}
	return d, nil
}

// CheckBrightness reports a step that there is not.
func CheckBrightness(step int) error {
	if step < 0 || step > 4 {
		return fmt.Errorf("brightness is %d, want 1 to 4, or 0 to leave it", step)
	}
	return nil
}

// Invalid is the fault of an option that makes no sense, nil for no error.
func Invalid(name string, err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Config, name, "open", err)
}

type panel struct {
	proto Protocol
	info  device.Info
	line  Line
}

func (d *panel) Info() device.Info { return d.info }
func (d *panel) Size() (int, int)  { return Columns, Rows }

// Has implements [display.Charset].
func (d *panel) Has(r rune) bool { return d.proto.Set.Has(r) }

// ShowLines implements [display.TextPanel]. Both rows are written whole, so
// nothing flickers and nothing of an earlier scene stays.
func (d *panel) ShowLines(ctx context.Context, lines ...string) error {
	var text [Rows]string
	copy(text[:], lines)
	frame := make([]byte, 0, Rows*(Columns+8))
	for row := range text {
		frame = append(frame, d.proto.Before[row]...)
		frame = d.proto.Set.Append(frame, text[row], Columns)
		frame = append(frame, d.proto.After...)
	}
	return d.line.Send(ctx, "show", frame)
}

// Test shows a pattern that lights every cell's place; the next scene replaces it.
func (d *panel) Test(ctx context.Context) error {
	return d.ShowLines(ctx, "ABCDEFGHIJKLMNOPQRST", "0123456789 test "+d.info.Name)
}

// Close blanks the glass if that takes less than half a second, and closes the port.
func (d *panel) Close() error { return d.line.Close([]byte(d.proto.Blank)) }
