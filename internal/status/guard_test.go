package status

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// concrete fills the wildcards of a row's path.
func concrete(path string) string {
	return strings.NewReplacer("{id}", "S", "{line}", "1", "{seq}", "7", "{name}", "printer-1", "{job_id...}", "j/reprint",
		"{file}", "S.png", "{rest...}", "screen.js", "{$}", "").Replace(path)
}

func withScreen(o *Options) {
	o.Screen = screen.New(display.NewStage(display.Scene{Kind: display.Idle}), screen.Options{}).Handler()
}

// The gate, row by row: the table drives router, documentation and this test, so
// no row can be without it.
func TestEveryRowIsGuarded(t *testing.T) {
	b := newBench(t, withScreen, func(o *Options) { o.AllowedOrigins = []string{"https://pos.example.com"} })
	for _, r := range b.routes {
		path := concrete(r.path)
		body := ""
		if r.effect() {
			body = "{}"
		}
		before := b.engine.count()
		b.want(t, r.method, path, body, 421, codeWrongHost, "Host", "Host", "evil.test")
		b.want(t, r.method, path, body, 421, codeWrongHost, "Host", "Host", "127.0.0.1:1")
		b.want(t, r.method, path, body, 421, codeWrongHost, "Host", "Host", "localhost")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Origin", "http://evil.test")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Origin", "null")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Origin", "http://localhost:1")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Origin", "https://pos.example.com.evil.test")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Sec-Fetch-Site", "cross-site")
		b.want(t, r.method, path, body, 403, codeForeign, "Origin", "Sec-Fetch-Site", "same-site")
		if r.access != byLocal {
			b.want(t, r.method, path, body, 401, codeUnauthorized, "Authorization", "Authorization", "")
			b.want(t, r.method, path, body, 401, codeUnauthorized, "Authorization", "Authorization", "Basic "+b.token)
			b.want(t, r.method, path, body, 401, codeUnauthorized, "Authorization", "Authorization", "", "Origin", "https://pos.example.com")
			b.Server.token.wrong = wrongTries{}
		}
		if r.effect() {
			for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=gbk", "application/jsonx", ""} {
				b.want(t, r.method, path, body, 415, codeMediaType, "Content-Type", "Content-Type", media)
			}
			limit := maxBody
			if r.large {
				limit = maxLargeBody
			}
			b.want(t, r.method, path, `{"x":"`+strings.Repeat("a", limit)+`"}`, 413, codeTooLarge, "")
			b.want(t, r.method, path, `{"no_such_field":1}`, 422, codeUnknownField, "no_such_field")
			b.want(t, r.method, path, `{`, 400, codeInvalidJSON, "")
			b.want(t, r.method, path, `{} {}`, 400, codeInvalidJSON, "")
			b.want(t, r.method, path, `[]`, 400, codeInvalidJSON, "")
			b.want(t, r.method, path, body, 422, sale.CodeInvalid, "Idempotency-Key", "Idempotency-Key", "a b")
		}
		if n := b.engine.count(); n != before {
			t.Errorf("%s %s: %d refused requests reached the engine", r.method, path, n-before)
		}
	}
}

// Rows that change anything are never GET (and HEAD with it).
func TestGetHasNoEffect(t *testing.T) {
	b := newBench(t, withScreen)
	for _, r := range b.routes {
		if r.effect() || r.media == "text/event-stream" || strings.HasPrefix(r.path, "/screen/") {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp, _ := b.ask(t, method, concrete(r.path), "")
			if resp.StatusCode >= 400 && resp.StatusCode != 404 {
				t.Errorf("%s %s: %d", method, r.path, resp.StatusCode)
			}
		}
	}
	if n := b.engine.count(); n != 0 {
		t.Errorf("%d commands ran", n)
	}
}

