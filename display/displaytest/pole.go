package displaytest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/display"
	"tilld/internal/fault"
)

// Pole is a driver of poles with two rows of twenty cells, and the bytes that
// its manual wants. Options are those of a configuration entry, as JSON.
type Pole struct {
	Open  device.Opener[display.TextPanel]
	Check func(device.Spec) error

	Opening map[string]string // what opening sends, by options; "": refused with kind config before a byte is sent
	Closing map[string]string // what closing sends, by options
	Lines   []PoleLines
	// Recover is what the frame after a torn one begins with; opening with
	// default options sends as many bytes at least.
	Recover string
	// Upper and Lower stand before the text of a row, After behind it.
	Upper, Lower, After string
	Chinese             string // options of a panel with a Chinese font
}

// PoleLines are texts and what is sent for them.
type PoleLines struct {
	Name, Options string
	Lines         []string
	Want          string
}

// With returns a function that opens the driver with the given options.
func (c Pole) With(options string) func(testing.TB, device.Port) display.TextPanel {
	return func(t testing.TB, p device.Port) display.TextPanel {
		t.Helper()
		d, err := c.Open(t.Context(), p, poleSpec(options))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

func poleSpec(options string) device.Spec {
	return device.Spec{Name: "pole-1", Options: json.RawMessage(options)}
}

// Test runs the contract of [display.TextPanel] with default options and with a
// Chinese font, and what all such poles promise besides.
func (c Pole) Test(t *testing.T) {
	t.Run("conformance", func(t *testing.T) { TextPanel(t, c.With(`{}`)) })
	t.Run("conformance, Chinese", func(t *testing.T) { TextPanel(t, c.With(c.Chinese)) })
	t.Run("opening", c.opening)
	t.Run("closing", c.closing)
	for _, l := range c.Lines {
		t.Run(l.Name, func(t *testing.T) {
			var p devtest.Recorder
			d := c.With(l.Options)(t, &p)
			if got := wrote(t, &p, func() error { return d.ShowLines(t.Context(), l.Lines...) }); got != l.Want {
				t.Errorf("wrote %q\n want %q", got, l.Want)
			}
		})
	}
	t.Run("the frame after a torn one is whole", func(t *testing.T) {
		frame := c.Upper + "again               " + c.After + c.Lower + strings.Repeat(" ", 20) + c.After
		Torn(t, c.With(`{}`), len(c.Opening[`{}`]), c.Recover+frame+frame, func(ctx context.Context, d display.TextPanel) error { return d.ShowLines(ctx, "again") })
	})
}

func (c Pole) opening(t *testing.T) {
	if c.Opening[`{}`] == "" || len(c.Closing) == 0 || len(c.Lines) == 0 {
		t.Fatal("the driver's test does not say what is sent")
	}
	for options, want := range c.Opening {
		var p devtest.Recorder
		_, err := c.Open(t.Context(), &p, poleSpec(options))
		if got := p.Wrote(); got != want {
			t.Errorf("%s: wrote %q, want %q", options, got, want)
		}
		checked := c.Check(poleSpec(options))
		if want == "" && (fault.KindOf(err) != fault.Config || checked == nil || checked.Error() != err.Error()) {
			t.Errorf("%s: %v, Check: %v, want kind config from both", options, err, checked)
		}
		if want != "" && (err != nil || checked != nil) {
			t.Errorf("%s: %v, Check: %v", options, err, checked)
		}
	}
	if _, err := c.Open(t.Context(), nil, device.Spec{Name: "pole-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v, want kind config", err)
	}
}

func (c Pole) closing(t *testing.T) {
	for options, want := range c.Closing {
		var p devtest.Recorder
		d := c.With(options)(t, &p)
		p.Reset()
		if err := d.Close(); err != nil || p.Wrote() != want || !p.Closed() {
			t.Errorf("%s: %v, wrote %q, want %q", options, err, p.Wrote(), want)
		}
	}
}

// Fuzz shows whatever texts: two whole frames are sent, and between what begins
// and ends them there are twenty printable cells of whole characters.
func (c Pole) Fuzz(f *testing.F) {
	f.Add("Total", "¥128.00", true)
	f.Add("\x1b@\r", strings.Repeat("长", 30), false)
	f.Add("\x1b@\r\x17\x1f", strings.Repeat("长", 30), false)
	f.Add("\xff\xfe", "a\u0300\u200b", true)
	f.Fuzz(func(t *testing.T, a, b string, chinese bool) {
		var p devtest.Recorder
		options := `{}`
		if chinese {
			options = `{"charset": "gb18030"}`
		}
		d := c.With(options)(t, &p)
		got := wrote(t, &p, func() error { return d.ShowLines(t.Context(), a, b) })
		rest, ok := strings.CutPrefix(got, c.Upper)
		between := c.After + c.Lower
		if !ok || len(rest) != 20+len(between)+20+len(c.After) || !strings.HasPrefix(rest[20:], between) || !strings.HasSuffix(rest, c.After) {
			t.Fatalf("ShowLines(%q, %q) wrote %q: not two whole frames", a, b, got)
		}
		for _, row := range []string{rest[:20], rest[20+len(between):][:20]} {
			if strings.ContainsFunc(row, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("control characters in %q", row)
			}
			if _, err := simplifiedchinese.GB18030.NewDecoder().String(row); err != nil {
				t.Fatalf("row %q: %v", row, err)
			}
		}
	})
}

// Torn has the cable stop once opened bytes, those of opening, went through. The
// frame that is cut is a timeout; the two after it must be want.
func Torn[D any](t *testing.T, open func(testing.TB, device.Port) D, opened int, want string, show func(context.Context, D) error) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.ReadFull(far, make([]byte, opened)) // then nothing
		d := open(t, near)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := show(ctx, d); fault.KindOf(err) != fault.Timeout {
			t.Fatalf("error %v, want kind timeout", err)
		}
		got := make([]byte, len(want))
		read := make(chan error, 1)
		go func() { _, err := io.ReadFull(far, got); read <- err }()
		for range 2 {
			if err := show(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("wrote %q\n want %q", got, want)
		}
	})
}
