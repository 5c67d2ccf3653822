package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/config"
	"tilld/internal/till"
)

func picture(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hexOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A playlist is fetched from below the repository only, checked, and switched
// whole or not at all; it is there again after a restart, and a list without
// items gives the screen back to the store's folder.
func TestPlaylist(t *testing.T) {
	dir := t.TempDir()
	a, b, page := picture(t, 20), picture(t, 30), []byte("<html><script>1</script></html>")
	torn := picture(t, 40)[:60]
	for name, body := range map[string][]byte{"repo/ads/a.png": a, "repo/ads/b.png": b, "repo/page.png": page, "repo/torn.png": torn, "secret.png": a, "local/own.png": picture(t, 50)} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	repo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Path == "/repo/away.png" {
			http.Redirect(w, r, "/secret.png", http.StatusFound)
			return
		}
		http.ServeFile(w, r, filepath.Join(dir, filepath.Clean(r.URL.Path)))
	}))
	defer repo.Close()
	cfg := config.Defaults()
	cfg.DataDir, cfg.Firmware.Repository = filepath.Join(dir, "data"), repo.URL+"/repo"
	cfg.Screen.PlaylistDir = filepath.Join(dir, "local")
	var warnings []string
	open := func() (*house, *screen.Screen) {
		glass := screen.New(display.NewStage(display.Scene{}), screen.Options{})
		h := newHouse(cfg, glass, func(msg string, _ ...any) { warnings = append(warnings, msg) })
		if err := h.show(); err != nil {
			t.Fatal(err)
		}
		return h, glass
	}
	shows := func(glass *screen.Screen, version string, items int) {
		t.Helper()
		p := glass.House().Reel
		if p.Version != version && !(version == "folder" && strings.HasPrefix(p.Version, "folder-")) || len(p.Items) != items {
			t.Errorf("on the screen: %+v, want %s with %d items", p, version, items)
		}
	}
	h, glass := open()
	shows(glass, "folder", 1)

	h.wear(till.ScreenLook{Theme: "dark"})
	if err := h.show(); err != nil || h.glass.House().Theme != "dark" || h.glass.House().Text != "normal" {
		t.Errorf("after a change of the theme: %+v, %v", h.glass.House(), err)
	}

	item := func(url string, body []byte) playlistItem {
		return playlistItem{URL: url, SHA256: hexOf(body), Bytes: int64(len(body)), Seconds: 5}
	}
	good := playlist{Version: "2026-11", Items: []playlistItem{item("ads/a.png", a), item(repo.URL+"/repo/ads/b.png", b)}}
	if err := h.set(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	shows(glass, "2026-11", 2)
	wrong := item("ads/b.png", b)
	wrong.SHA256 = hexOf(page)
	short := item("ads/b.png", b)
	short.SHA256, short.Bytes = hexOf(torn), 3
	for name, bad := range map[string]playlistItem{
		"elsewhere": item(repo.URL+"/secret.png", picture(t, 21)), "dots": item("../secret.png", picture(t, 22)), "another host": item("http://127.0.0.1:1/repo/ads/a.png", picture(t, 23)),
		"redirect": item("away.png", picture(t, 24)), "a page": item("page.png", page), "torn": item("torn.png", torn), "another file": wrong, "another size": short, "not there": item("none.png", picture(t, 25)),
	} {
		if err := h.set(t.Context(), playlist{Version: "bad", Items: []playlistItem{item("ads/a.png", a), bad}}); err == nil {
			t.Errorf("%s is taken", name)
		}
		shows(glass, "2026-11", 2)
	}
	if slices.ContainsFunc(asked, func(p string) bool { return p == "/secret.png" }) {
		t.Error("something outside of the repository was fetched")
	}

	_, glass = open() // another start, without the repository
	shows(glass, "2026-11", 2)

	n := len(asked)
	if err := h.set(t.Context(), playlist{Version: "2026-12", Items: good.Items[:1]}); err != nil {
		t.Fatal(err)
	}
	if len(asked) != n {
		t.Error("a file that is here was fetched again")
	}
	if entries, err := os.ReadDir(h.dir); err != nil || len(entries) != 2 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	if err := h.set(t.Context(), playlist{Version: "none"}); err != nil {
		t.Fatal(err)
	}
	if p := h.glass.House().Reel; !strings.HasPrefix(p.Version, "folder-") {
		t.Errorf("after a list without items: %+v", p)
	}
	if err := os.WriteFile(filepath.Join(h.dir, playlistFile), []byte(`{"items":[{"sha256":"../../secret.png"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, glass = open() // a damaged list is as if there were none
	shows(glass, "folder", 1)
	if len(warnings) == 0 {
		t.Error("nobody is told")
	}
}

func TestPlaylistIsChecked(t *testing.T) {
	sum := strings.Repeat("a", 64)
	for name, p := range map[string]playlist{
		"no version": {}, "no address": {Version: "1", Items: []playlistItem{{SHA256: sum, Bytes: 1}}},
		"a path as sum": {Version: "1", Items: []playlistItem{{URL: "a", SHA256: "../../../../etc/passwd", Bytes: 1}}},
		"huge":          {Version: "1", Items: []playlistItem{{URL: "a", SHA256: sum, Bytes: 1 << 40}}},
		"for ever":      {Version: "1", Items: []playlistItem{{URL: "a", SHA256: sum, Bytes: 1, Seconds: 601}}},
		"many":          {Version: "1", Items: make([]playlistItem, 61)},
		"all too much":  {Version: "1", Items: slices.Repeat([]playlistItem{{URL: "a", SHA256: sum, Bytes: 200 << 20}}, 6)},
	} {
		if p.check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := (playlist{Version: "1", Items: []playlistItem{{URL: "a", SHA256: sum, Bytes: 1, Seconds: 600}}}).check(); err != nil {
		t.Error(err)
	}
}
