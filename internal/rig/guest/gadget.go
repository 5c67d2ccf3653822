//go:build rig

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const gadgets = "/sys/kernel/config/usb_gadget"

// gadget is a USB device of ours.
type gadget struct {
	t    *T
	dir  string
	udc  string // the socket it is plugged into
	in   bool
	tidy []string // links and folders, in the order in which they go
}

// function is what a gadget can do: its name in configfs and attributes.
type function struct {
	name       string
	attributes map[string]string
}

var acm = function{name: "acm"}

// newGadget makes a USB device and leaves it unplugged. socket counts from 0.
func newGadget(t *T, socket int, vid, pid, serial string, functions ...function) *gadget {
	g := &gadget{t: t, udc: "dummy_udc." + strconv.Itoa(socket)}
	for i := 0; ; i++ {
		g.dir = filepath.Join(gadgets, fmt.Sprintf("g%d", i))
		if err := os.Mkdir(g.dir, 0o755); err == nil {
			break
		} else if !os.IsExist(err) {
			t.Fatalf("%v", err)
		}
	}
	t.Cleanup(g.remove)
	g.mkdir("strings/0x409")
	g.mkdir("configs/c.1")
	g.write("idVendor", "0x"+vid)
	g.write("idProduct", "0x"+pid)
	g.write("bcdUSB", "0x0200")
	g.write("strings/0x409/manufacturer", "Rig")
	g.write("strings/0x409/product", "Gadget "+serial)
	if serial != "" {
		g.write("strings/0x409/serialnumber", serial)
	}
	for i, f := range functions {
		name := fmt.Sprintf("functions/%s.%s%d", f.name, filepath.Base(g.dir), i)
		g.mkdir(name)
		for k, v := range f.attributes {
			g.write(name+"/"+k, v)
		}
		link := filepath.Join(g.dir, "configs/c.1", filepath.Base(name))
		t.ok(os.Symlink(filepath.Join(g.dir, name), link))
		g.tidy = append(g.tidy, link)
	}
	return g
}

func (g *gadget) mkdir(name string) {
	dir := filepath.Join(g.dir, name)
	g.t.ok(os.Mkdir(dir, 0o755))
	g.tidy = append([]string{dir}, g.tidy...)
}

func (g *gadget) write(name, value string) {
	g.t.ok(os.WriteFile(filepath.Join(g.dir, name), []byte(value), 0o644))
}

// plug connects the device; the moment is right after the kernel has seen it.
func (g *gadget) plug() time.Time {
	g.t.ok(os.WriteFile(g.dir+"/UDC", []byte(g.udc), 0o644))
	g.in = true
	return time.Now()
}

// unplug pulls the device's cable.
func (g *gadget) unplug() time.Time {
	at := time.Now()
	g.t.ok(os.WriteFile(g.dir+"/UDC", []byte("\n"), 0o644))
	g.in = false
	return at
}

func (g *gadget) remove() {
	if g.in {
		g.unplug()
	}
	links, folders := []string{}, []string{}
	for _, p := range g.tidy {
		if st, err := os.Lstat(p); err == nil && st.Mode()&os.ModeSymlink != 0 {
			links = append(links, p)
		} else if !strings.HasSuffix(p, "/c.1") {
			folders = append(folders, p)
		}
	}
	for _, p := range append(append(links, g.dir+"/configs/c.1"), append(folders, g.dir)...) {
		if err := os.Remove(p); err != nil {
			g.t.Errorf("%v", err)
		}
	}
}

// far opens the gadget's own end of its n-th function of a kind.
func (g *gadget) far(kind string, n int) *os.File {
	name := fmt.Sprintf("%s/functions/%s.%s%d", g.dir, kind, filepath.Base(g.dir), n)
	var node string
	switch kind {
	case "acm":
		node = "/dev/ttyGS" + g.read(name+"/port_num")
	case "hid":
		node = "/dev/hidg" + minor(g.read(name+"/dev"))
	}
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	g.t.ok(err)
	g.t.Cleanup(func() { f.Close() })
	if kind == "acm" {
		g.t.ok(raw(f))
	}
	return f
}

// near is the node of the kernel's driver for the gadget, "" when there is none:
// of kind "tty", "hidraw" or "event".
func (g *gadget) near(kind string) string {
	usb := "/sys/devices/platform/dummy_hcd." + strings.TrimPrefix(g.udc, "dummy_udc.") + "/usb*/*/*/"
	pattern, folder := usb+"tty/*", "/dev/"
	switch kind {
	case "hidraw":
		pattern = usb + "*/hidraw/*"
	case "event":
		pattern, folder = usb+"*/input/*/event*", "/dev/input/"
	}
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		return ""
	}
	return folder + filepath.Base(list[0])
}

func (g *gadget) read(path string) string {
	b, err := os.ReadFile(path)
	g.t.ok(err)
	return strings.TrimSpace(string(b))
}

func minor(dev string) string {
	_, m, _ := strings.Cut(dev, ":")
	return m
}

// wait asks again and again: for what the kernel tells in no other way.
func (t *T) wait(what string, limit time.Duration, f func() bool) {
	end := time.Now().Add(limit)
	for !f() {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
