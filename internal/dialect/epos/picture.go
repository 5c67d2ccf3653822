package epos

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"tilld/printer"
)

// strip is how many rows of a picture one block has: a long receipt is a pile of
// them.
const strip = 2000

// picture makes blocks of dots: 1 bit each, black is 1, or 4 bits, white is 15.
func picture(data []byte, w, h, stride, bits int, align printer.Align) (printer.Doc, error) {
	var doc printer.Doc
	for top := 0; top < h; top += strip {
		rows := min(strip, h-top)
		img := image.NewGray(image.Rect(0, 0, w, rows))
		for y := range rows {
			row := data[(top+y)*stride:]
			for x := range w {
				img.SetGray(x, y, dot(row, x, bits))
			}
		}
		var out bytes.Buffer
		if err := png.Encode(&out, img); err != nil {
			return nil, err
		}
		doc = append(doc, printer.Image{PNG: out.Bytes(), Align: align})
	}
	return doc, nil
}

func dot(row []byte, x, bits int) color.Gray {
	if bits == 4 {
		v := row[x/2] >> 4
		if x%2 == 1 {
			v = row[x/2] & 15
		}
		return color.Gray{Y: 255 - v*17}
	}
	if row[x/8]&(0x80>>(x%8)) != 0 {
		return color.Gray{}
	}
	return color.Gray{Y: 255}
}
