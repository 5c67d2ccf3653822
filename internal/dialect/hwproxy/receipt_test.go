package hwproxy

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"

	"tilld/internal/qr"
	"tilld/printer"
)

func jpegOf(t testing.TB, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func paper(w, h, module int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	if module > 0 {
		code, err := qr.Make("https://example.cn/a-long-enough-address?with=parameters", "M")
		if err != nil {
			panic(err)
		}
		mark := code.Image(module, 4)
		draw.Draw(img, mark.Bounds().Add(image.Pt(20, 20)), mark, image.Point{}, draw.Src)
	}
	return img
}

func TestReceipt(t *testing.T) {
	for _, c := range []struct {
		name     string
		img      image.Image
		dots     int
		blocks   int
		w        int
		warns    bool
		readable bool
	}{
		{"fits", paper(512, 700, 8), 576, 1, 512, false, true},
		{"long", paper(512, 4500, 8), 576, 3, 512, false, true},
		{"scaled down", paper(1152, 900, 8), 576, 1, 576, false, true},
		{"a code too small for the paper", paper(2304, 900, 4), 384, 1, 384, true, false},
	} {
		doc, warn, err := receipt("data:image/jpeg;base64,"+jpegOf(t, c.img), c.dots)
		if err != nil || len(doc) != c.blocks+1 || (warn != "") != c.warns {
			t.Errorf("%s: %d blocks, %q, %v", c.name, len(doc), warn, err)
			continue
		}
		first, err := png.Decode(bytes.NewReader(doc[0].(printer.Image).PNG))
		if err != nil || first.Bounds().Dx() != c.w {
			t.Fatalf("%s: %v, %v", c.name, first.Bounds(), err)
		}
		for y := first.Bounds().Min.Y; y < first.Bounds().Max.Y; y++ {
			for x := range c.w {
				if v := color.GrayModel.Convert(first.At(x, y)).(color.Gray).Y; v != 0 && v != 255 {
					t.Fatalf("%s: a gray of %d at %d, %d", c.name, v, x, y)
				}
			}
		}
		if _, err := qr.Read(first); (err == nil) != c.readable {
			t.Errorf("%s: code on the paper: %v", c.name, err)
		}
	}
	for name, text := range map[string]string{
		"no base64": "!!", "no picture": "AAAA", "empty": "", "too long": jpegOf(t, paper(8, 30_000, 0)),
	} {
		if _, _, err := receipt(text, 576); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add([]byte(jpegOf(f, paper(64, 64, 0))))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, _, err := receipt(string(text), 384)
		if (err == nil) != (len(doc) > 1) {
			t.Fatalf("%d blocks, %v", len(doc), err)
		}
	})
}
