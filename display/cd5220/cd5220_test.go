package cd5220_test

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
	"tilld/display/cd5220"
	"tilld/display/displaytest"
	"tilld/internal/fault"
)

func openWith(t testing.TB, p device.Port, options string) display.TextPanel {
	t.Helper()
	d, err := cd5220.Open(t.Context(), p, device.Spec{Name: "pole-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, p device.Port) display.TextPanel { return openWith(t, p, "{}") }

func TestConformance(t *testing.T) { displaytest.TextPanel(t, open) }

func TestConformanceChinese(t *testing.T) {
	displaytest.TextPanel(t, func(t testing.TB, p device.Port) display.TextPanel { return openWith(t, p, `{"charset": "gb18030"}`) })
}

func TestShowLines(t *testing.T) {
	const blank = "\x1bQB                    \r"
	for _, tt := range []struct {
		name, charset string
		lines         []string
		want          string
	}{
		{"pads", "ascii", []string{"Oolong tea", "12.00"}, "\x1bQAOolong tea          \r\x1bQB12.00               \r"},
		{"cuts at 20 cells", "ascii", []string{"123456789012345678901"}, "\x1bQA12345678901234567890\r" + blank},
		{"one mark for one character", "ascii", []string{"茶 x1"}, "\x1bQA? x1                \r" + blank},
		{"Chinese", "gb18030", []string{"茶 x1"}, "\x1bQA\xb2\xe8 x1               \r" + blank},
		{"no half character at the end", "gb18030", []string{"1234567890123456789茶"}, "\x1bQA1234567890123456789 \r" + blank},
		{"yen sign is two cells", "gb18030", []string{"¥9.90"}, "\x1bQA\xa3\xa49.90              \r" + blank},
		{"four-byte characters are not in the panel", "gb18030", []string{"𠀀 ½"}, "\x1bQA? ?                 \r" + blank},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p devtest.Recorder
			d := openWith(t, &p, `{"charset": "`+tt.charset+`"}`)
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
		`{}`:                  "\x0c\x0c\x1b@\x1b*\x04",
		`{"brightness": 1}`:   "\x0c\x0c\x1b@\x1b*\x01",
		`{"brightness": 0}`:   "\x0c\x0c\x1b@",
		`{"brightness": 9}`:   "", // refused before a byte is sent
		`{"brigthness": 1}`:   "", // a typo is an error, not the default
		`{"charset": "utf8"}`: "",
	} {
		var p devtest.Recorder
		_, err := cd5220.Open(t.Context(), &p, device.Spec{Name: "pole-1", Options: json.RawMessage(options)})
		if got := p.Wrote(); got != want {
			t.Errorf("%s: wrote %q, want %q", options, got, want)
		}
		if want == "" && fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
	}
	if _, err := cd5220.Open(t.Context(), nil, device.Spec{Name: "pole-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v, want kind config", err)
	}
}

func TestCloseBlanks(t *testing.T) {
	for options, want := range map[string]string{`{}`: "\x0c", `{"blank": false}`: ""} {
		var p devtest.Recorder
		d := openWith(t, &p, options)
		p.Reset()
		if err := d.Close(); err != nil || p.Wrote() != want || !p.Closed() {
			t.Errorf("%s: %v, wrote %q, want %q", options, err, p.Wrote(), want)
		}
	}
}

// Inside a string the display takes everything but CLR for text, so the frame
// after a torn one begins with it; a first one may be eaten as a parameter.
func TestAfterATornFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.ReadFull(far, make([]byte, 7)) // what opening sends, then nothing
		d := open(t, near)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := d.ShowLines(ctx, "hello"); fault.KindOf(err) != fault.Timeout {
			t.Fatalf("error %v, want kind timeout", err)
		}
		got := make([]byte, 7+48+48)
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
		const frame = "\x1bQAagain               \r\x1bQB                    \r"
		if want := "\x0c\x0c\x1b@\x1b*\x04" + frame + frame; string(got) != want {
			t.Errorf("wrote %q\n want %q", got, want)
		}
	})
}

func FuzzShowLines(f *testing.F) {
	f.Add("Total", "¥128.00", true)
	f.Add("\x1b@\r", strings.Repeat("长", 30), false)
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
		got := p.Wrote()
		if len(got) != 48 || got[:3] != "\x1bQA" || got[23:27] != "\r\x1bQB" || got[47] != '\r' {
			t.Fatalf("ShowLines(%q, %q) wrote %q: not two whole frames", a, b, got)
		}
		for _, row := range []string{got[3:23], got[27:47]} {
			if strings.ContainsFunc(row, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("control characters in %q", row)
			}
			if _, err := simplifiedchinese.GB18030.NewDecoder().String(row); err != nil {
				t.Fatalf("row %q: %v", row, err)
			}
		}
	})
}
