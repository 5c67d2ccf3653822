package camera

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"

	"tilld/scanner/internal/reading"
)

const (
	qr   = gozxing.BarcodeFormat_QR_CODE
	dm   = gozxing.BarcodeFormat_DATA_MATRIX
	ean  = gozxing.BarcodeFormat_EAN_13
	c128 = gozxing.BarcodeFormat_CODE_128
)

func TestFinds(t *testing.T) {
	f := newFinder(Defaults)
	for _, tt := range []struct {
		format  gozxing.BarcodeFormat
		text    string
		degrees float64
		want    string
	}{
		{qr, "https://t.cn/A6x7K2", 0, "]Q1|https://t.cn/A6x7K2"},
		{qr, "https://t.cn/A6x7K2", 31, "]Q1|https://t.cn/A6x7K2"},
		{qr, "134567890123456789", 180, "]Q1|134567890123456789"},
		{qr, "乌龙茶 12.00元", 90, "]Q1|乌龙茶 12.00元"},
		{qr, "HELLO 123", 200, "]Q1|HELLO 123"},
		{ean, "6901234567892", 0, "]E0|6901234567892"},
		{ean, "6901234567892", 3, "]E0|6901234567892"},
		{ean, "6901234567892", 90, "]E0|6901234567892"},
		{ean, "6901234567892", 180, "]E0|6901234567892"},
		{ean, "6901234567892", 270, "]E0|6901234567892"},
		{gozxing.BarcodeFormat_EAN_8, "96385074", 0, "]E4|96385074"},
		{gozxing.BarcodeFormat_UPC_A, "036000291452", 0, "]E0|0036000291452"},
		{c128, "SN-00042/A", 0, "]C0|SN-00042/A"},
		{c128, "SN-00042/A", 90, "]C0|SN-00042/A"},
		{c128, "\u00f1010952123454321310AB\u00f121X", 0, "]C1|010952123454321310AB\x1d21X"},
		{dm, "https://t.cn/A6x7K2", 0, "]d1|https://t.cn/A6x7K2"},
		{dm, "https://t.cn/A6x7K2", 90, "]d1|https://t.cn/A6x7K2"},
	} {
		t.Run(fmt.Sprintf("%v %s at %v", tt.format, tt.text, tt.degrees), func(t *testing.T) {
			g := scene(1000, 600, code(t, tt.format, tt.text, 3), tt.degrees, 5, 1)
			c, ok := f.find(g, false)
			if got := c.AIM + "|" + string(c.Data); !ok || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}

func TestFindsInEveryKindOfPicture(t *testing.T) {
	f := newFinder(Defaults)
	g := scene(900, 700, code(t, qr, "https://t.cn/A6x7K2", 5), 17, 5, 2)
	for _, kind := range []string{"gray", "rgba", "nrgba", "paletted", "ycbcr", "sub", "gray16"} {
		for _, limit := range []int{MaxPixels, 500 * 400} {
			p, err := gray(coloured(g, kind), limit)
			if err != nil {
				t.Fatal(err)
			}
			if n := p.Rect.Dx() * p.Rect.Dy(); n > limit {
				t.Errorf("%s: %d pixels, the limit is %d", kind, n, limit)
			}
			if c, ok := f.find(p, false); !ok || string(c.Data) != "https://t.cn/A6x7K2" {
				t.Errorf("%s, at most %d pixels: %q, %v", kind, limit, c.Data, ok)
			}
		}
	}
}

func TestInverted(t *testing.T) {
	f := newFinder(Defaults)
	g := scene(800, 600, code(t, qr, "https://t.cn/A6x7K2", 5), 0, 5, 2)
	for i := range g.Pix {
		g.Pix[i] = 255 - g.Pix[i]
	}
	if c, ok := f.find(g, true); !ok || string(c.Data) != "https://t.cn/A6x7K2" {
		t.Errorf("%q, %v", c.Data, ok)
	}
}

// What is transparent is paper.
func TestTransparentPictures(t *testing.T) {
	g := code(t, qr, "690", 4)
	p := image.NewNRGBA(g.Rect)
	for y := range g.Rect.Dy() {
		for x := range g.Rect.Dx() {
			if g.GrayAt(x, y).Y < 128 {
				p.Set(x, y, color.Black)
			}
		}
	}
	out, err := gray(p, MaxPixels)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := newFinder(Defaults).find(out, false); !ok || string(c.Data) != "690" {
		t.Errorf("%q, %v", c.Data, ok)
	}
}

// Frames in which there is no whole code give none, whatever else is in them.
func TestNoCode(t *testing.T) {
	f := newFinder(Defaults)
	whole := code(t, qr, strings.Repeat("https://t.cn/A6x7K2/", 8), 4)
	half := scene(800, 600, whole.SubImage(image.Rect(0, 0, whole.Rect.Dx(), whole.Rect.Dy()/2)).(*image.Gray), 0, 5, 3)
	bars := code(t, ean, "6901234567892", 4)
	cut := scene(800, 600, bars.SubImage(image.Rect(0, 0, bars.Rect.Dx()/2, bars.Rect.Dy())).(*image.Gray), 0, 5, 3)
	noise := map[string]*image.Gray{
		"half a QR": half, "half an EAN": cut, "nothing": scene(1280, 720, image.NewGray(image.Rect(0, 0, 1, 1)), 0, 30, 4),
		"one pixel": image.NewGray(image.Rect(0, 0, 1, 1)), "one row": image.NewGray(image.Rect(0, 0, 500, 1)),
		"black": image.NewGray(image.Rect(0, 0, 640, 480)),
	}
	for i := range 8 {
		noise[fmt.Sprint("nothing ", i)] = scene(640, 480, image.NewGray(image.Rect(0, 0, 1, 1)), 0, float64(12*i), uint64(i))
	}
	for name, g := range noise {
		if c, ok := f.find(g, true); ok {
			t.Errorf("%s: %q", name, c.Data)
		}
	}
}

func TestTooLargeAFrame(t *testing.T) {
	if _, err := gray(image.NewUniform(color.White), MaxPixels); err == nil {
		t.Error("an endless picture is taken")
	}
	if _, err := gray(&image.Gray{}, MaxPixels); err == nil {
		t.Error("an empty picture is taken")
	}
}

func TestJudge(t *testing.T) {
	a, b := reading.Code{AIM: "]E0", Data: []byte("1")}, reading.Code{AIM: "]E0", Data: []byte("2")}
	none := reading.Code{}
	type step struct {
		code reading.Code
		ms   int // after the step before
		want bool
	}
	for name, tt := range map[string]struct {
		j     judge
		steps []step
	}{
		"two of five": {
			judge{votes: 2, window: 5, repeat: 700 * time.Millisecond},
			[]step{{a, 0, false}, {none, 100, false}, {none, 100, false}, {a, 100, true}, {a, 100, false}, {a, 600, false}, {a, 600, false}},
		},
		"one misread frame": {
			judge{votes: 2, window: 5, repeat: 700 * time.Millisecond},
			[]step{{a, 0, false}, {b, 100, false}, {a, 100, true}, {none, 100, false}, {none, 100, false}, {none, 100, false}, {none, 100, false}, {b, 100, false}},
		},
		"out of sight and back": {
			judge{votes: 2, window: 5, repeat: 700 * time.Millisecond},
			[]step{{a, 0, false}, {a, 100, true}, {none, 300, false}, {a, 300, false}, {none, 400, false}, {none, 400, false}, {a, 100, false}, {a, 100, true}},
		},
		"one after the other": {
			judge{votes: 2, window: 3, repeat: 700 * time.Millisecond},
			[]step{{a, 0, false}, {a, 100, true}, {b, 100, false}, {b, 100, true}, {b, 100, false}},
		},
		"every frame": {judge{votes: 1, window: 5}, []step{{a, 0, true}, {a, 0, true}, {none, 0, false}, {b, 0, true}}},
	} {
		at := time.Now()
		for i, s := range tt.steps {
			at = at.Add(time.Duration(s.ms) * time.Millisecond)
			if got := tt.j.frame(s.code, len(s.code.Data) > 0, at); got != s.want {
				t.Errorf("%s, step %d: %v, want %v", name, i, got, s.want)
			}
		}
	}
}

func TestStillFrames(t *testing.T) {
	empty := image.NewGray(image.Rect(0, 0, 1, 1))
	var s still
	for i, want := range []bool{false, true, true, true, false, true} {
		if got := s.same(scene(640, 480, empty, 0, 5, uint64(i)), 3); got != want {
			t.Errorf("frame %d of an empty counter: %v, want %v", i, got, want)
		}
	}
	if s.same(scene(640, 480, code(t, qr, "690", 3), 0, 5, 9), 3) {
		t.Error("a small code that is held up goes unnoticed")
	}
}

func FuzzFind(f *testing.F) {
	small := code(f, ean, "6901234567892", 1)
	f.Add(small.Pix, uint16(small.Rect.Dx()), true)
	q := code(f, qr, "1", 1)
	f.Add(q.Pix, uint16(q.Rect.Dx()), false)
	d := code(f, dm, "1", 1)
	f.Add(d.Pix, uint16(d.Rect.Dx()), false)
	find := newFinder(Defaults)
	f.Fuzz(func(t *testing.T, pix []byte, width uint16, inverted bool) {
		w := int(width)
		if w == 0 || len(pix) < w || len(pix) > 1<<16 {
			return
		}
		g := &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, len(pix)/w)}
		if c, ok := find.find(g, inverted); ok && len(c.Data) == 0 {
			t.Fatal("an empty code")
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	auth := "134567890123456789"
	for _, bb := range []struct {
		name   string
		w, h   int
		format gozxing.BarcodeFormat
		kind   string
	}{
		{"1280x720/qr", 1280, 720, qr, "gray"},
		{"1280x720/qr-jpeg", 1280, 720, qr, "ycbcr"},
		{"1280x720/qr-png", 1280, 720, qr, "rgba"},
		{"1280x720/code128", 1280, 720, c128, "gray"},
		{"1280x720/nothing", 1280, 720, -1, "gray"},
		{"640x480/qr", 640, 480, qr, "gray"},
		{"640x480/nothing", 640, 480, -1, "gray"},
		{"3840x2160/qr", 3840, 2160, qr, "gray"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			pic := image.NewGray(image.Rect(0, 0, 1, 1))
			if bb.format >= 0 {
				pic = code(b, bb.format, auth, max(2, bb.h/150))
			}
			frame := coloured(scene(bb.w, bb.h, pic, 0, 5, 1), bb.kind)
			f := newFinder(Defaults)
			b.ReportAllocs()
			for b.Loop() {
				g, err := gray(frame, Defaults.MaxPixels)
				if err != nil {
					b.Fatal(err)
				}
				if c, ok := f.find(g, false); ok != (bb.format >= 0) || ok && string(c.Data) != auth {
					b.Fatalf("%q, %v", c.Data, ok)
				}
			}
		})
	}
}
