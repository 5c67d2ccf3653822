package display_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/dial"
	"tilld/display"
	"tilld/display/cd5220"
	"tilld/display/displaytest"
	"tilld/display/dsp800"
	"tilld/display/epson"
	"tilld/display/led8"
	"tilld/display/qrscreen"
	"tilld/display/utc"
	"tilld/internal/sim"
)

// families are the drivers of character displays, each with the simulated
// display that is set to its command set.
var families = []struct {
	driver, options, sim string
	open                 device.Opener[display.TextPanel]
}{
	{"cd5220", `{}`, "cd5220", cd5220.Open},
	{"epson", `{}`, "epson", epson.Open},
	{"epson", `{"passthrough": true}`, "epson", epson.Open},
	{"dsp800", `{"brightness": 2}`, "dsp800", dsp800.Open},
	{"utc", `{"brightness": 2}`, "utc", utc.Open},
	{"utc", `{"mode": "enhanced"}`, "utc", utc.Open},
}

func withFont(options string, chinese bool) json.RawMessage {
	if !chinese {
		return json.RawMessage(options)
	}
	return json.RawMessage(strings.Replace(strings.Replace(options, "}", `, "charset": "gb18030"}`, 1), "{, ", "{", 1))
}

// The same scene is the same text on the glass of every family, on a real
// pseudo-terminal and with both serial backends.
func TestSameTextOnEveryFamily(t *testing.T) {
	for _, chinese := range []bool{false, true} {
		var first [][2]string
		for i, f := range families {
			backend := []string{"bugst", "tarm"}[i%2]
			if f.driver == "cd5220" {
				backend = "tarm" // as tills are configured
			}
			rows := onGlass(t, f.open, f.sim, backend, device.Spec{Name: "pole-1", Driver: f.driver, Options: withFont(f.options, chinese)}, chinese)
			if first == nil {
				first = rows
				want := [2]string{"Apple x0.735kg 19.90", "Total         147.90"}
				if chinese {
					want = [2]string{"苹果 x0.735kg  19.90", "合计          147.90"}
				}
				if rows[1] != want {
					t.Errorf("basket: %q, want %q", rows[1], want)
				}
			}
			if !slices.Equal(rows, first) {
				t.Errorf("%s %s: %q\nwant what %s shows: %q", f.driver, f.options, rows, families[0].driver, first)
			}
		}
	}
}

// onGlass shows every scene through the driver on a real pseudo-terminal and
// returns what then stands on the glass.
func onGlass(t *testing.T, open device.Opener[display.TextPanel], family, backend string, spec device.Spec, chinese bool) [][2]string {
	t.Helper()
	pole, err := sim.NewPoleOf(family, chinese)
	if err != nil {
		t.Fatal(err)
	}
	cable := plug(t, pole.Run)
	d := dialed(t, display.Text(open), spec, cable.Address(9600)+"&backend="+backend)
	var list [][2]string
	for _, s := range displaytest.Scenes() {
		s.Language = "zh-CN"
		want := expect(t, chinese, s)
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		rows := settled(pole.Changed, func() ([2]string, bool) { r := pole.Rows(); return r, trimmed(r) == want })
		if trimmed(rows) != want {
			t.Errorf("%s %s, %s: %q, want %q", spec.Driver, spec.Options, s.Kind, rows, want)
		}
		list = append(list, rows)
	}
	if n := pole.Unknown(); n > 2 { // an epson's first US NUL, an enhanced display's first CR, may be none
		t.Errorf("%s: %d bytes meant nothing to the display", spec.Driver, n)
	}
	return list
}

// expect is what [display.OnText] lays out.
func expect(t *testing.T, chinese bool, s display.Scene) [2]string {
	t.Helper()
	rows := show(t, &glass{chinese: chinese}, s)
	return trimmed([2]string{display.Cut(rows[0], 20), display.Cut(rows[1], 20)})
}

func trimmed(r [2]string) [2]string {
	return [2]string{strings.TrimRight(r[0], " "), strings.TrimRight(r[1], " ")}
}

