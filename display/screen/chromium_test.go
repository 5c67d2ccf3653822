package screen_test

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
	"tilld/internal/qr"
)

// One Chromium serves all of it.
func TestChromium(t *testing.T) {
	b := kiosktest.Start(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *kiosktest.Browser)
	}{
		{"Glass", testGlass}, {"Blank", testBlank}, {"Reconnect", testReconnect}, {"StaleCode", testStaleCode}, {"Renew", testRenew}, {"Note", testNote}, {"Small", testSmall}, {"Harmless", testHarmless}, {"Shift", testShift}, {"Reel", testReel}, {"Films", testFilms}, {"Accessible", testAccessible}, {"Memory", testMemory},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, b.With(t)) })
	}
}

// keep writes a picture of the glass where somebody can look at it: $TILLD_SHOTS,
// or the test's artifacts (go test -artifacts).
func keep(t *testing.T, name string, png []byte) {
	t.Helper()
	dir := os.Getenv("TILLD_SHOTS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// serve shows a stage's scenes until the test ends.
func serve(t *testing.T, o screen.Options) (*display.Stage, *screen.Screen, string) {
	t.Helper()
	stage := display.NewStage(display.Scene{Kind: display.Idle, Currency: "CNY", Language: "zh-CN"})
	s := screen.New(stage, o)
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() { shut(srv) })
	return stage, s, srv.URL + "/screen"
}

// shut ends a server although pages try to come back to it: no new connection
// first, then none of the old ones.
func shut(srv *httptest.Server) {
	srv.Listener.Close() // srv.Close closes it again, and has nothing left to wait for
	srv.CloseClientConnections()
	srv.Close()
}

// glass is one size of monitor and how it is set.
type glass struct {
	width, height int
	theme, text   string
	every         bool // every scene is drawn, not only those with codes
}

var glasses = []glass{
	{1024, 600, "light", "normal", true},
	{800, 480, "dark", "normal", false},
	{1920, 1080, "dark", "normal", false},
	{1366, 768, "light", "large", false},
	{800, 480, "light", "large", true},
	{600, 1024, "light", "normal", false},
	{1080, 1920, "dark", "large", false},
}

// Every scene on every size of glass: nothing is cut off, every code is whole
// pixels and can be read from the glass by two independent readers, nothing is
// asked of any other machine, and the page has no errors.
func testGlass(t *testing.T, b *kiosktest.Browser) {
	stage, s, url := serve(t, screen.Options{Boot: 1})
	page := b.Open(url, 1024, 600)
	page.Media("prefers-reduced-motion", "reduce")
	all := os.Getenv("TILLD_SHOTS") != ""
	for i, g := range glasses {
		if testing.Short() && i > 0 {
			break
		}
		page.Resize(g.width, g.height)
		if err := s.SetHouse(screen.House{Name: "鲜果时光", Theme: g.theme, Text: g.text}); err != nil {
			t.Fatal(err)
		}
		languages := []string{"zh-CN", "en"}
		if !all {
			languages = languages[i%2 : i%2+1]
		}
		for _, language := range languages {
			for _, e := range examples(language) {
				if g.every || e.pictures > 0 || all {
					look(t, page, stage, g, e, fmt.Sprintf("%s-%s-%dx%d-%s-%s", e.name, language, g.width, g.height, g.theme, g.text))
				}
			}
		}
	}
	// Monitors with small pixels: whole pixels of the glass, not of the style sheet.
	for _, ratio := range []float64{1.25, 1.5, 2} {
		page.ResizeAt(1024, 600, ratio)
		if err := s.SetHouse(screen.House{Theme: "dark"}); err != nil {
			t.Fatal(err)
		}
		for _, e := range examples("en") {
			if e.name == "paying" {
				look(t, page, stage, glass{1024, 600, "dark", "normal", true}, e, fmt.Sprintf("paying-at-%v", ratio))
			}
		}
	}
	for _, r := range page.Requests() {
		if !strings.HasPrefix(r, strings.TrimSuffix(url, "/screen")+"/") {
			t.Errorf("the page asked for %s", r)
		}
	}
	if errs := slices.DeleteFunc(page.Errors(), harmless); len(errs) > 0 {
		t.Errorf("errors on the page: %q", errs)
	}
}

// outside finds what is cut off by the glass or by its own box.
const outside = `var hang = e => { // where the lowest of an amount ends: the comma
	const foot = document.createElement("span"), c = document.createElement("canvas").getContext("2d");
	foot.style.display = "inline-block";
	e.firstElementChild.append(foot);
	const base = foot.getBoundingClientRect().bottom;
	foot.remove();
	const f = getComputedStyle(e.firstElementChild);
	c.font = f.fontWeight + " " + f.fontSize + " " + f.fontFamily;
	return base + c.measureText(",").actualBoundingBoxDescent;
};
[...document.querySelectorAll("#stage h1, #stage p, #stage img, #stage .digits, #stage dl, #stage ol.steps li, #stage .paycard, #stage figure, #stage .coupon, #stage .fact, #stage .label")].filter(e => {
	const r = e.getBoundingClientRect();
	if (!r.width || e.closest(".lines")) return false;
	for (let box = e.parentElement; box && box.id !== "stage"; box = box.parentElement) {
		const o = box.getBoundingClientRect();
		if (getComputedStyle(box).overflow !== "visible" && (r.top < o.top - 1 || r.bottom > o.bottom + 1 || r.left < o.left - 1 || r.right > o.right + 1)) return true;
	}
	return r.left < -1 || r.top < -1 || r.right > innerWidth + 1 || r.bottom > innerHeight + 1 || e.matches(".digits") && (e.scrollWidth > e.clientWidth + 1 || hang(e) > r.bottom);
}).map(e => e.outerHTML.slice(0, 120))`

func look(t *testing.T, page *kiosktest.Page, stage *display.Stage, g glass, e example, name string) {
	e.scene.SaleID = strings.ToUpper("01JD" + name)
	stage.Set(e.scene)
	page.Until(fmt.Sprintf(`document.body.dataset.sale === %q && document.body.dataset.kind === %q && document.documentElement.lang === %q && document.documentElement.dataset.text === %q && !document.body.classList.contains("away") &&
		document.querySelectorAll("#stage img").length === %d && [...document.images].every(i => i.complete && i.naturalWidth) && document.body.innerText.includes(%q)`,
		e.scene.SaleID, e.scene.Kind, e.scene.Language, g.text, e.pictures, e.text))
	var cut []string
	page.Eval(outside, &cut)
	if len(cut) > 0 {
		t.Errorf("%s: cut off: %q", name, cut)
	}
	if len(e.codes) == 0 && os.Getenv("TILLD_SHOTS") == "" && name[0] != 'm' { // many, member, message: something to look at
		return
	}
	shot := page.Screenshot()
	keep(t, name, shot)
	if len(e.codes) > 0 {
		one, other := kiosktest.Read(t, shot), kiosktest.ReadAgain(t, shot)
		for _, want := range e.codes {
			if !strings.Contains(one, want) {
				t.Errorf("%s: %q cannot be read from the glass; read: %s", name, want, one)
			}
			if !strings.Contains(other, want) {
				t.Errorf("%s: %q cannot be read from the glass by zbar; read: %s", name, want, other)
			}
		}
	}
	if e.pay != "" {
		wholeModules(t, page, shot, e.pay, name)
	}
}

// wholeModules compares the glass with the code, module for module: each is the
// same whole number of pixels, at least four, and the quiet zone is white.
func wholeModules(t *testing.T, page *kiosktest.Page, shot []byte, payload, name string) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	onGlass := image.NewRGBA(img.Bounds())
	draw.Draw(onGlass, onGlass.Rect, img, image.Point{}, draw.Src)
	var r struct{ X, Y, Width, Natural float64 }
	page.Eval(`(() => { const i = document.querySelector(".paycard img"), r = i.getBoundingClientRect(), d = devicePixelRatio; return {x: Math.round(r.x * d), y: Math.round(r.y * d), width: r.width * d, natural: i.naturalWidth} })()`, &r)
	code, err := qr.Make(payload, "")
	if err != nil {
		t.Fatal(err)
	}
	modules := code.Size + 2*qr.Quiet
	scale := int(r.Natural) / modules
	if scale < screen.MinDots || scale*modules != int(r.Natural) || r.Width-r.Natural > 0.01 || r.Natural-r.Width > 0.01 {
		t.Errorf("%s: %v pixels of the picture on %v of the glass for %d modules", name, r.Natural, r.Width, modules)
		return
	}
	// Where a box begins between two pixels the browser decides which one it is.
	wrong := ""
	for _, dy := range []int{0, -1, 1} {
		for _, dx := range []int{0, -1, 1} {
			if wrong = differs(onGlass, code, scale, int(r.X)+dx, int(r.Y)+dy); wrong == "" {
				return
			}
		}
	}
	t.Errorf("%s: %s", name, wrong)
}

