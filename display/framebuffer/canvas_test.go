package framebuffer

import (
	"slices"
	"testing"

	"tilld/internal/atlas"
)

// An accent that comes by itself is drawn with its letter, not dropped; Hangul is
// as wide as Chinese and no hollow box.
func TestAccentsAndHangul(t *testing.T) {
	set, err := atlas.Load()
	if err != nil {
		t.Fatal(err)
	}
	draw := func(s string) []uint32 {
		c := newCanvas(400, 40, set)
		c.text(0, 0, s, 24, false, 0xffffff)
		return c.pix
	}
	if !slices.Equal(draw("T\u1ed5ng \ud55c"), draw("To\u0302\u0309ng \u1112\u1161\u11ab")) {
		t.Error("composed and decomposed text look different")
	}
	if got := width("한국", 24); got != width("中国", 24) {
		t.Errorf("한국 is %d pixels wide", got)
	}
	if slices.Equal(draw("한"), draw("글")) {
		t.Error("two syllables look the same")
	}
}
