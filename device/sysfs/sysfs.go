// Package sysfs reads from Linux's /sys and /dev which hardware is behind a
// device node, and which nodes a piece of hardware has, without opening any of
// them: opening a serial line can reset what is on it.
package sysfs

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tilld/device"
)

// Node is one device node with what the kernel knows about its hardware.
type Node struct {
	Subsystem string // "tty", "usbmisc", "input", "hidraw", "video4linux", "graphics"
	Name      string // "ttyUSB0"
	Dev       string // "/dev/ttyUSB0"
	Identity  device.Identity
	Vendor    string // for people
	Product   string // for people
	Socket    string // place of the USB interface: "1-1.4:1.0"; "" when not USB
	Class     string // bInterfaceClass of the USB interface: "ff", "02", "07", "03"
	Driver    string // kernel driver: "ch341-uart", "cdc_acm", "usblp"
	Keyboard  bool   // of an input node: it has the keys 1 and Enter
	HID       bool   // of a hidraw node: what it is was read from its report descriptor
	POS       bool   // of a hidraw node: a bar code scanner in HID POS mode
	ByID      string // "/dev/serial/by-id/…", "" when there is none
	ByPath    string // "/dev/serial/by-path/…"
}

// Tree is a file system root under which sys and dev lie; "" is the real one.
type Tree string

// Path is where a path of the real root lies in this tree.
func (t Tree) Path(p string) string { return t.path(p) }

func (t Tree) path(elem ...string) string {
	return filepath.Join(append([]string{"/", string(t)}, elem...)...)
}

// links are the folders of stable names for each subsystem.
var links = map[string][2]string{
	"tty":         {"dev/serial/by-id", "dev/serial/by-path"},
	"input":       {"dev/input/by-id", "dev/input/by-path"},
	"video4linux": {"dev/v4l/by-id", "dev/v4l/by-path"},
}

// folders of /dev in which the nodes of a subsystem lie.
var folders = map[string]string{"usbmisc": "dev/usb", "input": "dev/input"}

// List returns the nodes of a subsystem that belong to real hardware, in order
// of number: ttyACM9, ttyACM10. A subsystem that the kernel does not have is an empty list.
func (t Tree) List(subsystem string) ([]Node, error) {
	entries, err := os.ReadDir(t.path("sys/class", subsystem))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var nodes []Node
	byID, byPath := t.names(links[subsystem][0]), t.names(links[subsystem][1])
	for _, e := range entries {
		n, ok := t.node(subsystem, e.Name())
		if index := read(t.path("sys/class", subsystem, e.Name()), "index"); !ok || index != "" && index != "0" {
			continue // of a camera's nodes the first has the pictures
		}
		n.ByID, n.ByPath = byID[n.Name], byPath[n.Name]
		nodes = append(nodes, n)
	}
	slices.SortStableFunc(nodes, Compare)
	return nodes, nil
}

// Compare orders nodes by number.
func Compare(a, b Node) int {
	stem := func(n Node) string { return strings.TrimRight(n.Dev, "0123456789") }
	return cmp.Or(cmp.Compare(stem(a), stem(b)), cmp.Compare(len(a.Dev), len(b.Dev)), cmp.Compare(a.Dev, b.Dev))
}

// Find returns the nodes of a subsystem whose hardware matches want.
func (t Tree) Find(subsystem string, want device.Identity) ([]Node, error) {
	nodes, err := t.List(subsystem)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(nodes, func(n Node) bool { return !want.Matches(n.Identity) }), nil
}

// Lookup describes the node behind a path in /dev, which may be a symbolic
// link; false when nothing is known about it.
func (t Tree) Lookup(subsystem, dev string) (Node, bool) {
	name := t.path(dev)
	for range 8 { // by-id and the like are one step; more is a loop
		if n, ok := t.node(subsystem, filepath.Base(name)); ok {
			return n, true
		}
		target, err := os.Readlink(name)
		if err != nil {
			return Node{}, false
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(name), target)
		}
		name = target
	}
	return Node{}, false
}

// node reads one entry of /sys/class. Entries without hardware behind them
// (consoles, ptys, unused 8250 ports) are not nodes.
func (t Tree) node(subsystem, name string) (Node, bool) {
	class := t.path("sys/class", subsystem, name)
	hardware, err := filepath.EvalSymlinks(filepath.Join(class, "device"))
	if err != nil {
		return Node{}, false
	}
	if subsystem == "input" && !strings.HasPrefix(name, "event") {
		return Node{}, false
	}
	if port := read(class, "type"); subsystem == "tty" && port == "0" {
		return Node{}, false // PORT_UNKNOWN: a ttyS without a chip
	}
	folder := folders[subsystem]
	if folder == "" {
		folder = "dev"
	}
	n := Node{Subsystem: subsystem, Name: name, Dev: path.Join("/", folder, name), Driver: base(filepath.Join(hardware, "driver"))}
	if subsystem == "graphics" {
		n.Product = read(class, "name") // of the kernel's driver: "i915drmfb"
	}
	if subsystem == "input" {
		n.Keyboard = hasKeys(read(hardware, "capabilities/key"), 2, 28)
	}
	if subsystem == "hidraw" {
		desc, err := os.ReadFile(filepath.Join(hardware, "report_descriptor"))
		n.HID, n.POS = err == nil, barCodeScanner(desc)
	}
	stop := t.path("sys")
	for dir := hardware; len(dir) > len(stop); dir = filepath.Dir(dir) {
		if n.Socket == "" {
			if c := read(dir, "bInterfaceClass"); c != "" {
				n.Socket, n.Class = filepath.Base(dir), c
			}
		}
		if vid := read(dir, "idVendor"); vid != "" {
			n.Identity = device.Identity{
				VID: strings.ToUpper(vid), PID: strings.ToUpper(read(dir, "idProduct")), Serial: read(dir, "serial"),
			}
			n.Vendor, n.Product = read(dir, "manufacturer"), read(dir, "product")
			break
		}
	}
	return n, true
}

// hasKeys reports whether all key codes (below 64) are in the kernel's bitmap:
// hexadecimal words, lowest last.
func hasKeys(bitmap string, codes ...uint) bool {
	words := strings.Fields(bitmap)
	if len(words) == 0 {
		return false
	}
	low, err := strconv.ParseUint(words[len(words)-1], 16, 64)
	if err != nil {
		return false
	}
	for _, c := range codes {
		if low&(1<<c) == 0 {
			return false
		}
	}
	return true
}

// names maps node names to the links that point at them.
func (t Tree) names(folder string) map[string]string {
	out := make(map[string]string)
	if folder == "" {
		return out
	}
	entries, err := os.ReadDir(t.path(folder))
	if err != nil {
		return out // no udev, or nothing plugged in
	}
	for _, e := range entries {
		target, err := os.Readlink(t.path(folder, e.Name()))
		if err == nil && out[filepath.Base(target)] == "" {
			out[filepath.Base(target)] = path.Join("/", folder, e.Name())
		}
	}
	return out
}

// read returns a one-line attribute without its line end and without control
// characters: the strings are the USB device's own and prove nothing.
func read(dir, attribute string) string {
	b, err := os.ReadFile(filepath.Join(dir, attribute))
	if err != nil || len(b) > 4096 {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, string(b)))
}

func base(link string) string {
	target, err := os.Readlink(link)
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}
