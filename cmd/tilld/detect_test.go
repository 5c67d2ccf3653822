package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tilld/device/detect"
	"tilld/internal/config"
)

// What detect prints can be pasted below devices as it is.
func TestDetectedLinesAreConfiguration(t *testing.T) {
	var out strings.Builder
	printFound(&out, []detect.Found{
		{Config: `- {name: scanner-1, kind: scanner, driver: line, address: "serial://usb/0C2E:0901/S1?baud=9600"}   # Honeywell 1950`},
		{Config: `# - {name: scanner-2, kind: scanner, driver: line, address: "serial:///dev/ttyS1?baud=9600"}   # if this is one: ttyS1`},
		{Config: `- {name: printer-1, kind: printer, driver: escpos, address: "usblp://usb/0416:5011"}   # POS80`},
	})
	file := filepath.Join(t.TempDir(), "tilld.yaml")
	text := "till: {merchant: acme, store: sh-001, till: \"03\"}\ndevices:\n" + out.String()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, _, err := config.Load(file, nil, known())
	if err != nil || len(problems) > 0 || len(c.Devices) != 2 {
		t.Errorf("%v, %v, %d devices of\n%s", err, problems, len(c.Devices), text)
	}
}
