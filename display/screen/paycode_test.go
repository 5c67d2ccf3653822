package screen_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

// What the till has to say while a pay code is on the glass is said, and goes
// again, without the code being drawn anew or moved: somebody may be scanning it.
func testNote(t *testing.T, b *kiosktest.Browser) {
	stage, _, url := serve(t, screen.Options{})
	page := b.Open(url, 1024, 600)
	for _, first := range []string{"", "Order 081297"} {
		scene := paying("NOTE"+first, time.Minute)
		scene.Pay.Offline, scene.Text = first != "", first
		said := func(title, text string) {
			now := scene
			now.Title, now.Text = title, text
			stage.Set(now)
		}
		said("", first)
		page.Until(fmt.Sprintf(`document.body.dataset.sale === %q && document.querySelector(".paycard img")?.naturalWidth && document.body.innerText.includes(%q)`, scene.SaleID, first))
		page.Eval(`window.code = document.querySelector(".paycard img"); window.place = JSON.stringify(window.code.getBoundingClientRect()); 0`, nil)
		still := `document.querySelector(".paycard img") === window.code && JSON.stringify(window.code.getBoundingClientRect()) === window.place`

		said("Not accepted", "Article 6900000000007 is not known")
		page.Until(`document.querySelector(".how").innerText.includes("6900000000007") && document.querySelector(".how").innerText.includes("Not accepted")`)
		page.Until(still)
		var cut []string
		if page.Eval(outside, &cut); len(cut) > 0 {
			t.Errorf("%q: cut off: %q", first, cut)
		}
		keep(t, "note"+first, page.Screenshot())
		said("", first)
		page.Until(`!document.querySelector(".how").innerText.includes("6900000000007")`)
		page.Until(fmt.Sprintf(`%s && document.querySelector(".how").innerText.includes(%q)`, still, first))
	}

	// A code that comes while a note is up: the note goes as well, and what stays
	// said for long gets its own place.
	scene := paying("LATE", time.Minute)
	scene.Text = "passing"
	stage.Set(scene)
	page.Until(`document.body.dataset.sale === "LATE" && document.querySelector(".paycard img")?.naturalWidth && document.querySelector(".how").innerText.includes("passing")`)
	scene.Text = "lasting"
	stage.Set(scene)
	page.Until(`!document.querySelector(".how").innerText.includes("passing") && document.querySelector(".how").innerText.includes("lasting")`)
	page.Until(`document.querySelector(".how > .note")?.innerText.includes("lasting") && !document.querySelector(".passing b, .passing span") && document.querySelector(".paycard img")?.naturalWidth`)
}

// Small glasses have room for the pay code alone, and a very dense code takes the
// whole of an upright one: whole, at four pixels a module, with the amount.
func testSmall(t *testing.T, b *kiosktest.Browser) {
	stage, s, url := serve(t, screen.Options{})
	page := b.Open(url, 320, 240)
	page.Media("prefers-reduced-motion", "reduce")
	if err := s.SetHouse(screen.House{Name: "鲜果时光", Theme: "light"}); err != nil {
		t.Fatal(err)
	}
	// As long as an offline payment's address is, and in the letters that it uses: 53 modules with their margin.
	request := "HTTPS://PAY.ACME.EXAMPLE/O/" + strings.Repeat("Q7K2M9XW4TB8NV3R", 8)
	dense := "https://pay.acme.example/o/" + strings.Repeat("q7K2M9XW4TB8NV3R", 40)
	for i, g := range []struct {
		width, height int
		names         string
		payload       string
	}{{320, 240, "paying offline", request}, {480, 320, "offline", request}, {240, 320, "paying", request}, {600, 1024, "offline", dense}, {768, 1366, "offline", dense}} {
		page.Resize(g.width, g.height)
		languages := []string{"zh-CN", "en"}
		if i > 0 {
			languages = languages[i%2 : i%2+1]
		}
		for _, language := range languages {
			for _, e := range examples(language) {
				if !strings.Contains(g.names, e.name) || e.pay == "" {
					continue
				}
				if e.name == "offline" {
					pay := *e.scene.Pay
					pay.URL, e.pay, e.codes = g.payload, g.payload, []string{g.payload}
					e.scene.Pay = &pay
				}
				name := fmt.Sprintf("small-%s-%s-%dx%d", e.name, language, g.width, g.height)
				look(t, page, stage, glass{g.width, g.height, "light", "normal", true}, e, name)
				var amount string
				if page.Eval(`document.querySelector(".due-row .digits").innerText`, &amount); !strings.Contains(amount, "56.80") {
					t.Errorf("%s: the amount is %q", name, amount)
				}
			}
		}
	}
}

// A page of another version than the agent's loads itself anew, once the new one
// can be had: meanwhile it stays, and follows.
func testRenew(t *testing.T, b *kiosktest.Browser) {
	old := screen.New(display.NewStage(basket("OLD", 1)), screen.Options{}).Handler()
	var updated, serves atomic.Bool
	stage := display.NewStage(basket("NEW", 2))
	inner := screen.New(stage, screen.Options{}).Handler()
	refused := make(chan struct{}, 64)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !updated.Load():
			old.ServeHTTP(w, r)
		case r.URL.Path == "/screen" && !serves.Load():
			refused <- struct{}{}
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		case r.URL.Path == "/screen/events":
			inner.ServeHTTP(&newer{ResponseWriter: w}, r)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	defer shut(srv)
	page := b.Open(srv.URL+"/screen", 800, 480)
	page.Until(`document.body.dataset.sale === "OLD"`)
	page.Eval("window.first = true; 0", nil)
	updated.Store(true)
	srv.CloseClientConnections()
	select {
	case <-refused:
	case <-time.After(kiosktest.Limit):
		t.Fatal("the page does not ask for the new one")
	}
	page.Until(`window.first && document.body.dataset.sale === "NEW"`)
	serves.Store(true)
	srv.CloseClientConnections()
	page.Until(`!window.first && document.body.dataset.sale === "NEW"`)
}

// newer is the stream of an agent with another page.
type newer struct{ http.ResponseWriter }

func (n *newer) Write(p []byte) (int, error) {
	if _, err := n.ResponseWriter.Write([]byte(strings.Replace(string(p), `{"build":"`, `{"build":"new-`, 1))); err != nil {
		return 0, err
	}
	return len(p), nil
}
func (n *newer) Unwrap() http.ResponseWriter { return n.ResponseWriter }