// What an answer says to a browser, errors included.
func TestHeaders(t *testing.T) {
	b := newBench(t, withScreen, func(o *Options) { o.AllowedOrigins = []string{"https://pos.example.com"} })
	for _, r := range b.routes {
		if r.media == "text/event-stream" {
			continue
		}
		for _, auth := range []string{"Bearer " + b.token, ""} {
			resp, _ := b.ask(t, r.method, concrete(r.path), "", "Authorization", auth)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "", "Cache-Control": "no-store",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s %s: %s is %q, want %q", r.method, r.path, name, got, want)
				}
			}
			csp := resp.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s %s: policy %q", r.method, r.path, csp)
			}
		}
	}
	resp, _ := b.ask(t, "GET", "/v1/status", "", "Origin", "https://pos.example.com")
	if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != 200 || got != "https://pos.example.com" || resp.Header.Get("Vary") == "" {
		t.Errorf("allowed origin: %d %q", resp.StatusCode, got)
	}
	resp, _ = b.ask(t, "OPTIONS", "/v1/sales", "", "Authorization", "", "Origin", "https://pos.example.com", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != 204 || !strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
	b.want(t, "OPTIONS", "/v1/sales", "", 403, codeForeign, "Origin", "Origin", "https://evil.test", "Access-Control-Request-Method", "POST")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	b := newBench(t, withScreen)
	b.want(t, "GET", "/v1/nothing", "", 401, codeUnauthorized, "Authorization", "Authorization", "")
	b.want(t, "GET", "/v1/nothing", "", 404, sale.CodeNotFound, "")
	b.want(t, "GET", "/../../etc/passwd", "", 404, sale.CodeNotFound, "")
	b.want(t, "GET", "/page/..%2f..%2fguard.go", "", 404, sale.CodeNotFound, "")
	b.want(t, "PUT", "/v1/sales", "{}", 405, codeMethod, "")
	b.want(t, "GET", "/screen/beat", "", 405, codeMethod, "")
	resp, _ := b.ask(t, "TRACE", "/v1/sales/S", "")
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET" {
		t.Errorf("TRACE: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	for _, c := range [][3]string{{"GET", "/v1/print", "POST"}, {"DELETE", "/v1/print", "POST"}, {"POST", "/v1/print/j", "GET"}} {
		if resp, _ := b.ask(t, c[0], c[1], "{}"); resp.StatusCode != 405 || resp.Header.Get("Allow") != c[2] {
			t.Errorf("%s %s: %d, Allow %q", c[0], c[1], resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	b.want(t, "GET", "/v1/sales?limti=5", "", 422, codeUnknownField, "limti")
	b.want(t, "GET", "/v1/sales?limit=1001", "", 422, sale.CodeInvalid, "limit")
	b.want(t, "GET", "/v1/sales?limit=1&limit=2", "", 422, sale.CodeInvalid, "limit")
	b.want(t, "GET", "/v1/sales?from=yesterday", "", 422, sale.CodeInvalid, "from")
	b.want(t, "GET", "/v1/sales?state=%zz", "", 422, sale.CodeInvalid, "")
	b.want(t, "GET", "/v1/sales?limit=5;state=open", "", 422, sale.CodeInvalid, "")
	b.want(t, "GET", "/v1/sales?state=lost", "", 422, sale.CodeInvalid, "state")
	b.want(t, "GET", "/v1/sales?from=2026-11-24&to=2026-11-24T10:00:00%2B08:00&amount=2500&state=closed&text=x&after=y&limit=1000", "", 200, "", "")
}

// What is for this machine only is refused to the shop's network, whatever Host
// it claims; the token works from there when the till listens there.
func TestOtherMachines(t *testing.T) {
	b := newBench(t, withScreen)
	for _, r := range b.routes {
		if r.method != http.MethodGet {
			continue
		}
		req := httptest.NewRequest(r.method, "http://"+b.Addr()+concrete(r.path), nil)
		req.RemoteAddr = "192.168.1.50:40000"
		rec := httptest.NewRecorder()
		b.ServeHTTP(rec, req)
		if want := map[access]int{byLocal: 403, byPage: 401, byCashier: 401, byToken: 401}[r.access]; rec.Code != want {
			t.Errorf("%s from the network: %d, want %d", r.path, rec.Code, want)
		}
	}
}

func TestHosts(t *testing.T) {
	b := newBench(t, func(o *Options) { o.AllowedHosts = []string{"Till.Local", "pos.local:9000"} })
	_, port, _ := strings.Cut(b.Addr(), ":")
	for host, want := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200, "LOCALHOST:" + port: 200, "[::1]:" + port: 200, "till.local": 200, "till.local:81": 200, "pos.local:9000": 200,
		"pos.local:9001": 421, "pos.local": 421, "127.0.0.1": 421, "0.0.0.0:" + port: 421, "127.0.0.1.evil.test:" + port: 421, "till.local.evil.test": 421,
	} {
		if resp, _ := b.ask(t, "GET", "/healthz", "", "Host", host); resp.StatusCode != want {
			t.Errorf("Host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
	for _, bad := range []string{"pos.example.com", "https://pos.example.com/", "*", "https://POS.example.com"} {
		if _, err := newGuard("127.0.0.1:7780", nil, []string{bad}); err == nil {
			t.Errorf("origin %q is taken", bad)
		}
	}
}

func TestTokenFile(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/api-token"
	first, err := openToken(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text := readToken(t, path)
	again, err := openToken(path)
	if err != nil || !again.is(text) || !first.is(text) || first.is(text+"x") || first.is("") {
		t.Errorf("the token does not survive: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openToken(path); err == nil {
		t.Error("a token that everybody can read is taken")
	}
	if err := os.WriteFile(dir+"/short", []byte("1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openToken(dir + "/short"); err == nil {
		t.Error("a short token is taken")
	}
}

// Guessing gets slower and is bounded; the right token is never held up by it.
func TestGuessing(t *testing.T) {
	var w wrongTries
	now := moment
	for i := range freeTries {
		if wait, ok := w.note(now); wait != 0 || !ok {
			t.Fatalf("try %d waits %v", i, wait)
		}
	}
	last := time.Duration(0)
	for range 8 {
		wait, ok := w.note(now)
		if !ok || wait < last || wait == 0 {
			t.Fatalf("wait %v after %v", wait, last)
		}
		last = wait
	}
	if last != maxWait {
		t.Errorf("longest wait is %v", last)
	}
	for range maxWaiting - 8 {
		w.note(now)
	}
	if _, ok := w.note(now); ok {
		t.Error("any number may wait")
	}
	for range maxWaiting {
		w.done()
	}
	if wait, ok := w.note(now.Add(forgive + time.Second)); wait != 0 || !ok {
		t.Errorf("never forgiven: %v", wait)
	}
}

func TestSlowGuesserDoesNotDelayOthers(t *testing.T) {
	b := newBench(t)
	for range freeTries {
		b.want(t, "GET", "/v1/status", "", 401, codeUnauthorized, "Authorization", "Authorization", "Bearer wrong")
	}
	began := time.Now()
	b.want(t, "GET", "/v1/status", "", 401, codeUnauthorized, "Authorization", "Authorization", "Bearer wrong")
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("the %dth wrong token was answered after %v", freeTries+1, took)
	}
	b.want(t, "GET", "/v1/status", "", 200, "", "")
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		page, _ := s.mint(scopePage)
		full, _ := s.mint(scopeFull)
		if s.check(page) != scopePage || s.check(full) != scopeFull {
			t.Fatal("a fresh cookie is not good")
		}
		for i := range len(page) {
			forged := []byte(page)
			forged[i] ^= 1
			if got := s.check(string(forged)); got != noScope && string(forged) != page {
				// the last character carries bits that base64 ignores
				if i != len(page)-1 {
					t.Errorf("a cookie changed at %d is good for %v", i, got)
				}
			}
		}
		if newSessions().check(full) != noScope {
			t.Error("a cookie of an earlier start is good")
		}
		time.Sleep(fullLife)
		if s.check(full) != noScope || s.check(page) != scopePage {
			t.Error("lives are wrong")
		}
		time.Sleep(pageLife - fullLife)
		if s.check(page) != noScope {
			t.Error("the page's cookie lives for ever")
		}
	})
}

func TestSignIn(t *testing.T) {
	b := newBench(t)
	resp, _ := b.ask(t, "GET", "/", "", "Authorization", "")
	cookies := resp.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("cookies %v", cookies)
	}
	page := cookies[0].Name + "=" + cookies[0].Value
	b.want(t, "GET", "/v1/status", "", 200, "", "", "Authorization", "", "Cookie", page)
	b.want(t, "GET", "/v1/sales", "", 403, codeScope, "", "Authorization", "", "Cookie", page)
	b.want(t, "POST", "/v1/drawer/open", `{"reason":"x"}`, 403, codeScope, "", "Authorization", "", "Cookie", page)
	b.want(t, "POST", "/v1/devices/pole-1/test", "", 200, "", "", "Authorization", "", "Cookie", page)
	b.want(t, "POST", "/page/session", `{"token":"wrong"}`, 401, codeUnauthorized, "Authorization", "Authorization", "")
	resp, _ = b.ask(t, "POST", "/page/session", `{"token":"`+b.token+`"}`, "Authorization", "")
	if len(resp.Cookies()) != 1 {
		t.Fatalf("sign-in: %d, no cookie", resp.StatusCode)
	}
	full := resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
	b.want(t, "GET", "/v1/sales", "", 200, "", "", "Authorization", "", "Cookie", full)
	b.want(t, "GET", "/v1/sales", "", 401, codeUnauthorized, "Authorization", "Authorization", "", "Cookie", full+"A")
}

// A token, an auth code, a body never reach the log.
func TestNothingSecretIsLogged(t *testing.T) {
	var out bytes.Buffer
	b := newBench(t, func(o *Options) { o.Log = testLog(&out) })
	b.engine.answer = failing
	b.want(t, "POST", "/v1/sales/S/pay", `{"method":"collect","code":"134650001234567890"}`, 500, codeInternal, "")
	b.want(t, "GET", "/v1/status", "", 401, codeUnauthorized, "Authorization", "Authorization", "Bearer "+strings.Repeat("s3cr3t", 8))
	if text := out.String(); strings.Contains(text, b.token) || strings.Contains(text, "134650001234567890") || strings.Contains(text, "s3cr3t") || text == "" {
		t.Errorf("log: %s", text)
	}
}

// A device's hint comes in the language that was asked for.
func TestHintsAreTranslated(t *testing.T) {
	b := newBench(t)
	b.engine.status.Devices[1].Hint = "check the cable"
	b.engine.status.Devices[1].Advice = device.Advice{Code: "cable", Text: lang.Text{ZH: "请检查连接线", EN: "check the cable"}}
	for path, headers := range map[string][2]string{"/v1/status": {"zh", "请检查连接线"}, "/v1/devices": {"zh", "请检查连接线"}, "/": {"zh", "请检查连接线"}} {
		if body := b.want(t, "GET", path, "", 200, "", "", "Accept-Language", headers[0]); !strings.Contains(body, headers[1]) || strings.Contains(body, "check the cable") {
			t.Errorf("%s: %s", path, body)
		}
		if body := b.want(t, "GET", path, "", 200, "", "", "Accept-Language", "en"); !strings.Contains(body, "check the cable") {
			t.Errorf("%s in English: %s", path, body)
		}
	}
}

// A link on another page of this machine opens our two pages and nothing else.
func TestFollowedLinks(t *testing.T) {
	b := newBench(t, withScreen)
	for _, tc := range []struct {
		method, path, site, mode, dest string
		want                           int
	}{
		{"GET", "/", "same-site", "navigate", "document", 200},
		{"GET", "/screen", "same-site", "navigate", "document", 200},
		{"GET", "/", "cross-site", "navigate", "document", 403},
		{"GET", "/", "same-site", "navigate", "iframe", 403},
		{"GET", "/", "same-site", "no-cors", "image", 403},
		{"GET", "/v1/status", "same-site", "navigate", "document", 403},
		{"POST", "/page/session", "same-site", "navigate", "document", 403},
	} {
		resp, _ := b.ask(t, tc.method, tc.path, "", "Sec-Fetch-Site", tc.site, "Sec-Fetch-Mode", tc.mode, "Sec-Fetch-Dest", tc.dest)
		if resp.StatusCode != tc.want {
			t.Errorf("%+v: %d", tc, resp.StatusCode)
		}
	}
}
