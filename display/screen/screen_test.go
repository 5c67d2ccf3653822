package screen_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/qr"
)

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec
}

// The pay code is served for the payment in the scene, until it expires, and
// nothing else is made into a code.
func TestPayCodeOnlyFromTheScene(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	stage := display.NewStage(display.Scene{
		Kind: display.Paying, Pay: &display.Pay{PaymentID: "p1", URL: payURL, Amount: 1, ExpiresAt: now.Add(time.Minute)},
		QR: []display.QR{{URL: "https://acme.example/a"}},
	})
	s := screen.New(stage, screen.Options{Now: func() time.Time { return now }})
	rec := get(t, s.Handler(), "/screen/pay.png?id=p1&side=400")
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "image/png" || rec.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	img, err := png.Decode(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Make(payURL, "")
	if err != nil {
		t.Fatal(err)
	}
	if side := img.Bounds().Dx(); side > 400 || side%(code.Size+2*qr.Quiet) != 0 {
		t.Errorf("%d pixels for %d modules are not whole", side, code.Size+2*qr.Quiet)
	}
	if got, err := qr.Read(img); err != nil || got != payURL {
		t.Errorf("read %q, %v", got, err)
	}
	for path, want := range map[string]int{
		"/screen/pay.png?id=p2": 404, "/screen/pay.png": 404, "/screen/pay.png?id=": 404,
		"/screen/qr.png?u=" + url.QueryEscape("https://acme.example/a"): 200, "/screen/qr.png?u=" + url.QueryEscape(payURL): 404,
		"/screen/qr.png?u=https://evil.test": 404, "/screen/qr.png": 404, "/screen/offer.png?id=": 404, "/screen/pay.png?id=p1&side=-5": 200, "/screen/pay.png?id=p1&side=99999999": 200,
		"/screen": 200, "/screen/": 308, "/screen/screen.js": 200, "/screen/../screen.go": 307, "/screen/none": 404,
	} {
		if rec := get(t, s.Handler(), path); rec.Code != want {
			t.Errorf("%s: %d, want %d", path, rec.Code, want)
		}
	}
	for _, path := range []string{"/screen/none", "/screen/a/b?c"} { // whoever mounted it wrongly is told what to do
		rec := get(t, s.Handler(), path)
		if body := rec.Body.String(); rec.Code != 404 || rec.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "没有这个客显页面") || !strings.Contains(body, "no such screen") || !strings.Contains(body, `href="/screen"`) {
			t.Errorf("%s: %d %v\n%s", path, rec.Code, rec.Header(), body)
		}
	}
	now = now.Add(time.Minute)
	if rec := get(t, s.Handler(), "/screen/pay.png?id=p1"); rec.Code != 404 {
		t.Errorf("an expired pay code is served: %d", rec.Code)
	}
	stage.Set(display.Scene{Kind: display.Basket})
	now = now.Add(-time.Minute)
	if rec := get(t, s.Handler(), "/screen/pay.png?id=p1"); rec.Code != 404 {
		t.Errorf("a withdrawn pay code is served: %d", rec.Code)
	}
}

// Pictures from outside are decoded and encoded again, within bounds, on white.
func TestPictures(t *testing.T) {
	stage := display.NewStage(display.Scene{})
	s := screen.New(stage, screen.Options{})
	show := func(b64 string) *httptest.ResponseRecorder {
		stage.Set(display.Scene{Kind: display.Paying, Pay: &display.Pay{PaymentID: "p", PicturePNGBase64: b64}})
		return get(t, s.Handler(), "/screen/pay.png?id=p")
	}
	rec := show(examplePicture)
	img, err := png.Decode(rec.Body)
	if rec.Code != 200 || err != nil {
		t.Fatalf("%d %v", rec.Code, err)
	}
	if r, g, b, a := img.At(0, 0).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff || a != 0xffff {
		t.Errorf("a transparent corner is %x %x %x %x", r, g, b, a)
	}
	bomb := "iVBORw0KGgoAAAANSUhEUgAA//8AAP//CAAAAAD///8A" // 65535 x 65535 announced
	for _, bad := range []string{"", "%%%", "aGVsbG8=", bomb, strings.Repeat("A", 3<<20)} {
		if rec := show(bad); rec.Code != 404 {
			t.Errorf("%.20q: %d", bad, rec.Code)
		}
	}
}

