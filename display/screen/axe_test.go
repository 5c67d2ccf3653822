package screen_test

import (
	"fmt"
	"strings"
	"testing"

	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

// No scene in any theme, language or size of type violates WCAG 2.2 AA as far as
// axe-core can tell.
func testAccessible(t *testing.T, b *kiosktest.Browser) {
	stage, s, url := serve(t, screen.Options{})
	page := b.Open(url, 1024, 600)
	page.Media("prefers-reduced-motion", "reduce")
	n := 0
	for _, as := range []struct{ language, theme, text string }{{"zh-CN", "light", "normal"}, {"en", "dark", "large"}} {
		if err := s.SetHouse(screen.House{Name: "鲜果时光", Theme: as.theme, Text: as.text, Color: "#2f6f4f"}); err != nil {
			t.Fatal(err)
		}
		for _, e := range examples(as.language) {
			e.scene.SaleID = strings.ToUpper(fmt.Sprintf("AXE%s%s", e.name, as.language))
			stage.Set(e.scene)
			page.Until(fmt.Sprintf("document.body.dataset.sale === %q && document.body.dataset.kind === %q && document.querySelectorAll('#stage img').length === %d", e.scene.SaleID, e.scene.Kind, e.pictures))
			page.Axe(t, fmt.Sprint(e.name, as))
			n++
		}
	}
	if n < 30 {
		t.Errorf("%d scenes only", n)
	}
	lost := b.Open(url+"/lost", 800, 480)
	for _, scheme := range []string{"light", "dark"} {
		lost.Media("prefers-color-scheme", scheme)
		lost.Until(`document.querySelector("a").textContent.startsWith("http")`)
		lost.Axe(t, "no such screen, "+scheme)
		lost.Until(`document.documentElement.scrollHeight <= innerHeight`)
		keep(t, "none-"+scheme, lost.Screenshot())
	}
	// The rules are at work: a text that is too pale is found.
	page.Eval(`document.querySelector("h1").style.color = "#303846"; 0`, nil)
	if len(page.AxeFinds(t)) == 0 {
		t.Error("axe finds nothing wrong with pale text")
	}
}
