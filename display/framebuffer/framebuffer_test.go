package framebuffer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/displaytest"
	"tilld/display/framebuffer"
	"tilld/internal/fault"
	"tilld/internal/sim"
	"tilld/internal/unchecked"
)

var update = flag.Bool("update", false, "write the golden files")

func open(t testing.TB, panel *sim.Framebuffer, options string) display.Display {
	t.Helper()
	d, err := framebuffer.Open(t.Context(), panel, device.Spec{Name: "panel-1", Address: "fb:///dev/fb0", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestGraphic(t *testing.T) {
	for _, m := range []sim.FramebufferMode{
		{Width: 240, Height: 160, Format: "RGB565"},
		{Width: 240, Height: 160, Format: "XRGB8888", Pages: 2},
	} {
		t.Run(fmt.Sprintf("%s, %d pages", m.Format, m.Pages), func(t *testing.T) {
			displaytest.Graphic(t, func(t testing.TB) (display.Display, displaytest.Glass) {
				panel := sim.NewFramebuffer(m)
				return open(t, panel, `{}`), panel
			})
		})
	}
}

// scenes are a Chinese shop's day, one of every kind.
func scenes() map[string]display.Scene {
	list := map[string]display.Scene{}
	for _, s := range displaytest.Scenes() {
		s.Language = "zh-CN"
		list[string(s.Kind)] = s
	}
	total, earned := int64(26780), int64(3408)
	with := func(name string, f func(*display.Scene)) {
		s := list[name]
		f(&s)
		list[name] = s
	}
	with("idle", func(s *display.Scene) {
		s.Title, s.Text = "欢迎光临", "中心店"
		s.QR = []display.QR{{Title: "加入社群", URL: "https://pay.example/g?s=01JZ"}}
	})
	with("basket", func(s *display.Scene) {
		s.Total, s.Discount = &total, 1200
		s.Lines = []display.Line{
			{Line: 1, Name: "铁观音 特级 250g", Quantity: "1", Total: 12800},
			{Line: 2, Name: "有机苹果", Quantity: "0.735", Unit: "kg", Total: 1990},
			{Line: 3, Name: "Espresso beans, dark roast, 1 kg, from the far side of the mountain", Quantity: "2", Total: 11990, Highlight: true},
		}
	})
	with("paying", func(s *display.Scene) {
		s.Title = "请扫码付款"
		s.Pay = &display.Pay{PaymentID: "p1", URL: "https://pay.example/qr/01JZ7M9Q8X4T5K2W3E6R1Y0U9I?till=03&sum=267.80", Amount: total, ExpiresAt: time.Now().Add(4*time.Minute + 32*time.Second)}
	})
	with("paid", func(s *display.Scene) {
		s.Total, s.QR = &total, []display.QR{{Title: "加入社群", URL: "https://pay.example/g?s=01JZ"}}
		s.Paid = &display.Receipt{Change: 3220, Points: &display.Points{Earned: earned}}
	})
	with("offers", func(s *display.Scene) {
		s.Title = "为您推荐"
		s.Offers = []display.Offer{{ID: "o1", Title: "咖啡第二杯半价", Text: "凭此码到二楼咖啡馆领取，每人限一次，周末同样有效。", Brand: "山间咖啡", URL: "https://offer.example/o1"}}
	})
	with("member", func(s *display.Scene) { s.Title, s.Text = "欢迎，会员", "王** 金卡" })
	with("pickup", func(s *display.Scene) { s.Title, s.Text = "取货", "A042 王**" })
	with("message", func(s *display.Scene) {
		s.Title, s.Text = "没有找到这件商品", "请把商品交给收银员，谢谢！"
	})
	return list
}

// What the scenes look like. Look at the pictures before you update them.
func TestPictures(t *testing.T) {
	type picture struct {
		name string
		mode sim.FramebufferMode
		lang string
	}
	pictures := []picture{}
	for _, s := range displaytest.Scenes() {
		pictures = append(pictures, picture{string(s.Kind), sim.FramebufferMode{Width: 800, Height: 480}, "zh"})
	}
	pictures = append(pictures, picture{"message", sim.FramebufferMode{Width: 480, Height: 272}, "en"})
	for _, name := range []string{"basket", "paying"} {
		pictures = append(pictures,
			picture{name, sim.FramebufferMode{Width: 480, Height: 272, Format: "RGB565"}, "zh"},
			picture{name, sim.FramebufferMode{Width: 1024, Height: 600, Format: "XBGR8888", Pages: 2}, "en"},
			picture{name, sim.FramebufferMode{Width: 1280, Height: 800, Format: "RGB888", Pad: 64}, "zh"},
		)
	}
	for _, p := range pictures {
		name := fmt.Sprintf("%s-%s-%dx%d.png", p.name, p.lang, p.mode.Width, p.mode.Height)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var img *image.RGBA
			var want string
			synctest.Test(t, func(t *testing.T) { // a clock that stands
				panel := sim.NewFramebuffer(p.mode)
				s := scenes()[p.name]
				if p.lang == "en" {
					s.Language, s.Title = "en", ""
				}
				if p.lang == "en" && s.Kind == display.Message {
					s.Text = "Please ask our staff about the tea ceremony on the second floor, every Saturday at three"
				}
				if err := open(t, panel, `{}`).Show(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				img = panel.Image()
				if s.Kind == display.Paying {
					want = s.Pay.URL
				}
			})
			golden(t, name, img)
			if want != "" {
				wholeModules(t, img)
				phones(t, name, want)
			}
		})
	}
}

func golden(t *testing.T, name string, img *image.RGBA) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if old.Bounds() != img.Bounds() {
		t.Fatalf("%v, was %v", img.Bounds(), old.Bounds())
	}
	was := image.NewRGBA(old.Bounds())
	draw.Draw(was, was.Rect, old, image.Point{}, draw.Src)
	if bytes.Equal(was.Pix, img.Pix) {
		return
	}
	differ := 0
	for i := range was.Pix {
		if was.Pix[i] != img.Pix[i] {
			differ++
		}
	}
	t.Errorf("%s: %d bytes differ; look at it and run with -update", name, differ)
}

// phones has two independent readers read the code off a picture that is golden.
func phones(t *testing.T, name, want string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	for _, argv := range [][]string{
		{"zbarimg", "--nodbus", "-q", "--raw", file},
		{"ZXingReader", "-1", "-format", "QRCode", file},
	} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			unchecked.Skip(t, "%s is not installed", argv[0])
		}
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %q, want %q", argv[0], err, out, want)
		}
	}
}

