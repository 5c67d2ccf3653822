package display

import (
	"context"
	"time"

	"tilld/device"
)

// Charset is a TextPanel that has more characters than printable ASCII.
type Charset interface {
	// Has reports whether the panel can draw r.
	Has(r rune) bool
}

// OnText shows scenes on a character panel: the line item scanned last and what
// is due, the amount to pay, thanks and change. A pay code becomes the amount
// alone; see [Graphic].
func OnText(p TextPanel) Display { return onText{p} }

// Text makes an opener of displays from an opener of text panels.
func Text(open device.Opener[TextPanel]) device.Opener[Display] {
	return func(ctx context.Context, p device.Port, s device.Spec) (Display, error) {
		panel, err := open(ctx, p, s)
		if err != nil {
			return nil, err
		}
		return OnText(panel), nil
	}
}

type onText struct{ TextPanel }

func (o onText) Show(ctx context.Context, s Scene) error {
	return o.ShowLines(ctx, layOut(o.TextPanel, s)...)
}

// Test implements [device.Tester]; the next scene replaces what it shows.
func (o onText) Test(ctx context.Context) error {
	if t, ok := o.TextPanel.(device.Tester); ok {
		return t.Test(ctx)
	}
	return o.ShowLines(ctx, "0123456789 test", o.Info().Name)
}

// Refresh has the scene shown again after the panel's own power was off.
func (o onText) Refresh() time.Duration { return 30 * time.Second }
