package screen_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tilld/display"
	"tilld/display/screen"
)

func flag(c color.Color, w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

var mp4 = []byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2")

// A folder is a playlist by name of what can be shown; what a file is called does
// not count, and what it is does.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, body := range map[string][]byte{
		"2-red.png": flag(color.RGBA{R: 255, A: 255}, 64, 64), "1-film.bin": mp4, ".hidden.png": flag(color.Black, 8, 8),
		"3-page.png": []byte("<html><script>alert(1)</script>"), "4-svg.png": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		"5-huge.png": flag(color.White, 5000, 1), "6-empty.png": nil, "7-torn.png": flag(color.White, 8, 8)[:20],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, skipped, err := screen.Folder(dir)
	if err != nil || len(p.Items) != 2 || p.Items[0].Media != "video/mp4" || p.Items[1].Media != "image/png" || len(skipped) != 5 {
		t.Fatalf("%+v, left out %v, %v", p, skipped, err)
	}
	again, _, err := screen.Folder(dir)
	if err != nil || again.Version != p.Version || p.Version == "" {
		t.Errorf("version %q, then %q, %v", p.Version, again.Version, err)
	}
	if _, _, err := screen.Folder(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there is a playlist")
	}

	s := screen.New(display.NewStage(display.Scene{}), screen.Options{})
	if err := s.SetHouse(screen.House{Reel: p}); err != nil {
		t.Fatal(err)
	}
	body := stream(t, s)
	src := body[strings.Index(body, `"src":"`)+len(`"src":"`):]
	src = src[:strings.Index(src, `"`)]
	req := httptest.NewRequest(http.MethodGet, src, nil)
	req.Header.Set("Range", "bytes=4-7")
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, req)
	if rec.Code != http.StatusPartialContent || rec.Body.String() != "ftyp" || rec.Header().Get("Content-Type") != "video/mp4" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %d %q %v", src, rec.Code, rec.Body, rec.Header())
	}
	for _, path := range []string{"/screen/reel/0", "/screen/reel/0-x", "/screen/reel/..%2f..%2fetc%2fpasswd", "/screen/logo.png"} {
		if rec := get(t, s.Handler(), path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// stream returns the first events of a screen.
func stream(t *testing.T, s *screen.Screen) string {
	t.Helper()
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	defer srv.CloseClientConnections()
	resp, err := http.Get(srv.URL + "/screen/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(all, []byte("event: scene")) {
		n, err := resp.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	return string(all)
}

// What a store may set is checked, and text on its colour can be read.
func TestHouse(t *testing.T) {
	s := screen.New(display.NewStage(display.Scene{}), screen.Options{})
	for _, bad := range []screen.House{
		{Color: "red"}, {Color: "#12345"}, {Color: "#17375e;background:url(http://x)"}, {Theme: "pink"}, {Text: "huge"}, {Name: strings.Repeat("长", 41)},
	} {
		if s.SetHouse(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for color, ink := range map[string]string{"#ffffff": "#000000", "#000000": "#ffffff", "#17375e": "#ffffff", "#ffd36b": "#000000", "#0b7a4b": "#ffffff"} {
		if err := s.SetHouse(screen.House{Color: color, Name: "A\u202e<b>"}); err != nil {
			t.Fatal(err)
		}
		if body := stream(t, s); !strings.Contains(body, `"name":"A\u003cb\u003e","color":"`+color+`","ink":"`+ink+`"`) {
			t.Errorf("%s: %s", color, body)
		}
	}
	logo := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(logo, flag(color.White, 40, 20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.SetHouse(screen.House{Logo: logo}); err != nil {
		t.Fatal(err)
	}
	if rec := get(t, s.Handler(), "/screen/logo.png"); rec.Code != 200 || rec.Header().Get("Content-Type") != "image/png" {
		t.Errorf("logo: %d", rec.Code)
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff", string(mp4), "\x1a\x45\xdf\xa3\x42\x82\x84webm", "<html>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		media, err := screen.Sniff(head)
		if (err == nil) == (media == "") {
			t.Fatalf("%q: %q, %v", head, media, err)
		}
		if err == nil && (head[0] == '<' || head[0] == ' ') {
			t.Fatalf("%q is %s", head, media)
		}
	})
}
