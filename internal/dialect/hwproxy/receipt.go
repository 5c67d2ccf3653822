package hwproxy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"

	"golang.org/x/image/draw"

	"tilld/internal/qr"
	"tilld/printer"
)

// Limits of a receipt's picture.
const (
	maxPixels = 40_000_000
	maxHigh   = 20_000 // rows: 2.5 m of paper
	strip     = 2000   // rows in one block
	dark      = 160    // gray below this is black: anti-aliased strokes stay whole
)

// receipt makes a document of a JPEG or PNG in base64: scaled down to the paper,
// black and white, cut at the end. warn says that a code in it can no longer be
// read.
func receipt(text string, dots int) (doc printer.Doc, warn string, err error) {
	if i := strings.Index(text[:min(len(text), 64)], "base64,"); i >= 0 {
		text = text[i+len("base64,"):]
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, "", errors.New("the receipt is no base64")
	}
	img, err := open(data)
	if err != nil {
		return nil, "", err
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if limit := dots / 8 * 8; limit > 0 && w > limit {
		w, h = limit, max(h*limit/w, 1)
	}
	if h > maxHigh {
		return nil, "", fmt.Errorf("the receipt is %d dots long", h)
	}
	gray := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(gray, gray.Rect, image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(gray, gray.Rect, img, img.Bounds(), draw.Over, nil)
	for i, v := range gray.Pix {
		gray.Pix[i] = threshold(v)
	}
	if was, err := qr.Read(img); err == nil {
		if now, err := qr.Read(gray); err != nil || now != was {
			warn = "a QR code in the receipt's picture cannot be read from the paper: send wider pictures, or use larger codes"
		}
	}
	for top := 0; top < h; top += strip {
		var out bytes.Buffer
		part := gray.SubImage(image.Rect(0, top, w, min(top+strip, h)))
		if err := png.Encode(&out, part); err != nil {
			return nil, "", err
		}
		doc = append(doc, printer.Image{PNG: out.Bytes(), Align: printer.Center})
	}
	return append(doc, printer.Cut{}), warn, nil
}

// open decodes a picture after a look at its size.
func open(data []byte) (image.Image, error) {
	for _, f := range []struct {
		config func(*bytes.Reader) (image.Config, error)
		decode func(*bytes.Reader) (image.Image, error)
	}{
		{func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }, func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }},
		{func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }, func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }},
	} {
		head, err := f.config(bytes.NewReader(data))
		if err != nil {
			continue
		}
		if head.Width < 1 || head.Height < 1 || head.Width > maxPixels/head.Height {
			return nil, fmt.Errorf("a picture of %d x %d pixels", head.Width, head.Height)
		}
		img, err := f.decode(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("the receipt's picture is damaged: %w", err)
		}
		return img, nil
	}
	return nil, errors.New("the receipt is neither JPEG nor PNG")
}

func threshold(v uint8) uint8 {
	if v < dark {
		return 0
	}
	return 255
}
