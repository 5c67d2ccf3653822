package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/device"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/config"
)

// Every driver that can be opened can be checked, and the other way round; each
// has a line in the README that leads to its page.
func TestEveryDriverIsListed(t *testing.T) {
	listed := map[device.Kind][]string{}
	for _, d := range driverList() {
		listed[d.kind] = append(listed[d.kind], d.name)
		if d.options == nil {
			t.Errorf("%s %s has no check of its options", d.kind, d.name)
		}
	}
	glass := screen.New(display.NewStage(display.Scene{}), screen.Options{})
	for kind, have := range map[device.Kind][]string{
		device.Scanner: scanners(nil).Drivers(), device.Printer: printers().Drivers(), device.Display: displays(glass).Drivers(),
	} {
		slices.Sort(listed[kind])
		if !slices.Equal(listed[kind], have) {
			t.Errorf("%ss in the list: %v, that can be opened: %v", kind, listed[kind], have)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listed[device.Display] {
		if name == "screen" {
			continue
		}
		page := "docs/devices/" + name + ".md"
		if !strings.Contains(string(readme), "`"+name+"`") || !strings.Contains(string(readme), "("+page+")") {
			t.Errorf("README.md does not lead to %s", page)
		}
		if _, err := os.Stat("../../" + page); err != nil {
			t.Error(err)
		}
	}
}

// Each display's mistake is named with its line; without mistakes there is
// nothing to say.
func TestCheckOfDisplays(t *testing.T) {
	const head = "till: {merchant: acme, store: sh-001, till: \"03\", number: 1003}\ndevices:\n"
	file := filepath.Join(t.TempDir(), "tilld.yaml")
	problems := func(entries ...string) []string {
		text := head
		for i, e := range entries {
			text += fmt.Sprintf("  - {name: d-%d, kind: display, %s}\n", i, e)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, list, _, err := config.Load(file, nil, known())
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range list {
			if p.Key != "cloud.url" {
				said = append(said, p.In("en"))
			}
		}
		return said
	}
	if said := problems(
		`driver: epson, address: "serial:///dev/ttyS0?baud=9600&backend=tarm", options: {passthrough: true, charset: gb18030}`,
		`driver: dsp800, address: "serial:///dev/ttyS1", options: {brightness: 4}`,
		`driver: utc, address: "serial:///dev/ttyS2", options: {mode: enhanced}`,
		`driver: led8, address: "serial:///dev/ttyS3?baud=2400", options: {basket: price}`,
		`driver: qrscreen, address: "tcp://10.0.0.9:4001", options: {model: custom, reserved: ";)", commands: {clear: 'C\r', qr: 'Q{qr}\r'}}`,
		`driver: framebuffer, address: "fb:///dev/fb0"`,
	); len(said) != 0 {
		t.Errorf("problems with what is right: %q", said)
	}
	for i, tt := range []struct{ entry, want string }{
		{`driver: epson, address: "serial:///dev/ttyS0", options: {brightness: 5}`, "brightness is 5"},
		{`driver: dsp800, address: "serial:///dev/ttyS0", options: {charset: gbk}`, `charset is "gbk"`},
		{`driver: utc, address: "serial:///dev/ttyS0", options: {mode: better}`, `mode is "better"`},
		{`driver: led8, address: "serial:///dev/ttyS0", options: {basket: sum}`, `basket is "sum"`},
		{`driver: qrscreen, address: "serial:///dev/ttyS0", options: {model: custom, commands: {clear: 'C', qr: '{qrr}'}}`, "commands.qr has no field {qrr}"},
		{`driver: framebuffer, address: "fb:///dev/fb0", options: {rotate: 90}`, `unknown field "rotate"`},
		{`driver: framebuffer`, "is missing"},
	} {
		said := problems(`driver: led8, address: "serial:///dev/ttyS9"`, tt.entry)
		if len(said) != 1 || !strings.Contains(said[0], tt.want) || !strings.Contains(said[0], ":4: devices[1].") {
			t.Errorf("%d: %q, want %q in line 4", i, said, tt.want)
		}
	}
}
