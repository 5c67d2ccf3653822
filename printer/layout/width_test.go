package layout_test

import (
	"slices"
	"testing"

	"tilld/printer"
	"tilld/printer/layout"
)

// Letters that are drawn as dots are as wide as they look, also on a Chinese
// printer; accents that come by themselves make one letter with theirs.
func TestColumnsOfScripts(t *testing.T) {
	for _, chinese := range []bool{false, true} {
		caps := printer.Caps{Columns: 32, Dots: 384, DPI: 203, Chinese: chinese}
		for text, want := range map[string]int{"Tổng cộng": 9, "한국어": 6, "٠١٢": 3, "茶": 2} {
			if got := layout.TextColumns(text, caps); got != want {
				t.Errorf("Chinese %v: %s takes %d columns, want %d", chinese, text, got, want)
			}
		}
		var pix [2][]byte
		for i, text := range []string{"T\u1ed5ng \ud55c", "To\u0302\u0309ng \u1112\u1161\u11ab"} {
			img, err := layout.Render(printer.Doc{printer.Text{Line: text}}, caps)
			if err != nil {
				t.Fatal(err)
			}
			pix[i] = img.Pix
		}
		if !slices.Equal(pix[0], pix[1]) {
			t.Error("composed and decomposed text look different")
		}
	}
}
