package utc_test

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
	"tilld/display/displaytest"
	"tilld/display/utc"
	"tilld/internal/fault"
)

func openWith(t testing.TB, p device.Port, options string) display.TextPanel {
	t.Helper()
	d, err := utc.Open(t.Context(), p, device.Spec{Name: "pole-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, p device.Port) display.TextPanel { return openWith(t, p, "{}") }

func TestConformance(t *testing.T) { displaytest.TextPanel(t, open) }

func TestConformanceChinese(t *testing.T) {
	displaytest.TextPanel(t, func(t testing.TB, p device.Port) display.TextPanel {
		return openWith(t, p, `{"charset": "gb18030", "mode": "enhanced"}`)
	})
}

func TestShowLines(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		lines         []string
		want          string
	}{
		{"pads", `{}`, []string{"Oolong tea", "12.00"}, "\x10\x00Oolong tea          \x10\x1412.00               "},
		{"cuts at 20 cells", `{}`, []string{"123456789012345678901"}, "\x10\x0012345678901234567890\x10\x14                    "},
		{"one mark for one character", `{}`, []string{"茶 x1"}, "\x10\x00? x1                \x10\x14                    "},
		{"Chinese", `{"charset": "gb18030"}`, []string{"茶 x1"}, "\x10\x00\xb2\xe8 x1               \x10\x14                    "},
		{"no half character at the end", `{"charset": "gb18030"}`, []string{"1234567890123456789茶"}, "\x10\x001234567890123456789 \x10\x14                    "},
		{"yen sign is two cells", `{"charset": "gb18030"}`, []string{"¥9.90"}, "\x10\x00\xa3\xa49.90              \x10\x14                    "},
		{"enhanced", `{"mode": "enhanced"}`, []string{"Oolong tea", "12.00"}, "\x1buAOolong tea          \r\x1buB12.00               \r"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p devtest.Recorder
			d := openWith(t, &p, tt.options)
			p.Reset()
			if err := d.ShowLines(t.Context(), tt.lines...); err != nil {
				t.Fatal(err)
			}
			if got := p.Wrote(); got != tt.want {
				t.Errorf("wrote %q\n want %q", got, tt.want)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	for options, want := range map[string]string{
		`{}`:                                    "\x1f\x1f\x11\x14",
		`{"brightness": 1}`:                     "\x1f\x1f\x11\x14\x04 ",
		`{"brightness": 4}`:                     "\x1f\x1f\x11\x14\x04\xff",
		`{"mode": "enhanced"}`:                  "\r\r\x1f\x1bd\x11\x14",
		`{"mode": "enhanced", "brightness": 2}`: "\r\r\x1f\x1bd\x11\x14\x04@",
		`{"mode": "best"}`:                      "",
		`{"brightness": 9}`:                     "", // refused before a byte is sent
		`{"brigthness": 1}`:                     "", // a typo is an error, not the default
		`{"charset": "utf8"}`:                   "",
	} {
		var p devtest.Recorder
		spec := device.Spec{Name: "pole-1", Options: json.RawMessage(options)}
		_, err := utc.Open(t.Context(), &p, spec)
		if got := p.Wrote(); got != want {
			t.Errorf("%s: wrote %q, want %q", options, got, want)
		}
		if checked := utc.Check(spec); want == "" && (fault.KindOf(err) != fault.Config || checked == nil || checked.Error() != err.Error()) {
			t.Errorf("%s: %v, Check: %v, want kind config from both", options, err, checked)
		}
	}
	if _, err := utc.Open(t.Context(), nil, device.Spec{Name: "pole-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v, want kind config", err)
	}
}

func TestCloseBlanks(t *testing.T) {
	for options, want := range map[string]string{`{}`: "\x1f", `{"blank": false}`: ""} {
		var p devtest.Recorder
		d := openWith(t, &p, options)
		p.Reset()
		if err := d.Close(); err != nil || p.Wrote() != want || !p.Closed() {
			t.Errorf("%s: %v, wrote %q, want %q", options, err, p.Wrote(), want)
		}
	}
}

// The frame after a torn one begins with what ends any command and clears the glass.
func TestAfterATornFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const opening = "\x1f\x1f\x11\x14"
		near, far := net.Pipe()
		go io.ReadFull(far, make([]byte, len(opening))) // then nothing
		d := open(t, near)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := d.ShowLines(ctx, "hello"); fault.KindOf(err) != fault.Timeout {
			t.Fatalf("error %v, want kind timeout", err)
		}
		const frame = "\x10\x00again               \x10\x14                    "
		got := make([]byte, len(opening)+2*len(frame))
		read := make(chan error, 1)
		go func() { _, err := io.ReadFull(far, got); read <- err }()
		for range 2 {
			if err := d.ShowLines(t.Context(), "again"); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		if want := opening + frame + frame; string(got) != want {
			t.Errorf("wrote %q\n want %q", got, want)
		}
	})
}

func FuzzShowLines(f *testing.F) {
	f.Add("Total", "¥128.00", true)
	f.Add("\x1b@\r\x17\x1f", strings.Repeat("长", 30), false)
	f.Add("\xff\xfe", "a\u0300\u200b", true)
	f.Fuzz(func(t *testing.T, a, b string, chinese bool) {
		var p devtest.Recorder
		options := `{}`
		if chinese {
			options = `{"charset": "gb18030"}`
		}
		d := openWith(t, &p, options)
		p.Reset()
		if err := d.ShowLines(t.Context(), a, b); err != nil {
			t.Fatal(err)
		}
		const upper, lower, end = "\x10\x00", "\x10\x14", ""
		rest, ok := strings.CutPrefix(p.Wrote(), upper)
		if !ok || len(rest) != 20+len(end)+len(lower)+20+len(end) || !strings.HasPrefix(rest[20:], end+lower) || !strings.HasSuffix(rest, end) {
			t.Fatalf("ShowLines(%q, %q) wrote %q: not two whole frames", a, b, p.Wrote())
		}
		for _, row := range []string{rest[:20], rest[20+len(end)+len(lower):][:20]} {
			if strings.ContainsFunc(row, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("control characters in %q", row)
			}
			if _, err := simplifiedchinese.GB18030.NewDecoder().String(row); err != nil {
				t.Fatalf("row %q: %v", row, err)
			}
		}
	})
}