// settled waits until what read returns is done, or for half a minute.
func settled[V any](changed func() <-chan struct{}, read func() (V, bool)) V {
	late := time.After(30 * time.Second)
	for {
		next := changed()
		v, done := read()
		if done {
			return v
		}
		select {
		case <-next:
		case <-late:
			return v
		}
	}
}

// plug makes a cable with a simulated device on it.
func plug(t *testing.T, run func(io.Reader) error) *sim.Cable {
	t.Helper()
	cable, err := sim.NewCable(t.TempDir(), "tty-display")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run(cable) }()
	t.Cleanup(func() {
		if err := errors.Join(cable.Close(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return cable
}

// dialed opens a display through the agent's own dialer.
func dialed(t *testing.T, open device.Opener[display.Display], spec device.Spec, address string) display.Display {
	t.Helper()
	port, err := dial.New(dial.Options{}).Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(t.Context(), port, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// A display behind a serial device server.
func TestOverTCP(t *testing.T) {
	pole, err := sim.NewPoleOf("epson", false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = errors.Join(pole.Run(conn), conn.Close())
		}
		ended <- err
	}()
	d := dialed(t, display.Text(epson.Open), device.Spec{Name: "pole-1"}, "tcp://"+l.Addr().String())
	s := displaytest.Scenes()[1]
	if err := d.Show(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := expect(t, false, s)
	if got := settled(pole.Changed, func() ([2]string, bool) { r := trimmed(pole.Rows()); return r, r == want }); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := errors.Join(d.Close(), <-ended, l.Close()); err != nil {
		t.Error(err)
	}
	if got := trimmed(pole.Rows()); got != [2]string{} {
		t.Errorf("after Close stands %q", got)
	}
}

func TestDigitsOnAPseudoTerminal(t *testing.T) {
	led := sim.NewLED8()
	cable := plug(t, led.Run)
	d := dialed(t, led8.Open, device.Spec{Name: "pole-1"}, cable.Address(2400)+"&backend=tarm")
	want := map[display.Kind]string{
		display.Basket: "147.90 [total]", display.Paying: "137.90 [collect]", display.Processing: "147.90 [collect]",
		display.Paid: "2.10 [change]", display.Failed: "147.90 [collect]",
	}
	for _, s := range displaytest.Scenes() {
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		w, ok := want[s.Kind]
		if !ok {
			w = " []"
		}
		got := settled(led.Changed, func() (string, bool) {
			g := led.Text() + " [" + strings.Join(led.Lamps(), " ") + "]"
			return g, g == w
		})
		if got != w {
			t.Errorf("%s: %q, want %q", s.Kind, got, w)
		}
	}
	if led.Unknown() != 0 {
		t.Errorf("%d bytes meant nothing to the display", led.Unknown())
	}
}

func TestQRScreenOnAPseudoTerminal(t *testing.T) {
	glass := sim.NewQRScreen()
	cable := plug(t, glass.Run)
	d := dialed(t, qrscreen.Open, device.Spec{Name: "qr-1"}, cable.Address(115200)+"&backend=tarm")
	for _, s := range displaytest.Scenes() {
		want := "[] [  ]"
		if s.Kind == display.Paying {
			p := *s.Pay
			p.ExpiresAt = time.Now().Add(time.Hour)
			s.Pay = &p
			want = "[https://pay.example/p1] [Please pay CNY           137.90 137.90]"
		}
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		got := settled(glass.Changed, func() (string, bool) {
			g := fmt.Sprint(glass.Codes(), " ", glass.Texts())
			return g, g == want
		})
		if got != want {
			t.Errorf("%s: %s, want %s", s.Kind, got, want)
		}
	}
}

// cut is a port to a simulated display that takes so many bytes and no more.
type cut struct {
	mu   sync.Mutex
	feed func([]byte)
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(b), c.left)
	c.feed(b[:n])
	c.left -= n
	if n < len(b) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (c *cut) Read([]byte) (int, error)    { return 0, errors.New("nothing to read") }
func (c *cut) SetDeadline(time.Time) error { return nil }
func (c *cut) Close() error                { return nil }
func (c *cut) allow(n int)                 { c.mu.Lock(); c.left = n; c.mu.Unlock() }

const plenty = 1 << 30

// Wherever a frame is cut, the next one stands on the glass whole: in the same
// run of the driver, and in a fresh one that knows nothing of it.
func TestCutAnywhere(t *testing.T) {
	scene, next := displaytest.Scenes()[1], displaytest.Scenes()[4]
	next.Language = "en"
	want := expect(t, false, next)
	for _, f := range families {
		open := display.Text(f.open)
		for _, fresh := range []bool{false, true} {
			for n := 0; ; n++ {
				pole, err := sim.NewPoleOf(f.sim, false)
				if err != nil {
					t.Fatal(err)
				}
				port := &cut{feed: pole.Feed, left: plenty}
				spec := device.Spec{Name: "pole-1", Options: json.RawMessage(f.options)}
				d, err := open(t.Context(), port, spec)
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Show(t.Context(), next); err != nil {
					t.Fatal(err)
				}
				port.allow(n)
				whole := d.Show(t.Context(), scene) == nil
				port.allow(plenty)
				if fresh {
					d = reopened(t, open, port, spec, pole)
				}
				if err := d.Show(context.Background(), next); err != nil {
					t.Fatal(err)
				}
				if got := trimmed(pole.Rows()); got != want {
					t.Errorf("%s %s, fresh %v: cut after %d bytes, then %q, want %q", f.driver, f.options, fresh, n, got, want)
				}
				if whole {
					break
				}
			}
		}
	}
}

// reopened opens the display once more, after which its glass is blank.
func reopened(t *testing.T, open device.Opener[display.Display], port device.Port, spec device.Spec, pole *sim.Pole) display.Display {
	t.Helper()
	d, err := open(t.Context(), port, spec)
	if err != nil {
		t.Fatal(err)
	}
	if got := trimmed(pole.Rows()); got != [2]string{} {
		t.Errorf("%s: opened, and on the glass stands %q", d.Info().Driver, got)
	}
	return d
}

// Also an opening that is cut costs nothing.
func TestOpeningCutAnywhere(t *testing.T) {
	for _, f := range families {
		for n, whole := 0, false; !whole; n++ {
			pole, err := sim.NewPoleOf(f.sim, false)
			if err != nil {
				t.Fatal(err)
			}
			pole.Feed([]byte("text of an earlier run"))
			port := &cut{feed: pole.Feed, left: n}
			spec := device.Spec{Name: "pole-1", Options: json.RawMessage(f.options)}
			_, err = display.Text(f.open)(t.Context(), port, spec)
			whole = err == nil
			port.allow(plenty)
			d := reopened(t, display.Text(f.open), port, spec, pole)
			if err := d.Show(t.Context(), displaytest.Scenes()[4]); err != nil {
				t.Fatal(err)
			}
			if got, want := trimmed(pole.Rows()), expect(t, false, displaytest.Scenes()[4]); got != want {
				t.Errorf("%s %s: opening cut after %d bytes, then %q, want %q", f.driver, f.options, n, got, want)
			}
		}
	}
}

func TestDigitsCutAnywhere(t *testing.T) {
	for _, first := range []func(display.Display) error{
		func(d display.Display) error { return d.Show(context.Background(), displaytest.Scenes()[1]) },
		func(d display.Display) error { return d.(device.Tester).Test(context.Background()) },
	} {
		for n, whole := 0, false; !whole; n++ {
			led := sim.NewLED8()
			port := &cut{feed: led.Feed, left: plenty}
			d, err := led8.Open(t.Context(), port, device.Spec{Name: "pole-1"})
			if err != nil {
				t.Fatal(err)
			}
			port.allow(n)
			whole = first(d) == nil
			port.allow(plenty)
			if err := d.Show(t.Context(), displaytest.Scenes()[4]); err != nil {
				t.Fatal(err)
			}
			if got := led.Text(); got != "2.10" || !slices.Equal(led.Lamps(), []string{"change"}) {
				t.Errorf("cut after %d bytes, then %q %v", n, got, led.Lamps())
			}
		}
	}
}
