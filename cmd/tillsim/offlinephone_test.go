package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tilld/internal/qr"
	"tilld/internal/unchecked"
)

// Other readers than the till's own read what phone and screen show.
func TestOtherReadersReadBothCodes(t *testing.T) {
	zbar, err := exec.LookPath("zbarimg")
	if err != nil {
		unchecked.Skip(t, "zbarimg is not installed (apt-get install zbar-tools)")
	}
	for name, text := range map[string]string{
		"request": pagePrefix + strings.Repeat("CEBQAAAD5MBAQAJDIVTYTK6N54AAAEE2", 5)[:151],
		"proof":   "92" + strings.Repeat("0123456789", 25)[:244],
	} {
		c, err := qr.Make(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		for _, dots := range []int{2, 3, 4} {
			png, err := c.PNG(dots, qr.Quiet)
			file := filepath.Join(t.TempDir(), name+".png")
			if err == nil {
				err = os.WriteFile(file, png, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(zbar, "--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", file).Output()
			if err != nil || strings.TrimSpace(string(out)) != text {
				t.Errorf("%s at %d dots a module: %q, %v", name, dots, out, err)
			}
		}
	}
}