// differs compares each pixel of the glass from x0, y0 on with the code.
func differs(glass *image.RGBA, code qr.Code, scale, x0, y0 int) string {
	side := (code.Size + 2*qr.Quiet) * scale
	if at := image.Rect(x0, y0, x0+side, y0+side); !at.In(glass.Rect) {
		return fmt.Sprintf("the code, at %v, is not on the glass, %v", at, glass.Rect)
	}
	want := make([]byte, 4*side)
	for y := range side {
		if y%scale == 0 { // a row of modules
			for x := range side {
				level := byte(0xff)
				if code.At(x/scale-qr.Quiet, y/scale-qr.Quiet) {
					level = 0
				}
				copy(want[4*x:], []byte{level, level, level, 0xff})
			}
		}
		if got := glass.Pix[glass.PixOffset(x0, y0+y):][:len(want)]; !bytes.Equal(got, want) {
			return fmt.Sprintf("row %d of the code is %x, want %x", y, got, want)
		}
	}
	return ""
}

// harmless reports errors that the scenes of this test bring about: a picture
// that was asked for just before its scene went is not there any more.
func harmless(e string) bool {
	return strings.Contains(e, "/favicon.ico") ||
		strings.Contains(e, "status of 404") && strings.Contains(e, "/screen/") && strings.Contains(e, ".png?")
}
