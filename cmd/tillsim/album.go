package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"

	xdraw "golang.org/x/image/draw"
)

// album takes pictures for the documentation: small ones, of few colours.
type album struct {
	dir, name string
	browser   *browser
}

// openAlbum opens the customer screen in a browser.
func openAlbum(ctx context.Context, dir, name, screen string) (*album, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	b, err := openBrowser(ctx, screen, 1024, 600)
	if err != nil {
		return nil, err
	}
	return &album{dir: dir, name: name, browser: b}, nil
}

func (a *album) close() error { return a.browser.close() }

// screen waits until the page shows the scene and takes a picture of it.
func (a *album) screen(ctx context.Context, raw []byte) error {
	var sc scene
	if err := json.Unmarshal(raw, &sc); err != nil {
		return err
	}
	if err := a.browser.until(ctx, fmt.Sprintf("document.body.dataset.kind === %q && [...document.images].every(i => i.complete)", sc.Kind)); err != nil {
		return err
	}
	shot, err := a.browser.picture(ctx)
	if err != nil {
		return err
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return err
	}
	return a.save("screen", smaller(img, 800))
}

// paper keeps a receipt.
func (a *album) paper(img image.Image) error { return a.save("receipt", smaller(img, 384)) }

// smaller is img at most width pixels wide.
func smaller(img image.Image, width int) image.Image {
	b := img.Bounds()
	if b.Dx() <= width {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, width, b.Dy()*width/b.Dx()))
	xdraw.CatmullRom.Scale(out, out.Bounds(), img, b, draw.Src, nil)
	return out
}

func (a *album) save(what string, img image.Image) (err error) {
	f, err := os.Create(filepath.Join(a.dir, a.name+"-"+what+".png"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(f, fewColours(img, 32))
}

// fewColours maps img to its n most frequent colours, told apart coarsely.
func fewColours(img image.Image, n int) *image.Paletted {
	b := img.Bounds()
	count, sum := map[[3]uint8]int{}, map[[3]uint8][3]int{}
	coarse := func(c color.RGBA) [3]uint8 { return [3]uint8{c.R >> 4, c.G >> 4, c.B >> 4} }
	at := func(x, y int) color.RGBA {
		c, _ := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
		return c
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := at(x, y)
			k := coarse(c)
			s := sum[k]
			count[k]++
			sum[k] = [3]int{s[0] + int(c.R), s[1] + int(c.G), s[2] + int(c.B)}
		}
	}
	keys := make([][3]uint8, 0, len(count))
	for k := range count {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y [3]uint8) int {
		if d := count[y] - count[x]; d != 0 {
			return d
		}
		return slices.Compare(x[:], y[:])
	})
	var p color.Palette
	for _, k := range keys[:min(n, len(keys))] {
		s, c := sum[k], count[k]
		p = append(p, color.RGBA{uint8(s[0] / c), uint8(s[1] / c), uint8(s[2] / c), 255})
	}
	out := image.NewPaletted(image.Rect(0, 0, b.Dx(), b.Dy()), p)
	known := map[color.RGBA]uint8{}
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := at(b.Min.X+x, b.Min.Y+y)
			i, ok := known[c]
			if !ok {
				i = uint8(p.Index(c))
				known[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}
