package status

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
	"tilld/internal/till"
)

var shots = flag.String("shots", "", "keep the pictures of the page in this folder")

// The page in a real browser: both languages, both sizes, light and dark, no
// policy violation, live updates, the device test, and sign-in.
func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	stage := display.NewStage(display.Scene{Kind: display.Idle, Currency: "CNY", Language: "zh-CN"})
	b := newBench(t, func(o *Options) {
		o.Screen = screen.New(stage, screen.Options{}).Handler()
		o.Update = func() (any, error) {
			return map[string]any{
				"active": map[string]any{"slot": "a", "version": "1.4.0"}, "candidate": map[string]any{"slot": "b", "version": "1.5.0"}, "tries": 3,
				"bad":     []any{map[string]any{"version": "1.4.9", "reason": "<b>did not start</b>"}},
				"history": []any{map[string]any{"at": moment, "what": "staged", "version": "1.5.0"}},
			}, nil
		}
	})
	chrome := kiosktest.Start(t)
	page := chrome.Open(b.url+"/?lang=zh-CN", 1024, 600)
	page.Until(`document.querySelectorAll(".device").length === 4 && document.querySelector("time").title`)
	for _, size := range [][2]int{{1024, 600}, {1920, 1080}} {
		for _, language := range []string{"zh-CN", "en"} {
			for _, scheme := range []string{"light", "dark"} {
				page.Media("prefers-color-scheme", scheme)
				page.Resize(size[0], size[1])
				page.Eval(fmt.Sprintf("window.left = true; location.href = '/?lang=%s'", language), nil)
				page.Until(fmt.Sprintf(`!window.left && document.documentElement?.lang === %q && document.querySelector("time")?.title && innerWidth === %d`, language, size[0]))
				var wide bool
				page.Eval("document.documentElement.scrollWidth > innerWidth", &wide)
				if size[0] == 1024 {
					page.Axe(t, language+" "+scheme)
				}
				if wide {
					t.Errorf("%s %d: the page scrolls sideways", language, size[0])
				}
				if *shots != "" {
					name := fmt.Sprintf("status-%s-%s-%d.png", language, scheme, size[0])
					if err := os.WriteFile(filepath.Join(*shots, name), page.Screenshot(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}

	// Nothing heard for a while: what stood there may be long over.
	page.Eval(`{ let at = performance.now(); performance.now = () => at += 5000 }`, nil)
	page.Until(`document.body.classList.contains("away") && getComputedStyle(document.getElementById("verdict")).visibility === "hidden" && document.getElementById("live").textContent.includes("may be old")`)
	page.Eval("delete performance.now", nil)
	page.Until(`!document.body.classList.contains("away") && getComputedStyle(document.getElementById("verdict")).visibility === "visible"`)

	b.engine.mu.Lock()
	b.engine.status.Queue.Depth = 77
	b.engine.mu.Unlock()
	page.Until(`document.querySelector("#queue .big").innerText.startsWith("77")`)

	var updates string
	page.Eval(`document.getElementById("updates").innerText`, &updates)
	for _, part := range []string{"1.4.0", "1.5.0", "1.4.9", "<b>did not start</b>"} {
		if !strings.Contains(updates, part) {
			t.Errorf("the updates lack %q: %s", part, updates)
		}
	}
	page.Eval(`document.getElementById("detect").click()`, nil)
	page.Until(`document.getElementById("found").textContent === "- {name: scanner-9}   # Honeywell <b>"`)

	page.Eval(`document.querySelector('[data-test="scanner-1"]').click()`, nil)
	page.Until(`document.querySelector('[data-result="scanner-1"]').className === "good"`)
	if call, cmd := b.engine.last(); cmd != (till.TestDevice{Name: "scanner-1"}) || call.Origin != "cashier" {
		t.Errorf("the test button ran %#v as %+v", cmd, call)
	}

	var answer int
	page.Eval(`fetch("/v1/sales", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then(r => r.status)`, &answer)
	if answer != 403 {
		t.Errorf("the page's own cookie opens a sale: %d", answer)
	}
	page.Eval(fmt.Sprintf(`document.querySelector("details").open = true, document.getElementById("token").value = %q, document.querySelector("#signin button").click()`, b.token), nil)
	page.Until(`document.getElementById("signout")`)
	page.Axe(t, "signed in")
	if *shots != "" {
		if err := os.WriteFile(filepath.Join(*shots, "status-signed-in.png"), page.Screenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page.Eval(`document.querySelector('[data-trace="scanner-1"]').click()`, nil)
	page.Until(`document.querySelector('[data-result="scanner-1"]').textContent.startsWith("Recording")`)
	page.Eval(`document.querySelector("[data-paper]").click()`, nil)
	page.Until(`document.getElementById("paper").open && document.getElementById("paper-img").src.endsWith(".png")`)
	page.Axe(t, "a receipt")
	page.Eval(`document.querySelector("#paper button").click()`, nil)
	page.Eval(`document.getElementById("paper-REFUND1").click()`, nil)
	page.Until(`document.getElementById("paper").open && document.getElementById("paper-img").src.endsWith("/v1/receipts/REFUND1.png")`)
	page.Eval(`document.querySelector("#paper button").click()`, nil)
	page.Eval(`fetch("/v1/sales", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then(r => r.status)`, &answer)
	if _, cmd := b.engine.last(); answer != 201 || fmt.Sprintf("%T", cmd) != "sale.OpenSale" {
		t.Errorf("signed in, POST /v1/sales answers %d", answer)
	}
	var cookies string
	page.Eval("document.cookie", &cookies)
	if cookies != "" {
		t.Errorf("scripts can read the cookie: %q", cookies)
	}
	var errs []string
	for _, e := range page.Errors() {
		if !strings.Contains(e, "403") { // asked for above
			errs = append(errs, e)
		}
	}
	if len(errs) > 0 {
		t.Errorf("errors on the page: %q", errs)
	}
}