func TestDriver(t *testing.T) {
	s := screen.New(display.NewStage(display.Scene{}), screen.Options{})
	d, err := s.Open(t.Context(), nil, device.Spec{Name: "screen", Kind: device.Display, Driver: "screen"})
	if err != nil {
		t.Fatal(err)
	}
	if g, ok := d.(display.Graphic); !ok || g.Dots() < 200 {
		t.Error("the screen draws no codes")
	}
	if err := d.Show(t.Context(), display.Scene{}); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if d.Show(ended, display.Scene{}) == nil {
		t.Error("shown after the end")
	}
	if _, err := s.Open(t.Context(), nil, device.Spec{Name: "screen", Options: json.RawMessage(`{"colour":"red"}`)}); err == nil {
		t.Error("an unknown option is taken")
	}
}

// The stream carries the whole scene, ids that grow, and a beat.
func TestStream(t *testing.T) {
	stage := display.NewStage(display.Scene{Kind: display.Idle, Language: "en"})
	s := screen.New(stage, screen.Options{Boot: 3})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/screen/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var seen bytes.Buffer
	until := func(part string) {
		t.Helper()
		buf := make([]byte, 4096)
		for !strings.Contains(seen.String(), part) {
			n, err := resp.Body.Read(buf)
			if err != nil {
				t.Fatalf("%v before %q: %s", err, part, seen.String())
			}
			seen.Write(buf[:n])
		}
	}
	until("event: hello\nid: " + fmt.Sprint(3<<32+1))
	until(`"kind":"idle"`)
	stage.Set(display.Scene{Kind: display.Basket, SaleID: "S", Lines: []display.Line{{Line: 1, Name: "Tea\u202e"}}})
	until("event: scene\nid: " + fmt.Sprint(3<<32+4))
	until(`"lines":[{"line":1,"name":"Tea",`)
	until("event: beat")
	if s.Pages() != 1 {
		t.Errorf("%d pages", s.Pages())
	}
	var others []*http.Response
	for range 16 {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, resp)
	}
	if last := others[len(others)-1]; last.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the 17th page is taken: %d", last.StatusCode)
	}
	for _, o := range others {
		o.Body.Close()
	}
}

// A code has at least four pixels a module, or takes more room up to what the
// glass has, or gives up error correction, or is not shown at all.
func TestDenseCodes(t *testing.T) {
	for _, tt := range []struct {
		bytes, side, most int
		pixels            int // 0: refused
	}{
		{60, 300, 460, 7},
		{280, 300, 460, 4},
		{280, 260, 460, 4}, // larger than its box
		{600, 300, 460, 4},
		{1024, 300, 460, 0},
		{1024, 600, 800, 4},
	} {
		payload := "https://pay.acme.example/" + strings.Repeat("aB3", 400)[:tt.bytes-25]
		stage := display.NewStage(display.Scene{Kind: display.Paying, Pay: &display.Pay{PaymentID: "p", URL: payload}})
		s := screen.New(stage, screen.Options{})
		rec := get(t, s.Handler(), fmt.Sprintf("/screen/pay.png?id=p&side=%d&most=%d", tt.side, tt.most))
		if (rec.Code == http.StatusOK) != (tt.pixels > 0) {
			t.Errorf("%+v: %d", tt, rec.Code)
		}
		if rec.Code != http.StatusOK {
			continue
		}
		img, err := png.Decode(rec.Body)
		if err != nil {
			t.Fatal(err)
		}
		side := img.Bounds().Dx()
		if got, err := qr.Read(img); err != nil || got != payload {
			t.Errorf("%+v: read %q, %v", tt, got, err)
		}
		// The finder's upper bar is seven modules long.
		run := 0
		for x := 4 * tt.pixels; x < side; x++ {
			if r, _, _, _ := img.At(x, 4*tt.pixels+tt.pixels/2).RGBA(); r == 0 {
				run++
			} else {
				break
			}
		}
		if run != 7*tt.pixels || side > tt.most {
			t.Errorf("%+v: %d pixels a module, %d a side", tt, run/7, side)
		}
	}
}
