package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"tilld/internal/sim"
)

// extraDisplay is a display that somebody asked for beside the pole display that
// every shop has.
type extraDisplay struct {
	name    string
	config  string // its line in tilld's configuration
	glass   func() string
	changed func() <-chan struct{}
}

// plugDisplays makes the displays of these families, each on a cable of its own
// named tty-<family>, tty-<family>-2 and so on.
func (s *shop) plugDisplays(families []string) ([]extraDisplay, error) {
	var list []extraDisplay
	for i, family := range families {
		name := "display-" + family
		if n := strings.Count(strings.Join(families[:i], ",")+",", family+","); n > 0 {
			name += fmt.Sprintf("-%d", n+1)
		}
		d, run, baud, err := newDisplay(name, family)
		if err != nil {
			return list, err
		}
		cable, err := sim.NewCable(s.dir, "tty-"+strings.TrimPrefix(name, "display-"))
		if err != nil {
			return list, err
		}
		s.extra = append(s.extra, cable)
		s.part(func() error { return run(cable) })
		d.config = fmt.Sprintf("  - {name: %s, kind: display, driver: %s, address: %q}\n", name, family, cable.Address(baud)+"&backend=tarm")
		list = append(list, d)
	}
	return list, nil
}

// newDisplay makes one display, and says at which speed it listens.
func newDisplay(name, family string) (d extraDisplay, run func(io.Reader) error, baud int, err error) {
	d.name = name
	switch family {
	case "led8":
		led := sim.NewLED8()
		d.changed = led.Changed
		d.glass = func() string { return fmt.Sprintf("[%8s] %s", led.Text(), strings.Join(led.Lamps(), " ")) }
		return d, led.Run, 2400, nil
	case "qrscreen":
		screen := sim.NewQRScreen()
		d.changed = screen.Changed
		d.glass = func() string {
			t := screen.Texts()
			return fmt.Sprintf("code %q, [%s] [%s] [%s]", screen.Codes(), t[0], t[1], t[2])
		}
		return d, screen.Run, 115200, nil
	}
	pole, err := sim.NewPoleOf(family, false)
	if err != nil {
		return d, nil, 0, fmt.Errorf("--display %s: want one of %s, led8, qrscreen", family, strings.Join(sim.Families(), ", "))
	}
	d.changed = pole.Changed
	d.glass = func() string { r := pole.Rows(); return "[" + r[0] + "]\n      [" + r[1] + "]" }
	return d, pole.Run, 9600, nil
}

// lines are the displays in a list of devices.
func lines(list []extraDisplay) string {
	var b strings.Builder
	for _, d := range list {
		b.WriteString(d.config)
	}
	return b.String()
}

// watchDisplay writes what stands on a display whenever it has changed.
func watchDisplay(ctx context.Context, out io.Writer, d extraDisplay) error {
	for last := d.glass(); ; {
		changed := d.changed()
		if now := d.glass(); now != last {
			last = now
			fmt.Fprintf(out, "\n%s\n      %s\n", d.name, now)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			time.Sleep(5 * time.Millisecond) // the rest of one scene
		}
	}
}
