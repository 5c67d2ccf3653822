package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/display/screen/kiosktest"
	backend "tilld/internal/cloud"
)

// A real agent is killed while a pay code is on a real browser's glass. The code
// goes; after the restart, on the same page, it is not there before the cloud has
// said that the payment still stands, and then it is.
func TestGlassAfterKill(t *testing.T) {
	b := kiosktest.Start(t)
	l := openLaneWith(t, "info", "", "")
	page := b.Open(l.base+"/screen", 1024, 600)
	page.Until(`document.body.dataset.kind === "idle" && !document.body.classList.contains("waiting")`)

	var sale struct{ ID string }
	l.must(json.Unmarshal(l.body(http.MethodPost, "/v1/sales", `{"items":[{"sku":"T","name":"乌龙茶","quantity":"2","unit_price":550}]}`), &sale))
	var paid struct {
		Payment struct{ URL string }
	}
	l.must(json.Unmarshal(l.body(http.MethodPost, "/v1/sales/"+sale.ID+"/pay", `{"method":"qr"}`), &paid))
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	if got := kiosktest.Read(t, page.Screenshot()); !strings.Contains(got, paid.Payment.URL) || paid.Payment.URL == "" {
		t.Fatalf("the code is not on the glass: %q, want %q", got, paid.Payment.URL)
	}
	// From here on the page notes every picture of a code that it shows.
	page.Eval(`window.pictures = 0; new MutationObserver(() => { if (document.querySelector(".paycard img")) window.pictures++; else window.without = true; }).observe(document.body, {subtree: true, childList: true, attributes: true}); 0`, nil)

	l.cloud.SetFaults(func(f *backend.Faults) { f.NoAnswers = true })
	l.must(l.cmd.Process.Kill())
	_ = l.cmd.Wait() // says that it was killed
	l.must(os.Remove(filepath.Join(l.dir, "http-addr")))
	page.Until(`!document.querySelector(".paycard img")`)
	page.Eval("window.pictures = 0", nil)

	l.run("TILLD_HTTP_LISTEN=" + strings.TrimPrefix(l.base, "http://"))
	l.ready()
	page.Until(`document.body.dataset.kind === "processing" && !document.body.classList.contains("away")`)
	shot := page.Screenshot()
	if got := kiosktest.Read(t, shot) + kiosktest.ReadAgain(t, shot); strings.Contains(got, paid.Payment.URL) {
		t.Error("the code is on the glass before the cloud was asked")
	}
	var pictures int
	if page.Eval("window.pictures", &pictures); pictures != 0 {
		t.Errorf("a code was on the glass %d times before the cloud has confirmed it", pictures)
	}
	l.cloud.SetFaults(func(f *backend.Faults) { f.NoAnswers = false })
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	if got := kiosktest.Read(t, page.Screenshot()); !strings.Contains(got, paid.Payment.URL) {
		t.Errorf("after the cloud's word the glass shows %q, want %q", got, paid.Payment.URL)
	}
	if status := string(l.get("/v1/status")); strings.Contains(status, "screen_no_page") {
		t.Errorf("the page draws, and the status says %s", status)
	}
}

// watchGlass notes, with the browser's own clock, when each new line has been
// painted: in the first task after the frame that shows it.
const watchGlass = `(() => {
	window.painted = {};
	new MutationObserver(() => {
		const name = document.querySelector(".line.highlight .name")?.textContent;
		if (!name || window.painted[name]) return;
		window.painted[name] = -1;
		const drawn = performance.timeOrigin + performance.now();
		requestAnimationFrame(() => {
			const after = new MessageChannel();
			after.port1.onmessage = () => { window.drawn = drawn; window.painted[name] = performance.timeOrigin + performance.now(); };
			after.port2.postMessage(0);
		});
	}).observe(document.getElementById("stage"), {subtree: true, childList: true, characterData: true, attributes: true});
	return 0;
})()`

// BenchmarkScanToGlass measures what a shopper waits for: from the last byte of a
// code on the scanner's line to the frame with that article in a real Chromium,
// with the browser's clock. The basket goes from empty to fifty lines and again.
func BenchmarkScanToGlass(b *testing.B) {
	chrome := kiosktest.Start(b)
	l := openLane(b, "info")
	var goods []map[string]any
	for i := range articles {
		goods = append(goods, map[string]any{"sku": fmt.Sprintf("SKU-%02d", i), "gtin": gtin(i), "name": fmt.Sprintf("商品 %03d", i), "unit_price": 100 + i})
	}
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	if r, err := l.cloud.Command(ctx, "acme/sh-001/03", "pricebook.apply", map[string]any{"version": "1", "items": goods}); err != nil || r.State != "done" {
		b.Fatalf("price book: %+v, %v", r, err)
	}
	page := chrome.Open(l.base+"/screen", 1024, 600)
	page.Until(`document.body.dataset.kind === "idle" && !document.body.classList.contains("waiting")`)
	page.Eval(watchGlass, nil)
	var took, drawn []float64
	var sale struct{ ID string }
	n := 0
	for b.Loop() {
		if n%50 == 0 {
			b.StopTimer()
			if sale.ID != "" {
				l.post("/v1/sales/"+sale.ID+"/void", `{"reason": "benchmark"}`)
			}
			l.must(json.Unmarshal(l.body(http.MethodPost, "/v1/sales", "{}"), &sale))
			page.Until(fmt.Sprintf("document.body.dataset.sale === %q", sale.ID))
			page.Eval("window.painted = {}; 0", nil)
			b.StartTimer()
		}
		i := n % articles
		n++
		l.scan(gtin(i))
		began := time.Now()
		l.scan("\r")
		name := fmt.Sprintf("商品 %03d", i)
		var at struct{ Drawn, Painted float64 }
		page.Eval(fmt.Sprintf("new Promise(done => { const look = () => window.painted[%q] > 0 ? done({drawn: window.drawn, painted: window.painted[%[1]q]}) : setTimeout(look, 5); look(); })", name), &at)
		start := float64(began.UnixMicro()) / 1000
		took, drawn = append(took, at.Painted-start), append(drawn, at.Drawn-start)
	}
	slices.Sort(took)
	slices.Sort(drawn)
	at := func(list []float64, p int) float64 { return list[min(len(list)-1, len(list)*p/100)] }
	b.ReportMetric(at(drawn, 50), "p50-drawn-ms")
	b.ReportMetric(at(drawn, 99), "p99-drawn-ms")
	b.ReportMetric(at(took, 50), "p50-ms")
	b.ReportMetric(at(took, 99), "p99-ms")
	b.ReportMetric(at(took, 100), "max-ms")
}
