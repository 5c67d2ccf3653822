package screen_test

import (
	"encoding/base64"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

// recordFilm has the browser make a WebM of a second.
const recordFilm = `new Promise((done, failed) => {
	const canvas = document.createElement("canvas"), g = canvas.getContext("2d");
	canvas.width = canvas.height = 64;
	let n = 0;
	const paint = setInterval(() => { g.fillStyle = n++ % 2 ? "#00a" : "#0a0"; g.fillRect(0, 0, 64, 64); }, 50);
	const rec = new MediaRecorder(canvas.captureStream(20), {mimeType: "video/webm;codecs=vp8"}), parts = [];
	rec.ondataavailable = e => parts.push(e.data);
	rec.onerror = e => failed(String(e.error));
	rec.onstop = async () => { clearInterval(paint); const b = new Uint8Array(await new Blob(parts).arrayBuffer()); let s = ""; for (const x of b) s += String.fromCharCode(x); done(btoa(s)); };
	rec.start();
	setTimeout(() => rec.stop(), 1000);
})`

// Pictures and films take turns while the till is idle; what is broken is passed
// over; a sale stops all of it and lets go of it; another list takes over at once.
func testReel(t *testing.T, b *kiosktest.Browser) {
	stage, s, url := serve(t, screen.Options{})
	page := b.Open(url, 800, 480)
	page.Until("document.body.dataset.kind === 'idle' && !document.body.classList.contains('waiting')")
	var film string
	page.Eval(recordFilm, &film)
	body, err := base64.StdEncoding.DecodeString(film)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	red := flag(color.RGBA{R: 200, A: 255}, 320, 200)
	torn := slices.Clone(red)
	for i := 40; i < len(torn); i++ { // the head stays
		torn[i] = 'x'
	}
	for name, body := range map[string][]byte{"1.png": red, "2.webm": body, "3-torn.png": torn, "4.png": flag(color.RGBA{B: 200, A: 255}, 320, 200)} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, skipped, err := screen.Folder(dir)
	if err != nil || len(list.Items) != 4 || len(skipped) != 0 || list.Items[1].Media != "video/webm" {
		t.Fatalf("%+v, left out %v, %v", list, skipped, err)
	}
	for i := range list.Items {
		list.Items[i].Seconds = 1
	}
	page.Eval(`window.on = []; window.most = 0; new MutationObserver(() => {
		const r = document.getElementById("reel");
		if (!r) return;
		window.most = Math.max(window.most, r.children.length);
		const e = r.querySelector(".on:last-child");
		if (e && window.last !== e) { window.last = e; window.on.push(new URL(e.src).pathname.split("/").pop().split("-")[0] + e.tagName + (e.tagName === "VIDEO" ? e.muted && !e.paused : "")); }
	}).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]}); 0`, nil)
	idle := display.Scene{Kind: display.Idle, Currency: "CNY", Language: "zh-CN", Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{{Title: "我的专属顾问 小李", URL: "https://acme.example/c/E1024"}}}
	stage.Set(idle)
	if err := s.SetHouse(screen.House{Name: "鲜果时光", Reel: list}); err != nil {
		t.Fatal(err)
	}
	page.Until("window.on.length >= 5")
	var on []string
	var most int
	page.Eval("window.on", &on)
	page.Eval("window.most", &most)
	if got := strings.Join(on[:5], " "); got != "0IMG 1VIDEOtrue 3IMG 0IMG 1VIDEOtrue" || most > 3 {
		t.Errorf("shown %s, %d elements at most", got, most)
	}
	shot := page.Screenshot()
	keep(t, "reel", shot)
	if got := kiosktest.Read(t, shot); !strings.Contains(got, "https://acme.example/c/E1024") {
		t.Errorf("the adviser's code beside the reel cannot be read: %s", got)
	}

	stage.Set(basket("SALE", 2))
	page.Until(`document.querySelectorAll(".line").length === 2 && !document.querySelector("video, #reel img")`)
	stage.Set(idle)
	page.Until(`document.querySelector("#reel .on")`)
	if err := s.SetHouse(screen.House{Reel: screen.Playlist{Version: "2", Items: list.Items[3:]}}); err != nil {
		t.Fatal(err)
	}
	page.Until(`document.querySelectorAll("#reel > *").length === 1 && document.querySelector("#reel .on")?.src.includes("/screen/reel/0-") && document.querySelector("#reel img").naturalWidth === 320`)
	if err := s.SetHouse(screen.House{}); err != nil {
		t.Fatal(err)
	}
	page.Until(`!document.getElementById("reel")`)
}

// A film without a time of its own is shown once, however long it is, and one
// that is alone runs on: neither is cut after the eight seconds of a picture.
func testFilms(t *testing.T, b *kiosktest.Browser) {
	stage, s, url := serve(t, screen.Options{})
	page := b.Open(url, 800, 480)
	page.Until("document.body.dataset.kind === 'idle' && !document.body.classList.contains('waiting')")
	var film string
	page.Eval(recordFilm, &film)
	body, err := base64.StdEncoding.DecodeString(film)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, body := range map[string][]byte{"1.png": flag(color.RGBA{R: 200, A: 255}, 320, 200), "2.webm": body} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, _, err := screen.Folder(dir)
	if err != nil || len(list.Items) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	list.Items[0].Seconds = 1
	page.Eval(`window.cuts = 0; window.films = 0;
		const later = window.setTimeout;
		window.setTimeout = (f, ms, ...more) => { if (ms === 8000) window.cuts++; return later(f, ms, ...more); };
		document.addEventListener("playing", () => window.films++, true); 0`, nil)
	stage.Set(display.Scene{Kind: display.Idle, Currency: "CNY", Language: "zh-CN"})
	if err := s.SetHouse(screen.House{Reel: list}); err != nil {
		t.Fatal(err)
	}
	page.Until("window.films >= 2") // the picture had its turn between them: the first one came to its end
	if err := s.SetHouse(screen.House{Reel: screen.Playlist{Version: "2", Items: list.Items[1:]}}); err != nil {
		t.Fatal(err)
	}
	page.Until(`document.querySelector("#reel video.on")?.loop && document.querySelectorAll("#reel > *").length === 1`)
	var cuts int
	if page.Eval("window.cuts", &cuts); cuts > 0 {
		t.Errorf("a film is cut after eight seconds, %d times", cuts)
	}
}
