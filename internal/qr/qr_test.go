package qr_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tilld/internal/fault"
	"tilld/internal/qr"
)

func TestMakeReadsBack(t *testing.T) {
	for _, payload := range []string{
		"1", "12345678901234567890", "HTTPS://EXAMPLE.CN/A", "https://pay.example.cn/s/01J9Z0000000000000000000?x=1",
		"中", "é café", "€100", "weixin://wxpay/bizpayurl?pr=" + strings.Repeat("a", 120), strings.Repeat("汉字", 100), "emoji 😀 end",
	} {
		for _, level := range []qr.Level{"", qr.L, qr.M, qr.Q, qr.H} {
			c, err := qr.Make(payload, level)
			if err != nil {
				t.Fatalf("Make(%q, %q): %v", payload, level, err)
			}
			for _, scale := range []int{1, 2, 3, 4, 8} {
				if got, err := qr.Read(c.Image(scale, qr.Quiet)); err != nil || got != payload {
					t.Errorf("scale %d: read %q, %v, want %q", scale, got, err, payload)
				}
			}
		}
	}
}

// The default level costs no dots: it is M or better at the size of M.
func TestDefaultLevelIsRaisedForFree(t *testing.T) {
	raised := 0
	for n := 1; n < 300; n += 7 {
		payload := strings.Repeat("a", n)
		got, err := qr.Make(payload, "")
		if err != nil {
			t.Fatal(err)
		}
		m, err := qr.Make(payload, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		if got.Size != m.Size {
			t.Errorf("%d bytes: %d modules, level M has %d", n, got.Size, m.Size)
		}
		if got.Level != qr.M {
			raised++
		}
		if got.Level == qr.L {
			t.Errorf("%d bytes: level L", n)
		}
	}
	if raised == 0 {
		t.Error("the level is never raised")
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		level   qr.Level
	}{
		"empty":    {"", qr.M},
		"no UTF-8": {"a\xff", qr.M},
		"level":    {"a", "X"},
		"too long": {strings.Repeat("a", 2332), qr.M},
		"far off":  {strings.Repeat("a", 1<<20), qr.L},
	} {
		if _, err := qr.Make(c.payload, c.level); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s: %v, want refused", name, err)
		}
	}
	if _, err := qr.Make(strings.Repeat("a", 2331), qr.M); err != nil {
		t.Errorf("2,331 bytes at level M: %v", err)
	}
}

func TestPictures(t *testing.T) {
	c, err := qr.Make("https://example.cn/1", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.PNG(6, qr.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if want := (c.Size + 8) * 6; img.Bounds().Dx() != want || img.Bounds().Dy() != want {
		t.Errorf("PNG of %v, want %d a side", img.Bounds(), want)
	}
	if got, err := qr.Read(img); err != nil || got != "https://example.cn/1" {
		t.Errorf("PNG reads %q, %v", got, err)
	}
	svg := c.SVG(qr.Quiet)
	if !strings.Contains(svg, `viewBox="0 0 33 33"`) || !strings.HasSuffix(svg, "</svg>") {
		t.Errorf("SVG is %s", svg)
	}
}

// A light code on a dark ground, and one in the corner of a larger picture.
func TestReadSearches(t *testing.T) {
	c, err := qr.Make("https://example.cn/1", qr.M)
	if err != nil {
		t.Fatal(err)
	}
	inverted := c.Image(5, 8)
	for i := range inverted.Pix {
		inverted.Pix[i] ^= 0xff
	}
	if got, err := qr.Read(inverted); err != nil || got != "https://example.cn/1" {
		t.Errorf("inverted: %q, %v", got, err)
	}
	wide := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range wide.Pix {
		wide.Pix[i] = 0xf0
	}
	code := c.Image(5, qr.Quiet)
	for y := range code.Rect.Dy() {
		copy(wide.Pix[(y+200)*wide.Stride+380:], code.Pix[y*code.Stride:(y+1)*code.Stride])
	}
	wide.SetGray(3, 3, wide.GrayAt(0, 0)) // something besides the code
	for x := range 100 {
		wide.Pix[20*wide.Stride+x] = 0
	}
	if got, err := qr.Read(wide); err != nil || got != "https://example.cn/1" {
		t.Errorf("in a scene: %q, %v", got, err)
	}
	if _, err := qr.Read(image.NewGray(image.Rect(0, 0, 100, 100))); fault.KindOf(err) != fault.Refused {
		t.Errorf("a black picture: %v, want refused", err)
	}
	if _, err := qr.Read(image.NewGray(image.Rect(0, 0, 0, 0))); fault.KindOf(err) != fault.Refused {
		t.Errorf("an empty picture: %v, want refused", err)
	}
}

func TestEveryPayloadSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.StringN(1, 200, 600).Draw(t, "payload")
		level := rapid.SampledFrom([]qr.Level{"", qr.L, qr.M, qr.Q, qr.H}).Draw(t, "level")
		c, err := qr.Make(payload, level)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if got, err := qr.Read(c.Image(3, qr.Quiet)); err != nil || got != payload {
			t.Fatalf("read %q, %v", got, err)
		}
	})
}

