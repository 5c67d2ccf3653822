package main

import (
	"image"
	"strings"

	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/layout"
)

// bears reports whether a ticket has words on it. A printer of the Star family
// gets text as dots: they are looked for among the dots of the paper, in each size
// and weight that receipts use.
func bears(pr *sim.Printer, k sim.Ticket, words string) bool {
	if text := strings.Join(k.Lines, "\n"); len(strings.Fields(text)) > 8 { // less is what a job that was torn left behind
		return strings.Contains(text, words)
	}
	paper := pr.Picture(k.ID)
	if paper == nil {
		return false
	}
	for _, size := range [][2]int{{1, 1}, {1, 2}, {2, 2}} {
		for _, bold := range []bool{false, true} {
			look, err := layout.Render(printer.Doc{printer.Text{Line: words, Width: size[0], Height: size[1], Bold: bold}}, printer.Caps{Columns: 96, Dots: 1152, DPI: 203, Chinese: true})
			if err == nil && dotsIn(paper, inked(look)) {
				return true
			}
		}
	}
	return false
}

const black = 0

// inked is the part of a picture that has black dots in it.
func inked(img *image.Gray) *image.Gray {
	box := image.Rectangle{}
	for i, v := range img.Pix {
		if v == black {
			x, y := i%img.Stride, i/img.Stride
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	part, _ := img.SubImage(box).(*image.Gray)
	return part
}

// dotsIn reports whether part is somewhere in whole, dot by dot.
func dotsIn(whole, part *image.Gray) bool {
	size := part.Rect.Size()
	if size.X == 0 {
		return false
	}
	for y := whole.Rect.Min.Y; y+size.Y <= whole.Rect.Max.Y; y++ {
		for x := whole.Rect.Min.X; x+size.X <= whole.Rect.Max.X; x++ {
			if at(whole, part, x, y) {
				return true
			}
		}
	}
	return false
}

func at(whole, part *image.Gray, x, y int) bool {
	size := part.Rect.Size()
	for dy := range size.Y {
		a := whole.Pix[whole.PixOffset(x, y+dy):][:size.X]
		b := part.Pix[part.PixOffset(part.Rect.Min.X, part.Rect.Min.Y+dy):][:size.X]
		for i := range a {
			if (a[i] == black) != (b[i] == black) {
				return false
			}
		}
	}
	return true
}
