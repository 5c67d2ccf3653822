package screen_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

// Sales, one after the other as fast as the page draws: what the page holds after
// the first ones it holds after the last. A day of a busy checkout is
// TILLD_SALES=1200, some 10,000 scenes.
func testMemory(t *testing.T, b *kiosktest.Browser) {
	sales := 20
	if n := os.Getenv("TILLD_SALES"); n != "" {
		if _, err := fmt.Sscan(n, &sales); err != nil {
			t.Fatal(err)
		}
	}
	stage, _, url := serve(t, screen.Options{})
	page := b.Open(url, 800, 480)
	page.Until("document.body.dataset.kind === 'idle'")
	scenes := 0
	next := func(sc display.Scene) {
		scenes++
		stage.Set(sc)
		page.Until(fmt.Sprintf("document.body.dataset.kind === %q && document.body.dataset.sale === %q && document.querySelectorAll('.line').length === %d", sc.Kind, sc.SaleID, min(len(sc.Lines), 40)))
	}
	extra := examples("zh-CN")
	sale := func(i int) {
		id := fmt.Sprintf("SALE%06d", i)
		for _, n := range []int{1, 2, 5, 45} {
			next(basket(id, n))
		}
		next(paying(id, time.Minute))
		for _, k := range []int{9, 10, 15} { // processing, paid, offers
			e := extra[k].scene
			e.SaleID = id
			next(e)
		}
		next(display.Scene{Kind: display.Idle, Currency: "CNY", Language: []string{"zh-CN", "en"}[i%2], SaleID: id + "I", QR: extra[0].scene.QR, Lines: []display.Line{}, Offers: []display.Offer{}})
	}
	for i := range 10 {
		sale(i)
	}
	quiet := func() {
		page.Until(`document.querySelectorAll("#stage .code img").length === 2`) // of the idle scene
	}
	quiet()
	before := page.Memory()
	began := scenes
	for i := range sales {
		sale(10 + i)
	}
	quiet()
	after := page.Memory()
	for range 40 { // pictures that were asked for in the last scenes may still be on their way
		if after.Nodes <= before.Nodes+20 {
			break
		}
		page.Eval("new Promise(done => setTimeout(done, 100))", nil)
		after = page.Memory()
	}
	t.Logf("%d scenes: heap %.0f → %.0f KiB, nodes %.0f → %.0f, listeners %.0f → %.0f", scenes-began, before.HeapBytes/1024, after.HeapBytes/1024, before.Nodes, after.Nodes, before.Listeners, after.Listeners)
	if grown := after.HeapBytes - before.HeapBytes; grown > 300<<10 {
		t.Errorf("the heap grew by %.0f KiB in %d scenes", grown/1024, scenes-began)
	}
	if after.Nodes > before.Nodes+20 || after.Listeners > before.Listeners+5 {
		t.Errorf("nodes %.0f → %.0f, listeners %.0f → %.0f", before.Nodes, after.Nodes, before.Listeners, after.Listeners)
	}
}
