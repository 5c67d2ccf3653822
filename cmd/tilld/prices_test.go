package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestPriceFetcher(t *testing.T) {
	const text = `{"items":[]}`
	sum := sha256.Sum256([]byte(text))
	good := hex.EncodeToString(sum[:])
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "repo/prices"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"repo/prices/1.json", "secret.json"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/repo/away.json":
			http.Redirect(w, r, "/secret.json", http.StatusFound)
		default:
			http.ServeFile(w, r, filepath.Join(dir, filepath.Clean(r.URL.Path)))
		}
	}))
	defer server.Close()
	for _, tt := range []struct {
		name, repository, address, sum string
		size                           int64
		ok                             bool
	}{
		{"http", server.URL + "/repo", server.URL + "/repo/prices/1.json", good, 12, true},
		{"relative", server.URL + "/repo/", "prices/1.json", good, 12, true},
		{"directory", filepath.Join(dir, "repo"), "prices/1.json", good, 12, true},
		{"elsewhere", server.URL + "/repo", server.URL + "/secret.json", good, 12, false},
		{"another host", server.URL + "/repo", "http://127.0.0.1:1/repo/prices/1.json", good, 12, false},
		{"dots", server.URL + "/repo", server.URL + "/repo/../secret.json", good, 12, false},
		{"encoded dots", server.URL + "/repo", server.URL + "/repo/%2e%2e/secret.json", good, 12, false},
		{"dots out of a directory", filepath.Join(dir, "repo"), "../secret.json", good, 12, false},
		{"redirect", server.URL + "/repo", server.URL + "/repo/away.json", good, 12, false},
		{"too short", server.URL + "/repo", "prices/1.json", good, 11, false},
		{"too long", server.URL + "/repo", "prices/1.json", good, 13, false},
		{"other hash", server.URL + "/repo", "prices/1.json", good[:63] + "0", 12, false},
		{"no size", server.URL + "/repo", "prices/1.json", good, 0, false},
		{"huge", server.URL + "/repo", "prices/1.json", good, 1 << 40, false},
	} {
		var data []byte
		file, err := priceFetcher(tt.repository)(t.Context(), tt.address, tt.sum, tt.size)
		if err == nil {
			data, err = io.ReadAll(file)
			file.Close()
		}
		if (err == nil) != tt.ok || tt.ok && string(data) != text {
			t.Errorf("%s: %q, %v; want accepted %v", tt.name, data, err, tt.ok)
		}
	}
	if asked == 0 {
		t.Error("the server was never asked")
	}
}