// wholeModules fails unless the code has whole pixels for each module, at least
// four on the smallest panel, and a white border of four modules.
func wholeModules(t *testing.T, img *image.RGBA) {
	t.Helper()
	width, height := img.Rect.Dx(), img.Rect.Dy()
	dark := func(x, y int) bool { return img.RGBAAt(x, y).R < 128 }
	x, y := 0, 0 // of the upper left finder pattern
	for ; !dark(x, y); y, x = (y+(x+1)/(width*55/100))%height, (x+1)%(width*55/100) {
	}
	run := 0
	for dark(x+run, y) {
		run++
	}
	scale := run / 7
	if run%7 != 0 || scale < 4 {
		t.Errorf("the finder pattern is %d pixels wide", run)
	}
	for i := range 4 * scale {
		if dark(x-1-i, y) || dark(x, y-1-i) || x-1-i < 0 || y-1-i < 0 {
			t.Fatalf("the border is narrower than four modules of %d pixels", scale)
		}
	}
}

func TestTwoPages(t *testing.T) {
	panel := sim.NewFramebuffer(sim.FramebufferMode{Width: 320, Height: 240, Pages: 2})
	d := open(t, panel, `{}`)
	shown := func() uint32 {
		v := make([]byte, 160)
		if err := panel.Ioctl(0x4600, v); err != nil { // FBIOGET_VSCREENINFO
			t.Fatal(err)
		}
		return binary.NativeEndian.Uint32(v[20:]) // yoffset
	}
	for range 3 {
		before := shown()
		if err := d.Show(t.Context(), scenes()["basket"]); err != nil {
			t.Fatal(err)
		}
		if shown() == before {
			t.Errorf("drawn on the page that is shown, at row %d", before)
		}
	}
	if panel.Pans() != 3 {
		t.Errorf("turned %d times, want 3: pictures are drawn where nobody looks", panel.Pans())
	}
	refuses := sim.NewFramebuffer(sim.FramebufferMode{Width: 480, Height: 272, Pages: 2, NoPan: true})
	d = open(t, refuses, `{}`)
	if err := d.Show(t.Context(), scenes()["paying"]); err != nil || len(refuses.Codes()) != 1 {
		t.Errorf("a controller that cannot turn pages: %v, a phone reads %q", err, refuses.Codes())
	}
}

