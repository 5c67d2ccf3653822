package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tilld/display/screen/kiosktest"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
)

func withCashier(o *Options) { o.Cashier.Enabled = true }

// browser is an HTTP client with cookies, as a browser on this machine has them.
func (b *bench) browser(t *testing.T) func(method, path, body string, headers ...string) (int, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	return func(method, path, body string, headers ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Origin", b.url)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Set-Cookie")
	}
}

// Off, there is no page, no session, and no cookie that opens a sale.
func TestCashierPageOff(t *testing.T) {
	b := newBench(t)
	b.want(t, "GET", "/cashier", "", 404, sale.CodeNotFound, "", "Authorization", "")
	b.want(t, "POST", "/cashier/session", "{}", 404, sale.CodeNotFound, "", "Authorization", "")
	cookie, _ := b.sessions.mint(scopeCashier)
	b.want(t, "POST", "/v1/sales", "{}", 403, codeScope, "", "Authorization", "", "Cookie", b.guard.cookieName()+"="+cookie)
}

// The page's cookie sells, and does nothing that is not a cashier's; a web page
// cannot use it, and the status page's cookie does not sell.
func TestCashierSession(t *testing.T) {
	b := newBench(t, withCashier, withScreen)
	page := b.browser(t)
	if code, _ := page("POST", "/v1/sales", "{}"); code != 401 {
		t.Errorf("without a cookie: %d", code)
	}
	if code, _ := page("GET", "/", ""); code != 200 {
		t.Errorf("/: %d", code)
	}
	if code, _ := page("POST", "/v1/sales", "{}"); code != 403 {
		t.Errorf("with the status page's cookie: %d", code)
	}
	if code, cookie := page("GET", "/cashier", ""); code != 200 || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Errorf("/cashier: %d %q", code, cookie)
	}
	for _, r := range b.routes {
		if r.access != byToken && r.access != byCashier || r.media == "text/event-stream" {
			continue
		}
		body := ""
		if r.effect() {
			if body = goodBodies[r.id]; body == "" {
				body = "{}"
			}
		}
		code, _ := page(r.method, concrete(r.path), body)
		if may := code != 401 && code != 403; may != (r.access == byCashier) {
			t.Errorf("%s %s with the cashier's cookie: %d", r.method, r.path, code)
		}
		for _, foreign := range [][]string{{"Origin", "http://evil.test"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			if code, _ := page(r.method, concrete(r.path), body, foreign...); code != 403 {
				t.Errorf("%s %s from a web page (%v): %d", r.method, r.path, foreign, code)
			}
		}
	}
	if _, cmd := b.engine.last(); cmd == nil {
		t.Error("nothing reached the engine")
	}
	if call, _ := b.engine.last(); call.Origin != "cashier" {
		t.Errorf("the page's calls are of %q", call.Origin)
	}
}

// With a PIN nobody gets in without it; a guesser soon waits, open pages sell on.
func TestCashierPIN(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(file, []byte("284719\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, withCashier, func(o *Options) { o.Cashier.PINFile = file })
	in, out := b.browser(t), b.browser(t)
	for _, page := range []func(string, string, string, ...string) (int, string){in, out} {
		if code, cookie := page("GET", "/cashier", ""); code != 200 || cookie != "" {
			t.Errorf("the page: %d, cookie %q", code, cookie)
		}
		if code, _ := page("POST", "/cashier/session", "{}"); code != 401 {
			t.Errorf("without PIN: %d", code)
		}
	}
	if code, _ := in("POST", "/cashier/session", `{"pin":"284719"}`); code != 200 {
		t.Errorf("the PIN: %d", code)
	}
	for range cashierTries {
		if code, _ := out("POST", "/cashier/session", `{"pin":"111111"}`); code != 401 {
			t.Errorf("a wrong PIN: %d", code)
		}
	}
	if code, _ := out("POST", "/cashier/session", `{"pin":"284719"}`); code != 429 {
		t.Errorf("after %d wrong ones: %d", cashierTries, code)
	}
	for _, call := range []struct{ path, body string }{{"/cashier/session", "{}"}, {"/v1/sales", "{}"}} {
		if code, _ := in("POST", call.path, call.body); code >= 300 {
			t.Errorf("%s of an open page: %d", call.path, code)
		}
	}
	b.want(t, "POST", "/cashier/session", `{"pin":"000000"}`, 429, codeTooMany, "pin", "Authorization", "")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Engine: b.engine, Feed: b.feed, Health: &health.Board{}, TokenFile: filepath.Join(t.TempDir(), "t"), Listen: "127.0.0.1:0", Cashier: Cashier{Enabled: true, PINFile: file}}); err == nil {
		t.Error("a PIN file that everybody can read is taken")
	}
}

