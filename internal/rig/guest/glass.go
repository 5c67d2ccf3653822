//go:build rig

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// glass asks the host what a monitor shows; text "" is darkness.
func glass(id, text string) error {
	hostMu.Lock()
	defer hostMu.Unlock()
	fmt.Fprintf(host, "GLASS %s %s\n", id, text)
	answer, err := answers.ReadString('\n')
	if err != nil {
		return err
	}
	if answer = strings.TrimSpace(answer); answer != "OK" {
		return errors.New(answer)
	}
	return nil
}

func (t *T) shows(id, text string) {
	var err error
	end := time.Now().Add(30 * time.Second)
	for time.Now().Before(end) {
		if err = glass(id, text); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("%s: %v", id, err)
}

// checkGlass draws on two monitors of real controllers, of 32 and of 16 bits: the
// host reads the code off them. What is written to the text console does not show,
// and a stop leaves them dark.
func checkGlass(t *T) {
	a := start(t, `  - {name: panel-1, kind: display, driver: framebuffer, address: "fb:///dev/fb0"}
  - {name: panel-2, kind: display, driver: framebuffer, address: "fb:///dev/fb1"}
`)
	for _, n := range []string{"0", "1"} {
		bits, err := os.ReadFile("/sys/class/graphics/fb" + n + "/bits_per_pixel")
		t.ok(err)
		size, err := os.ReadFile("/sys/class/graphics/fb" + n + "/virtual_size")
		t.ok(err)
		name, err := os.ReadFile("/sys/class/graphics/fb" + n + "/name")
		t.ok(err)
		t.Figure("fb%s: %s, %s, %s bits", n, strings.TrimSpace(string(name)), strings.TrimSpace(string(size)), strings.TrimSpace(string(bits)))
	}
	a.is("panel-1", "ready", 30*time.Second)
	a.is("panel-2", "ready", 30*time.Second)
	show := func(url string) {
		scene := map[string]any{"kind": "offers", "language": "en", "currency": "CNY", "offers": []any{map[string]any{"id": "1", "title": "Tea", "url": url}}}
		if code := a.call("PUT", "/v1/screen", map[string]any{"scene": scene}, nil); code != 200 {
			t.Fatalf("the scene: %d", code)
		}
	}
	for _, url := range []string{"https://acme.example/o/1", "https://acme.example/o/2?of=the+second+picture"} {
		show(url)
		t.shows("glass0", url)
		t.shows("glass1", url)
	}
	tty, err := os.OpenFile("/dev/tty0", os.O_WRONLY, 0)
	t.ok(err)
	for range 200 {
		fmt.Fprintln(tty, strings.Repeat("what the kernel says ", 6))
	}
	tty.Close()
	t.shows("glass0", "https://acme.example/o/2?of=the+second+picture")
	t.shows("glass1", "https://acme.example/o/2?of=the+second+picture")
	a.stop()
	t.shows("glass0", "")
	t.shows("glass1", "")
}
