package qrscreen_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/display"
	"tilld/display/displaytest"
	"tilld/display/qrscreen"
	"tilld/internal/fault"
	"tilld/internal/sim"
)

func openWith(t testing.TB, p device.Port, options string) display.Display {
	t.Helper()
	d, err := qrscreen.Open(t.Context(), p, device.Spec{Name: "qr-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, p device.Port) display.Display { return openWith(t, p, `{}`) }

func TestConformance(t *testing.T) { displaytest.Display(t, open) }

// wire is a port to a simulated screen that takes so many bytes and no more.
type wire struct {
	feed func([]byte)
	left int
}

func (w *wire) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.feed(b[:n])
	w.left -= n
	if n < len(b) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}
func (w *wire) Read([]byte) (int, error)    { return 0, os.ErrDeadlineExceeded }
func (w *wire) SetDeadline(time.Time) error { return nil }
func (w *wire) Close() error                { return nil }

const plenty = 1 << 30

func TestGraphic(t *testing.T) {
	displaytest.Graphic(t, func(t testing.TB) (display.Display, displaytest.Glass) {
		glass := sim.NewQRScreen()
		return open(t, &wire{feed: glass.Feed, left: plenty}), glass
	})
}

func paying() display.Scene {
	s := displaytest.Scenes()[2]
	p := *s.Pay
	p.ExpiresAt = time.Now().Add(time.Hour)
	s.Pay, s.Language = &p, "zh-CN"
	return s
}

func TestFrames(t *testing.T) {
	basket, long := displaytest.Scenes()[1], paying()
	long.Pay.URL += "/" + strings.Repeat("x", 40)
	evil := paying()
	evil.Currency = ");JUMP(1);QBAR(0,https://evil.example);"
	for _, tt := range []struct {
		name, options string
		scene         display.Scene
		want          string
	}{
		{"qrview", `{}`, paying(), "JUMP(1);QBAR(0,https://pay.example/p1);SET_TXT(0,\xc7\xeb\xb8\xb6\xbf\xee);SET_TXT(1,CNY           137.90);SET_TXT(2,137.90);\r\n"},
		{"qrview", `{"charset": "ascii"}`, paying(), "JUMP(1);QBAR(0,https://pay.example/p1);SET_TXT(0,Please pay);SET_TXT(1,CNY           137.90);SET_TXT(2,137.90);\r\n"},
		{"qrview with a currency that is a command", `{}`, evil, "JUMP(1);QBAR(0,https://pay.example/p1);SET_TXT(0,\xc7\xeb\xb8\xb6\xbf\xee);SET_TXT(1,  JUMP(1  QBA 137.90);SET_TXT(2,137.90);\r\n"},
		{"qrview without a code", `{}`, basket, "JUMP(0);\r\n"},
		{"mertech", `{"model": "mertech"}`, paying(), "\x02\xf2\x02\x00\x16https://pay.example/p1\x02\xf2\x03"},
		{"mertech without a code", `{"model": "mertech"}`, basket, "\x02\xf0\x03CLS\x03"},
		{"mertech paid", `{"model": "mertech"}`, displaytest.Scenes()[4], "\x02\xf0\x03correct\x03"},
		{"mertech failed", `{"model": "mertech"}`, displaytest.Scenes()[5], "\x02\xf0\x03mistake\x03"},
		{"bonrix", `{"model": "bonrix"}`, paying(), "DisplayQRCodeScreen**https://pay.example/p1**137.90**Please pay\n"},
		{"bonrix without a code", `{"model": "bonrix"}`, basket, "WelcomeScreen**\n"},
		{"a shop's own", `{"model": "custom", "charset": "utf-8", "commands": {"clear": "C\\r", "qr": "Q{qr_size}:{qr}\\r", "text": "T{line1}|{line2}\\r", "show": "\\x01\\{}"}}`, basket, "T苹果 x0.735kg  19.90|Total         147.90\r\x01{}"},
		{"a shop's own code", `{"model": "custom", "commands": {"clear": "C", "qr": "Q{qr_size}:{qr}\\\\"}}`, paying(), `Q22:https://pay.example/p1\`},
		{"too small a screen", `{"dots": 100}`, long, "JUMP(0);\r\n"},
		{"too short a buffer", `{"max_payload": 21}`, paying(), "JUMP(0);\r\n"},
		{"the code's text would be a command", `{"reserved": "/"}`, paying(), "JUMP(0);\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p devtest.Recorder
			d := openWith(t, &p, tt.options)
			p.Reset()
			if err := d.Show(t.Context(), tt.scene); err != nil {
				t.Fatal(err)
			}
			if got := p.Wrote(); got != tt.want {
				t.Errorf("wrote %q\n want %q", got, tt.want)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for options, want := range map[string]string{
		`{"model": "qrvieuw"}`:  `model is "qrvieuw"`,
		`{"modell": "qrview"}`:  "modell",
		`{"columns": 65}`:       "columns is 65",
		`{"dots": 99}`:          "dots is 99",
		`{"max_payload": 2000}`: "max_payload is 2000",
		`{"charset": "gbk"}`:    `charset is "gbk"`,
		`{"reserved": "\n"}`:    "reserved has",
		`{"model": "custom"}`:   "commands.clear is missing",
		`{"model": "custom", "commands": {"clear": "C", "qr": "Q"}}`: "commands.qr has no {qr}",
		`{"commands": {"text": "{qr}"}}`:                             "commands.text has no field {qr}",
		`{"commands": {"open": "{name}"}}`:                           "commands.open has no field {name}",
		`{"commands": {"open": "{line1"}}`:                           `has a "{" without`,
		`{"commands": {"open": "\\q"}}`:                              "commands.open has an escape",
		`{"commands": {"open": "\\xZZ"}}`:                            "commands.open has an escape",
		`{"commands": {"open": "` + strings.Repeat("x", 513) + `"}}`: "longer than 512",
		`{"commands": {"opening": "x"}}`:                             "opening",
	} {
		var p devtest.Recorder
		spec := device.Spec{Name: "qr-1", Options: json.RawMessage(options)}
		_, err := qrscreen.Open(t.Context(), &p, spec)
		if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), want) || p.Wrote() != "" {
			t.Errorf("%s: %v, wrote %q, want kind config and %q", options, err, p.Wrote(), want)
		}
		if checked := qrscreen.Check(spec); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: Check: %v", options, checked)
		}
	}
	if _, err := qrscreen.Open(t.Context(), nil, device.Spec{Name: "qr-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v, want kind config", err)
	}
}

func TestOpenAndClose(t *testing.T) {
	for options, want := range map[string][2]string{
		`{}`:                   {"\r\nJUMP(0);\r\n", "JUMP(0);\r\n"},
		`{"model": "mertech"}`: {"\x02\xf2\x03\x03\x02\xf0\x03CLS\x03", "\x02\xf0\x03CLS\x03"},
		`{"commands": {"open": "BL(200);\\r\\n"}}`: {"\r\nJUMP(0);\r\nBL(200);\r\n", "JUMP(0);\r\n"},
	} {
		var p devtest.Recorder
		d := openWith(t, &p, options)
		if got := p.Wrote(); got != want[0] {
			t.Errorf("%s: opening wrote %q, want %q", options, got, want[0])
		}
		p.Reset()
		if err := d.Close(); err != nil || p.Wrote() != want[1] {
			t.Errorf("%s: %v, closing wrote %q, want %q", options, err, p.Wrote(), want[1])
		}
	}
}

// Wherever the frame with the code is cut, the next scene takes the code away,
// and the next code is whole.
func TestCutAnywhere(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		for n, whole := 0, false; !whole; n++ {
			glass := sim.NewQRScreen()
			port := &wire{feed: glass.Feed, left: plenty}
			d := open(t, port)
			port.left = n
			whole = d.Show(t.Context(), paying()) == nil
			port.left = plenty
			if fresh {
				d = open(t, port)
			}
			if err := d.Show(t.Context(), displaytest.Scenes()[1]); err != nil || len(glass.Codes()) != 0 {
				t.Fatalf("cut after %d bytes (fresh %v): %v, a phone reads %q", n, fresh, err, glass.Codes())
			}
			if err := d.Show(t.Context(), paying()); err != nil || len(glass.Codes()) != 1 || glass.Texts()[2] != "137.90" {
				t.Fatalf("cut after %d bytes (fresh %v): %v, then %q %q", n, fresh, err, glass.Codes(), glass.Texts())
			}
		}
	}
}

// Whatever text and link a scene has, a frame is as many commands as its template
// has, and a phone reads the link or nothing.
func FuzzShow(f *testing.F) {
	f.Add("https://pay.example/p1", "Tea", "CNY")
	f.Add("https://pay.example/);JUMP(0);", ";SET_TXT(0,x)\r\n", "\x00")
	f.Add("https://pay.example/p1", "Tea", ");JUMP(0);")
	f.Add("weixin://wxpay/bizpayurl?pr=abc", "长者；（茶）", "元")
	f.Fuzz(func(t *testing.T, link, text, currency string) {
		glass := sim.NewQRScreen()
		var sent []byte
		d := open(t, &wire{feed: func(b []byte) { sent = append(sent, b...); glass.Feed(b) }, left: plenty})
		before := glass.Unknown()
		sent = nil
		s := paying()
		s.Pay.URL, s.Title, s.Text, s.Currency = link, text, text, currency
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if glass.Unknown() != before || len(sent) > 2048 {
			t.Errorf("sent %q", sent)
		}
		if codes := glass.Codes(); len(codes) > 1 || len(codes) == 1 && codes[0] != link {
			t.Errorf("a phone reads %q, the link is %q", codes, link)
		}
	})
}

// FuzzOptions: no table makes the driver fail in another way than by a fault of
// kind config.
func FuzzOptions(f *testing.F) {
	f.Add("custom", `\x02{qr}\{`, "C", ";")
	f.Fuzz(func(t *testing.T, model, qr, clear, reserved string) {
		options, err := json.Marshal(map[string]any{"model": model, "reserved": reserved, "commands": map[string]string{"qr": qr, "clear": clear}})
		if err != nil {
			t.Fatal(err)
		}
		var p devtest.Recorder
		d, err := qrscreen.Open(t.Context(), &p, device.Spec{Name: "qr-1", Options: options})
		if err != nil {
			if fault.KindOf(err) != fault.Config {
				t.Fatal(err)
			}
			return
		}
		if err := d.Show(t.Context(), paying()); err != nil {
			t.Fatal(err)
		}
	})
}