func TestOpen(t *testing.T) {
	black := func(img *image.RGBA) bool {
		for i := 0; i < len(img.Pix); i += 4 {
			if img.Pix[i]|img.Pix[i+1]|img.Pix[i+2] != 0 {
				return false
			}
		}
		return true
	}
	panel := sim.NewFramebuffer(sim.FramebufferMode{Width: 320, Height: 240, Format: "RGB565"})
	if black(panel.Image()) {
		t.Fatal("the simulated panel powers up black")
	}
	d := open(t, panel, `{}`)
	if !black(panel.Image()) {
		t.Error("opening leaves what an earlier run showed")
	}
	if err := d.Show(t.Context(), scenes()["idle"]); err != nil || black(panel.Image()) {
		t.Errorf("%v, or nothing shown", err)
	}
	if err := d.Close(); err != nil || !black(panel.Image()) {
		t.Errorf("%v, or not blank after Close", err)
	}
	if err := d.Show(t.Context(), scenes()["idle"]); fault.KindOf(err) != fault.Absent {
		t.Errorf("after Close: %v, want kind absent", err)
	}
	stays := sim.NewFramebuffer(sim.FramebufferMode{Width: 320, Height: 240})
	d = open(t, stays, `{"blank": false}`)
	if err := errors.Join(d.Show(t.Context(), scenes()["idle"]), d.Close()); err != nil || black(stays.Image()) {
		t.Errorf("%v, or blank although it should not", err)
	}
	for _, tt := range []struct {
		name, options string
		port          device.Port
	}{
		{"no address", `{}`, nil},
		{"a typo", `{"blink": true}`, sim.NewFramebuffer(sim.FramebufferMode{Width: 320, Height: 240})},
		{"too small", `{}`, sim.NewFramebuffer(sim.FramebufferMode{Width: 100, Height: 60})},
		{"no framebuffer", `{}`, silent{}},
	} {
		_, err := framebuffer.Open(t.Context(), tt.port, device.Spec{Name: "panel-1", Options: json.RawMessage(tt.options)})
		if fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", tt.name, err)
		}
	}
}

// silent is a port that is no framebuffer.
type silent struct{ device.Port }

// Whatever a scene holds, it is drawn within the picture's memory, and a pay code
// is the scene's or none.
func FuzzShow(f *testing.F) {
	f.Add("basket", "铁观音", "CNY", int64(12800), "https://pay.example/p1")
	f.Add("paying", "\x1b[2J\u202e\u0301\u0301", "\x00", int64(-1<<63), "weixin://wxpay/bizpayurl?pr=abc")
	f.Add("offers", strings.Repeat("长", 500), "JPY", int64(1<<62), "")
	f.Fuzz(func(t *testing.T, kind, text, currency string, amount int64, link string) {
		panel := sim.NewFramebuffer(sim.FramebufferMode{Width: 240, Height: 160, Format: "RGB565", Pages: 1})
		d := open(t, panel, `{}`)
		s := display.Scene{
			Kind: display.Kind(kind), Title: text, Text: text, Currency: currency, Total: &amount, Discount: amount, Language: "zh-CN",
			Lines: []display.Line{{Name: text, Quantity: text, Unit: text, Total: amount, Highlight: true}, {Name: text}},
			Pay:   &display.Pay{URL: link, Amount: amount}, Offers: []display.Offer{{Title: text, Text: text}},
			Paid: &display.Receipt{Change: amount},
		}
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if kind != "paying" {
			return // the conformance suite reads the glass of the others
		}
		for _, got := range panel.Codes() {
			if got != link {
				t.Errorf("a phone reads %q, the link is %q", got, link)
			}
		}
	})
}

// How long a picture takes, whole and when only the countdown moves.
func BenchmarkShow(b *testing.B) {
	for _, m := range []sim.FramebufferMode{{Width: 480, Height: 272, Format: "RGB565"}, {Width: 1280, Height: 800, Pages: 2}} {
		b.Run(fmt.Sprintf("%dx%d", m.Width, m.Height), func(b *testing.B) {
			d := open(b, sim.NewFramebuffer(m), `{}`)
			list := scenes()
			for i := 0; b.Loop(); i++ {
				if err := d.Show(b.Context(), list[[]string{"basket", "paying"}[i%2]]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dx%d countdown", m.Width, m.Height), func(b *testing.B) {
			d := open(b, sim.NewFramebuffer(m), `{}`)
			s := scenes()["paying"]
			for b.Loop() {
				if err := d.Show(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
