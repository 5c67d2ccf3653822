package main

import (
	"testing"

	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
)

func TestDrawSkipsWhatTheFontLacks(t *testing.T) {
	f, err := opentype.Parse(gomono.TTF)
	if err != nil {
		t.Fatal(err)
	}
	p := pen{font: f, size: 20, baseline: 19, width: 12, ink: 110}
	spans, dots, err := plane{width: 12, layers: []layer{{p, [][2]rune{{0x7d, 0xa1}, {0xac00, 0xac01}}}}}.draw()
	if err != nil {
		t.Fatal(err)
	}
	want := []span{{0x7d, 2, 0}, {0xa0, 2, 2 * 48}}
	if len(spans) != 2 || spans[0] != want[0] || spans[1] != want[1] || len(dots) != (2+2)*48 {
		t.Errorf("%v and %d bytes of dots, want %v and %d", spans, len(dots), want, (2+2)*48)
	}
}

// The first font that has a character draws it, however many follow.
func TestFirstLayerWins(t *testing.T) {
	f, err := opentype.Parse(gomono.TTF)
	if err != nil {
		t.Fatal(err)
	}
	small, large := pen{font: f, size: 10, baseline: 19, width: 12, ink: 110}, pen{font: f, size: 20, baseline: 19, width: 12, ink: 110}
	draw := func(layers ...layer) string {
		_, dots, err := plane{width: 12, layers: layers}.draw()
		if err != nil {
			t.Fatal(err)
		}
		return string(dots)
	}
	a := [][2]rune{{'A', 'A'}}
	if got := draw(layer{small, a}, layer{large, a}); got != draw(layer{small, a}) || got == draw(layer{large, a}) {
		t.Error("the second layer drew over the first")
	}
}
