package qz

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // what pages send
	_ "image/jpeg" // the same
	_ "image/png"  // the same
	"strings"

	"golang.org/x/image/draw"
)

// Limits of a picture among raw commands.
const (
	maxPixels = 16_000_000
	slice     = 255 // rows in one command
)

// image makes raster commands of a picture, whichever of the printers' ways the
// page asks for: dark dots are black, what shines through is white.
func (it item) image(dots int) ([]byte, error) {
	var o struct {
		Language  string `json:"language"`
		Threshold *int   `json:"threshold"`
	}
	if len(it.Options) > 0 && json.Unmarshal(it.Options, &o) != nil {
		return nil, errors.New("the image's options cannot be read")
	}
	if l := strings.ReplaceAll(strings.ToUpper(o.Language), "/", ""); l != "" && l != "ESCPOS" && l != "ESCP" {
		return nil, fmt.Errorf("images in the language %q are not supported by tilld", clip(o.Language))
	}
	if it.Flavor != "base64" {
		return nil, fmt.Errorf("images of flavor %q are not supported: tilld opens no files and no addresses for a page", clip(it.Flavor))
	}
	level := 127
	if o.Threshold != nil {
		level = min(max(*o.Threshold, 0), 255)
	}
	data := it.Data
	if i := strings.Index(data[:min(len(data), 64)], "base64,"); i >= 0 {
		data = data[i+len("base64,"):]
	}
	file, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, errors.New("the image is no base64")
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || head.Width < 1 || head.Height < 1 || head.Width > maxPixels/head.Height {
		return nil, errors.New("the image is no picture, or too large")
	}
	img, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, errors.New("the image is damaged")
	}
	return raster(onWhite(img, dots), level), nil
}

// onWhite draws a picture on white, no wider than the paper.
func onWhite(img image.Image, dots int) *image.Gray {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if limit := dots / 8 * 8; limit > 0 && w > limit {
		w, h = limit, max(h*limit/w, 1)
	}
	gray := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(gray, gray.Rect, image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(gray, gray.Rect, img, img.Bounds(), draw.Over, nil)
	return gray
}

// raster writes GS v 0 commands.
func raster(gray *image.Gray, level int) (out []byte) {
	w, h := gray.Rect.Dx(), gray.Rect.Dy()
	stride := (w + 7) / 8
	for top := 0; top < h; top += slice {
		rows := min(slice, h-top)
		out = append(out, 0x1d, 'v', '0', 0, byte(stride), byte(stride>>8), byte(rows), byte(rows>>8))
		bits := make([]byte, stride*rows)
		for y := range rows {
			for x := range w {
				if int(gray.Pix[(top+y)*gray.Stride+x]) < level {
					bits[y*stride+x/8] |= 0x80 >> (x % 8)
				}
			}
		}
		out = append(out, bits...)
	}
	return out
}
