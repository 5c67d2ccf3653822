package main

import (
	"testing"

	"golang.org/x/image/font/gofont/gomono"
)

func TestDrawSkipsWhatTheFontLacks(t *testing.T) {
	head, bits, err := style{font: gomono.TTF, size: 20, baseline: 19, width: 12, ink: 110, ranges: [][2]rune{{0x7d, 0xa1}, {0xac00, 0xac01}}}.draw()
	if err != nil {
		t.Fatal(err)
	}
	if len(head) != 16 || len(bits) != (2+2)*48 {
		t.Errorf("%d bytes of ranges, %d of dots, want two ranges of two glyphs", len(head), len(bits))
	}
}