func TestBars(t *testing.T) {
	for _, c := range []struct{ symbology, data, text string }{
		{"ean13", "690123456789", "6901234567892"},
		{"ean13", "6901234567892", "6901234567892"},
		{"ean8", "9638507", "96385074"},
		{"upca", "03600029145", "036000291452"},
		{"upce", "0123456", "01234565"},
		{"code128", "ABC-abc-1234567890", "ABC-abc-1234567890"},
		{"code39", "TILL 03", "TILL 03"},
		{"code93", "TILL 03", "TILL 03"},
		{"itf", "12", "12"},
		{"itf", "1234567890", "1234567890"},
		{"codabar", "A12345B", "A12345B"},
	} {
		b, err := qr.MakeBars(c.symbology, c.data)
		if err != nil {
			t.Errorf("%s %q: %v", c.symbology, c.data, err)
			continue
		}
		if b.Text != c.text {
			t.Errorf("%s %q: text %q, want %q", c.symbology, c.data, b.Text, c.text)
		}
		if !b.Modules[0] || !b.Modules[len(b.Modules)-1] {
			t.Errorf("%s: does not begin and end with a bar", c.symbology)
		}
	}
	for _, c := range [][2]string{{"ean13", "6901234567890"}, {"ean13", "12"}, {"ean13", "69012345678a"}, {"itf", "123"}, {"code128", "汉"}, {"qr", "1"}, {"code39", ""}, {"code128", strings.Repeat("1", 81)}} {
		if _, err := qr.MakeBars(c[0], c[1]); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s %q: %v, want refused", c[0], c[1], err)
		}
	}
}

func BenchmarkMake120Bytes(b *testing.B) {
	payload := "https://example.cn/" + strings.Repeat("a", 101)
	for b.Loop() {
		if _, err := qr.Make(payload, qr.M); err != nil {
			b.Fatal(err)
		}
	}
}

// Pictures come from outside too: nothing in them may do more than not be read.
func FuzzRead(f *testing.F) {
	for _, payload := range []string{"1", "https://example.cn/1"} {
		c, err := qr.Make(payload, qr.L)
		if err != nil {
			f.Fatal(err)
		}
		img := c.Image(1, qr.Quiet)
		f.Add(img.Pix, img.Stride)
	}
	f.Fuzz(func(t *testing.T, pix []byte, stride int) {
		if stride < 1 || stride > 400 || len(pix) < stride {
			return
		}
		img := &image.Gray{Pix: pix, Stride: stride, Rect: image.Rect(0, 0, stride, len(pix)/stride)}
		if _, err := qr.Read(img); err != nil && fault.KindOf(err) != fault.Refused {
			t.Fatal(err)
		}
		if _, err := qr.ReadBars(img, "code128"); err != nil && fault.KindOf(err) != fault.Refused {
			t.Fatal(err)
		}
	})
}
