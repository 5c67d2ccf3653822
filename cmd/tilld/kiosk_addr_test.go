package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An agent that takes a free port has written down which: the browser opens that
// one, not port 0.
func TestKioskOfAFreePort(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tilld.yaml")
	text := fmt.Sprintf("till: {merchant: acme, store: s, till: \"03\"}\nhttp: {listen: \"127.0.0.1:0\"}\ndata_dir: %q\n", dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := kioskCmd{Config: file, Position: "0,0", Size: "1024x600", Scale: "1", Browser: "/bin/true", Profile: dir}
	if _, err := c.browser(); err == nil || !strings.Contains(err.Error(), "--url") {
		t.Errorf("without an agent: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "http-addr"), []byte("127.0.0.1:40123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := c.browser()
	if err != nil || b.url != "http://127.0.0.1:40123/screen" {
		t.Errorf("%q, %v", b.url, err)
	}
}