// Every word is there in both languages, and every one that the module asks for
// exists.
func TestCashierWords(t *testing.T) {
	module, err := pageFiles.ReadFile("page/cashier.js")
	if err != nil {
		t.Fatal(err)
	}
	for key, w := range cashierWords {
		if w.ZH == "" || w.EN == "" {
			t.Errorf("%s is missing in one language", key)
		}
	}
	asked := regexp.MustCompile(`\b(?:t|field|say)\("(\w+)"( \+)?`).FindAllSubmatch(module, -1)
	if len(asked) < 100 {
		t.Errorf("only %d words are asked for", len(asked))
	}
	for _, m := range asked {
		if _, ok := cashierWords[string(m[1])]; !ok && len(m[2]) == 0 {
			t.Errorf("the module asks for %q", m[1])
		}
	}
}

// The page on the real engine: every window in both languages, light and dark, at
// both sizes, is free of accessibility faults and does not scroll sideways;
// names are text, whatever is in them; a session that ended is renewed.
func TestCashierPageInBrowser(t *testing.T) {
	t.Parallel()
	out := health.Kind{Code: "paper_out", Severity: health.Error, Text: lang.Text{ZH: "缺纸", EN: "Out of paper"}, Remedy: lang.Text{ZH: "换纸", EN: "Put in a roll"}}
	b, engine, _ := realBench(t, t.TempDir(), &cloudStub{}, withCashier, func(o *Options) { o.Health.Raise(out, "printer-1") })
	chrome := kiosktest.Start(t)
	page := chrome.Open(b.url+"/cashier?lang=en", 1024, 600)
	page.Until(`document.getElementById("link").className === "off"`)
	var idle bool
	page.Eval(`document.activeElement.id === "code"`, &idle)
	if !idle {
		t.Error("the focus is not in the entry field")
	}

	const evil = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>` + "\u202e" + ` 乌龙茶`
	do := func(cmd any) (s sale.Sale) {
		t.Helper()
		a, err := engine.Do(t.Context(), till.Call{Origin: "api"}, cmd)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(a.Body, &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	item := func(name string, price sale.Money) sale.Add {
		return sale.Add{SKU: "x", Name: name, UnitPrice: &price}
	}
	open := do(sale.OpenSale{Cashier: "<b>E</b>", Items: []sale.Add{item(evil, 1250), item("Rye bread 黑麦面包", 980)}})
	page.Until(`document.querySelectorAll("#lines li").length === 2`)
	var shown string
	page.Eval(`document.querySelector("#lines .name").textContent`, &shown)
	if !strings.Contains(shown, "<img src=x") || strings.Contains(shown, "\u202e") {
		t.Errorf("the name is shown as %q", shown)
	}
	page.Until(`document.getElementById("conditions").textContent.includes("Out of paper")`)

	// A scanner that types while the focus is on a button that takes money: its
	// Enter presses nothing, its code is goods.
	page.Eval(`document.querySelector('[data-act="cash"]').focus()`, nil)
	page.Burst("6901234567892")
	page.Until(`document.querySelectorAll("#lines li").length === 3 && document.getElementById("code").value === ""`)
	page.Press("Delete")
	page.Until(`document.querySelectorAll("#lines li").length === 2`)
	if s, err := engine.Sale(open.ID); err != nil || s.Paid != 0 || len(s.Payments) != 0 {
		t.Errorf("a scan paid: %+v, %v", s, err)
	}

	// Several tenders: an amount in front of the key is only that much.
	page.Type("10")
	page.Press("F12")
	page.Until(`document.getElementById("dialog-title").textContent.startsWith("Card terminal")`)
	page.Axe(t, "card terminal")
	page.Type("R-77")
	// The answer gets lost once: it is asked for again, and booked once.
	page.Eval(`{ const real = fetch; let lost = 0; window.fetch = async (...a) => { const r = await real(...a); if (String(a[0]).endsWith("/pay") && !lost++) { window.lost = true; throw new TypeError("lost") } return r } }`, nil)
	page.Press("Enter")
	page.Until("window.lost")
	page.Until(`document.getElementById("total").textContent === "¥12.30"`)
	page.Until(`!document.querySelector('[data-act="cash"]').disabled`)
	page.Type("abc")
	page.Press("F8")
	page.Until(`document.getElementById("notice").textContent.includes("no amount") && !document.getElementById("dialog").open`)
	page.Press("Escape", "F8")
	page.Until(`document.getElementById("dialog").open`)
	page.Burst("4017") // an article's short code, which could be an amount
	page.Until(`document.querySelector("#dialog .say").textContent.includes("takes no scans") && document.querySelector("#dialog input").value === ""`)
	if s, err := engine.Sale(open.ID); err != nil || s.State != sale.Open || s.Paid != 1000 {
		t.Errorf("a scan in the cash window: %+v, %v", s, err)
	}
	page.Click(`#dialog button.primary`, 2) // a double click on the exact sum
	page.Until(`document.getElementById("parts").textContent.includes("¥22.30")`)
	if s, err := engine.Sale(open.ID); err != nil || s.State != sale.Closed || len(s.Tenders) != 2 {
		t.Errorf("two tenders: %+v, %v", s.Tenders, err)
	}

	do(sale.OpenSale{Items: []sale.Add{item(evil, 12345678), item("Tea", 100)}})
	states := map[string]string{
		"basket": "", "cash": "F8", "scan": "F10", "find": "F4", "past": "F7", "more": "F1", "void": "Shift+Delete", "quantity": "F2",
	}
	for _, size := range [][2]int{{1024, 600}, {1920, 1080}} {
		page.Resize(size[0], size[1])
		for _, language := range []string{"zh-CN", "en"} {
			page.Eval(fmt.Sprintf("window.left = true; location.href = '/cashier?lang=%s'", language), nil)
			page.Until(fmt.Sprintf(`!window.left && document.documentElement.lang === %q && document.querySelectorAll("#lines li").length === 2 && innerWidth === %d`, language, size[0]))
			for _, scheme := range []string{"light", "dark"} {
				page.Media("prefers-color-scheme", scheme)
				for name, key := range states {
					if (size[0] == 1920 || scheme == "dark" && language == "en") && name != "basket" && name != "cash" || language == "zh-CN" && scheme == "dark" {
						continue // each window once in each language, both themes, both sizes
					}
					if key != "" {
						page.Until(`!document.querySelector('[data-act="qty"]').disabled`)
						page.Press(key)
						page.Until(`document.getElementById("dialog").open`)
					}
					what := fmt.Sprintf("%s-%s-%s-%d", name, language, scheme, size[0])
					page.Axe(t, what)
					var small []string
					page.Eval(`[...document.querySelectorAll("button, input, a")].filter(e => e.checkVisibility() && e.type !== "checkbox" && (e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44)).map(e => e.outerHTML)`, &small)
					var wide bool
					page.Eval(`document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight`, &wide)
					var ends float64 // of the buttons, as a part of the height
					page.Eval(`document.getElementById("actions").getBoundingClientRect().bottom / innerHeight`, &ends)
					if wide || len(small) > 0 || ends < 0.85 || ends > 1 {
						t.Errorf("%s: scrolls: %v; buttons end at %.2f; too small for a finger: %q", what, wide, ends, small)
					}
					if *shots != "" {
						if err := os.WriteFile(filepath.Join(*shots, what+".png"), page.Screenshot(), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					if key != "" {
						page.Press("Escape")
						page.Until(`!document.getElementById("dialog").open && document.activeElement.id === "code"`)
						if name == "scan" {
							page.Press("Escape")
							page.Until(`document.querySelector('[data-act="cancel"]').disabled`)
						}
					}
				}
			}
		}
	}

	// A page with a PIN asks for it, and sells.
	file := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(file, []byte("284719"), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := newBench(t, withCashier, func(o *Options) { o.Cashier.PINFile = file })
	second := chrome.Open(locked.url+"/cashier?lang=en", 1024, 600)
	second.Until(`document.getElementById("dialog").open && document.activeElement.type === "password"`)
	second.Axe(t, "PIN")
	second.Type("111111")
	second.Press("Enter")
	second.Until(`document.querySelector("#dialog .say").textContent.includes("wrong")`)
	second.Type("284719")
	second.Press("Enter")
	second.Until(`!document.getElementById("dialog").open && document.querySelectorAll("#lines li").length === 1`)

	// The session ends (a restart of the agent, twelve hours): the next thing that
	// is done renews it.
	page.ForgetCookies()
	page.Burst("6901234567892")
	page.Until(`document.querySelectorAll("#lines li").length === 3`)
	var hacked bool
	page.Eval("Boolean(window.hacked)", &hacked)
	if hacked {
		t.Error("a product name ran as script")
	}
	for _, e := range page.Errors() {
		if !strings.Contains(e, "404") && !strings.Contains(e, "401") {
			t.Errorf("error on the page: %s", e)
		}
	}
}
