package atlas_test

import "testing"

// Scripts that need no shaping are drawn whole; what has no glyph is said to have
// none.
func TestScripts(t *testing.T) {
	set := load(t)
	for columns, text := range map[int]string{
		1: "ÀếỗữẪơưđẢẲỶḿἀῷῇѢҐѪ٠١٢٣٤٥٦٧٨٩۰۱۴۵۶₩₫₽€",
		2: "한국어영수증합계뷁힣가",
	} {
		for _, r := range text {
			if g, _, ok := set.Glyph(r, columns, false); !ok || g.Width != 12*columns || empty(g) {
				t.Errorf("no %c for %d columns", r, columns)
			}
		}
	}
	for _, r := range "ไมส\u0e49ش" {
		if _, _, ok := set.Glyph(r, 1, false); ok {
			t.Errorf("%c has a glyph: the documentation says it has none", r)
		}
	}
}
