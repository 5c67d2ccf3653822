package led8_test

import (
	"context"
	"encoding/json"
	"regexp"
	"testing"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/display"
	"tilld/display/displaytest"
	"tilld/display/led8"
	"tilld/internal/fault"
)

func openWith(t testing.TB, p device.Port, options string) display.Display {
	t.Helper()
	d, err := led8.Open(t.Context(), p, device.Spec{Name: "pole-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, p device.Port) display.Display { return openWith(t, p, "{}") }

func TestConformance(t *testing.T) { displaytest.Display(t, open) }

func shows(t testing.TB, options string, s display.Scene) string {
	t.Helper()
	var p devtest.Recorder
	d := openWith(t, &p, options)
	p.Reset()
	if err := d.Show(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return p.Wrote()
}

const dark = "\x0c\x1bs0"

func TestShow(t *testing.T) {
	want := map[display.Kind]string{
		display.Basket:     "\x0c\x1bs2\x1bQA147.90\r",
		display.Paying:     "\x0c\x1bs3\x1bQA137.90\r",
		display.Processing: "\x0c\x1bs3\x1bQA147.90\r",
		display.Paid:       "\x0c\x1bs4\x1bQA2.10\r",
		display.Failed:     "\x0c\x1bs3\x1bQA147.90\r",
	}
	for _, s := range displaytest.Scenes() {
		w, ok := want[s.Kind]
		if !ok {
			w = dark
		}
		if got := shows(t, `{}`, s); got != w {
			t.Errorf("%s: wrote %q, want %q", s.Kind, got, w)
		}
	}
	if got, want := shows(t, `{"basket": "price"}`, displaytest.Scenes()[1]), "\x0c\x1bs1\x1bQA27.08\r"; got != want {
		t.Errorf("price: wrote %q, want %q", got, want)
	}
}

// An amount is shown whole or not at all.
func TestAmounts(t *testing.T) {
	for _, tt := range []struct {
		amount         int64
		currency, want string
	}{
		{0, "CNY", "0.00"},
		{-50, "CNY", "-0.50"},
		{99_999_999, "CNY", "999999.99"},
		{100_000_000, "CNY", "--------"},
		{-9_999_999, "CNY", "-99999.99"},
		{-10_000_000, "CNY", "--------"},
		{12_345_678, "JPY", "12345678"},
		{123_456_789, "JPY", "--------"},
		{12345, "KWD", "12.345"},
	} {
		s := display.Scene{Kind: display.Basket, Total: &tt.amount, Currency: tt.currency}
		if got, want := shows(t, `{}`, s), "\x0c\x1bs2\x1bQA"+tt.want+"\r"; got != want {
			t.Errorf("%d %s: wrote %q, want %q", tt.amount, tt.currency, got, want)
		}
	}
	if got := shows(t, `{}`, display.Scene{Kind: display.Basket}); got != dark {
		t.Errorf("no total: wrote %q, want a dark display", got)
	}
}

func TestOpenAndClose(t *testing.T) {
	for options, want := range map[string]string{
		`{}`:                   "\x0c\x0c\x0c\x0c\x0c\x1b@\x1bs0",
		`{"basket": "prices"}`: "", // refused before a byte is sent
		`{"blink": true}`:      "",
	} {
		var p devtest.Recorder
		spec := device.Spec{Name: "pole-1", Options: json.RawMessage(options)}
		_, err := led8.Open(t.Context(), &p, spec)
		if got := p.Wrote(); got != want {
			t.Errorf("%s: wrote %q, want %q", options, got, want)
		}
		if want == "" && (fault.KindOf(err) != fault.Config || led8.Check(spec) == nil) {
			t.Errorf("%s: %v, Check: %v, want kind config", options, err, led8.Check(spec))
		}
	}
	if _, err := led8.Open(t.Context(), nil, device.Spec{Name: "pole-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v, want kind config", err)
	}
	for options, want := range map[string]string{`{}`: dark, `{"blank": false}`: ""} {
		var p devtest.Recorder
		d := openWith(t, &p, options)
		p.Reset()
		if err := d.Close(); err != nil || p.Wrote() != want || !p.Closed() {
			t.Errorf("%s: %v, wrote %q, want %q", options, err, p.Wrote(), want)
		}
	}
}

func TestTest(t *testing.T) {
	var p devtest.Recorder
	d, ok := open(t, &p).(device.Tester)
	if !ok {
		t.Fatal("no test")
	}
	p.Reset()
	if err := d.Test(t.Context()); err != nil || p.Wrote() != "\x0c\x02L1111\x1bQA8.8.8.8.8.8.8.8\r" {
		t.Errorf("%v, wrote %q", err, p.Wrote())
	}
}

// What was cut may wait for parameters: they are eaten, then CLR counts.
func TestAfterATornFrame(t *testing.T) {
	const frame = "\x0c\x1bs2\x1bQA147.90\r"
	const opening = len("\x0c\x0c\x0c\x0c\x0c\x1b@\x1bs0")
	displaytest.Torn(t, open, opening, "\x0c\x0c\x0c\x0c\x0c"+frame+frame, func(ctx context.Context, d display.Display) error {
		return d.Show(ctx, displaytest.Scenes()[1])
	})
}

// Whatever the scene holds, only digits, point and minus go into the number,
// and never more than eight places.
func FuzzShow(f *testing.F) {
	number := regexp.MustCompile(`^\x0c\x1bs([0-4])(\x1bQA([0-9.-]+)\r)?$`)
	f.Add(int64(12800), int64(1), "CNY", "basket", "tea")
	f.Add(int64(-1<<63), int64(1<<62), "J\x1bY", "paid", "\x1b\r")
	f.Fuzz(func(t *testing.T, total, other int64, currency, kind, text string) {
		s := display.Scene{
			Kind: display.Kind(kind), Total: &total, Currency: currency, Title: text, Text: text,
			Lines: []display.Line{{Name: text, UnitPrice: other}}, Paid: &display.Receipt{Change: other},
		}
		m := number.FindStringSubmatch(shows(t, `{"basket": "price"}`, s))
		places := 0
		for _, c := range m[min(3, len(m)):] {
			for _, d := range c {
				if d != '.' {
					places++
				}
			}
		}
		if m == nil || places > 8 {
			t.Fatalf("wrote %q", shows(t, `{"basket": "price"}`, s))
		}
	})
}
