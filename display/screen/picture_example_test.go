package screen_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
)

// examplePicture stands for a round mini-program code: dots in rays around a
// centre, on a transparent ground.
var examplePicture = func() string {
	const side = 430
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for ray := range 72 {
		for ring := 6; ring < 20; ring++ {
			if (ray*7+ring*ring*3+ray*ring)%5 < 2 {
				continue
			}
			a := float64(ray) / 72 * 2 * math.Pi
			cx, cy := side/2+math.Cos(a)*float64(ring)*10.3, side/2+math.Sin(a)*float64(ring)*10.3
			for dy := -4; dy <= 4; dy++ {
				for dx := -4; dx <= 4; dx++ {
					if dx*dx+dy*dy <= 16 {
						img.Set(int(cx)+dx, int(cy)+dy, color.NRGBA{A: 255})
					}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}()
