package status

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"tilld/display/screen/kiosktest"
)

// attackPage tries all that a page can make a browser do to the till, then says
// what it could read.
const attackPage = `<!doctype html><title>shop</title><body><script>
const till = %q;
window.read = [];
const ways = [
  () => new Promise(done => { const i = new Image(); i.onload = i.onerror = done; i.src = till + "/v1/devices/printer-1/test"; document.body.append(i); }),
  () => new Promise(done => { const f = document.createElement("iframe"); f.onload = done; f.src = till + "/"; document.body.append(f); setTimeout(done, 1500); }),
  () => fetch(till + "/v1/status").then(r => r.text()).then(t => read.push("status " + t)),
  () => fetch(till + "/v1/status", {credentials: "include"}).then(r => r.text()).then(t => read.push("status " + t)),
  () => fetch(till + "/screen/events").then(r => read.push("screen " + r.status)),
  () => fetch(till + "/v1/drawer/open", {method: "POST", mode: "no-cors", body: '{"reason":"x"}'}),
  () => fetch(till + "/v1/drawer/open", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"reason":"x"}'}).then(r => read.push("drawer " + r.status)),
  () => fetch(till + "/v1/devices/printer-1/test", {method: "POST", mode: "no-cors", credentials: "include"}),
  () => new Promise(done => { const s = document.createElement("script"); s.onload = s.onerror = done; s.src = till + "/openapi.json"; document.body.append(s); }),
  () => new Promise(done => { const e = new EventSource(till + "/v1/events"); e.onopen = () => { read.push("events"); done(); }; e.onerror = () => { e.close(); done(); }; }),
];
Promise.all(ways.map(w => w().catch(() => {}))).then(() => { window.finished = true; });
</script>
<form method="post" enctype="text/plain" target="_top" action="%s/v1/drawer/open"><input name='{"reason":"' value='"}'></form>`

// A foreign page in the cashier's browser cannot act or read: not from loopback,
// not from an address that counts as public, not under a name that was rebound
// to 127.0.0.1, and not by the top-level form that every browser lets through.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	b := newBench(t, withScreen)
	var reached atomic.Int64
	evil := func() (port string) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reached.Add(1)
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, attackPage, b.url, b.url)
		}))
		t.Cleanup(srv.Close)
		t.Cleanup(srv.CloseClientConnections)
		_, port, _ = strings.Cut(srv.Listener.Addr().String(), ":")
		return port
	}
	loopback, public := evil(), evil()
	chrome := kiosktest.Start(t, "--host-resolver-rules=MAP *.test 127.0.0.1", "--ip-address-space-overrides=127.0.0.1:"+public+"=public")
	// The store's own page is open in the same browser: its cookie is there to be abused.
	own := chrome.Open(b.url+"/", 800, 600)
	own.Until(`document.querySelector(".device")`)
	for name, port := range map[string]string{"loopback": loopback, "public": public} {
		before := b.engine.count()
		page := chrome.Open("http://evil.test:"+port+"/", 800, 600)
		page.Until("window.finished")
		var read []string
		page.Eval("window.read", &read)
		if len(read) > 0 {
			t.Errorf("%s: the page could read %q", name, read)
		}
		page.Eval("document.forms[0].submit()", nil)
		page.Until(`document.body && document.body.innerText.includes("urn:tilld:problem:")`)
		if n := b.engine.count(); n != before {
			_, cmd := b.engine.last()
			t.Errorf("%s: %d commands ran, the last %#v", name, n-before, cmd)
		}
	}
	rebound := chrome.Open("http://till.test:"+b.guard.port+"/", 800, 600)
	rebound.Until(`document.body && document.body.innerText.includes("wrong_host")`)
	if reached.Load() < 2 {
		t.Errorf("the foreign pages were loaded %d times", reached.Load())
	}
}
