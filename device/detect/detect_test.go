//go:build linux

package detect_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"tilld/device"
	"tilld/device/detect"
	"tilld/device/sysfs"
)

// usb is one USB interface as it is in a sysfs fixture.
type usb struct {
	socket, vid, pid, serial, vendor, product string
	subsystem, node                           string
	driver, keys                              string
	hid                                       string // report descriptor
	index                                     string // of a camera's nodes
}

func fixture(t *testing.T, list ...usb) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		if _, err := os.Stat(path); text == "" || err == nil {
			return
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil && !errors.Is(err, os.ErrExist) { // the first of two in a socket
			t.Fatal(err)
		}
	}
	for _, u := range list {
		box := filepath.Join(root, "sys/devices/pci0000:00/usb1", u.socket)
		write(box+"/idVendor", u.vid)
		write(box+"/idProduct", u.pid)
		write(box+"/serial", u.serial)
		write(box+"/manufacturer", u.vendor)
		write(box+"/product", u.product)
		hardware := filepath.Join(box, u.socket+":1.0", u.node)
		write(filepath.Join(box, u.socket+":1.0", "bInterfaceClass"), "ff")
		write(hardware+"/capabilities/key", u.keys)
		write(hardware+"/report_descriptor", u.hid)
		write(hardware+"/made", "yes")
		if u.driver != "" {
			link("../../../../bus/usb/drivers/"+u.driver, hardware+"/driver")
		}
		class := filepath.Join(root, "sys/class", u.subsystem, u.node)
		if u.index != "" {
			hardware = filepath.Dir(hardware) // as the kernel has it: the interface
			write(filepath.Join(class, "index"), u.index)
		}
		link(hardware, class+"/device")
		if socket := strings.TrimPrefix(u.socket, "1-"); u.subsystem == "tty" && u.node != "ttyACM1" {
			link("../../"+u.node, filepath.Join(root, "dev/serial/by-path", "pci-0000:00-usb-0:"+socket+":1.0-port0"))
		}
	}
	// What every machine has and no till wants.
	for name, kind := range map[string]string{"tty0": "", "console": "", "ttyS0": "0", "ttyS1": "4"} {
		write(filepath.Join(root, "sys/class/tty", name, "dev"), "4:0")
		write(filepath.Join(root, "sys/class/tty", name, "type"), kind)
	}
	platform := filepath.Join(root, "sys/devices/platform/serial8250")
	write(platform+"/uevent", "DRIVER=serial8250")
	link(platform, filepath.Join(root, "sys/class/tty/ttyS0/device"))
	link(platform, filepath.Join(root, "sys/class/tty/ttyS1/device"))
	return root
}

const (
	keyboard = "10000 7 ff980000000007ff febeffdff3cfffff fffffffffffffffe"
	mouse    = "1f0000 0 0 0 0"
)

func TestDetect(t *testing.T) {
	root := fixture(t,
		usb{socket: "1-1", vid: "0c2e", pid: "0901", serial: "S/1", vendor: "Honeywell", product: "1950", subsystem: "tty", node: "ttyACM0", driver: "cdc_acm"},
		usb{socket: "1-2", vid: "1a86", pid: "7523", product: "USB Serial", subsystem: "tty", node: "ttyUSB0", driver: "ch341-uart"},
		usb{socket: "1-3", vid: "1a86", pid: "7523", product: "USB Serial", subsystem: "tty", node: "ttyUSB1", driver: "ch341-uart"},
		usb{socket: "1-4", vid: "0416", pid: "5011", vendor: "STMicro", product: "POS80", subsystem: "usbmisc", node: "lp0", driver: "usblp"},
		usb{socket: "1-5", vid: "05e0", pid: "1200", vendor: "Symbol", product: "Bar Code Scanner", subsystem: "input", node: "event5", keys: keyboard},
		usb{socket: "1-6", vid: "046d", pid: "c077", product: "Mouse", subsystem: "input", node: "event6", keys: mouse},
		usb{socket: "1-7", vid: "046d", pid: "0825", product: "Webcam", subsystem: "video4linux", node: "video0"},
		usb{socket: "1-8", vid: "046d", pid: "c31c", product: "Keyboard\x1b[2J", subsystem: "input", node: "event7", keys: keyboard},
		usb{socket: "1-9", vid: "0c2e", pid: "0907", product: "HID scanner", subsystem: "hidraw", node: "hidraw0"},
	)
	card := filepath.Join(root, "sys/devices/pci0000:00/0000:00:02.0")
	for path, text := range map[string]string{card + "/uevent": "DRIVER=i915", filepath.Join(root, "sys/class/graphics/fb0/name"): "i915drmfb", filepath.Join(root, "sys/class/graphics/fbcon/uevent"): ""} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text+"\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(card, filepath.Join(root, "sys/class/graphics/fb0/device")); err != nil {
		t.Fatal(err)
	}
	got, err := detect.Detect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range got {
		lines = append(lines, f.Config)
	}
	want := []string{
		`- {name: scanner-1, kind: scanner, driver: line, address: "serial://usb/0C2E:0901/S%2F1?baud=9600"}   # Honeywell 1950 (Honeywell scanner)`,
		`# - {name: scanner-2, kind: scanner, driver: line, address: "serial:///dev/ttyS1?baud=9600"}   # if this is one: ttyS1, or kind: display, driver: cd5220 for a pole display`,
		`# - {name: scanner-3, kind: scanner, driver: line, address: "serial:///dev/serial/by-path/pci-0000:00-usb-0:2:1.0-port0?baud=9600"}   # if this is one: USB Serial (CH340 serial adapter), or kind: display, driver: cd5220 for a pole display`,
		`# - {name: scanner-4, kind: scanner, driver: line, address: "serial:///dev/serial/by-path/pci-0000:00-usb-0:3:1.0-port0?baud=9600"}   # if this is one: USB Serial (CH340 serial adapter), or kind: display, driver: cd5220 for a pole display`,
		`- {name: printer-1, kind: printer, driver: escpos, address: "usblp://usb/0416:5011"}   # STMicro POS80 (POS58 / POS80 printer)`,
		`# - {name: scanner-5, kind: scanner, driver: hidpos, address: "hidraw://usb/0C2E:0907"}   # if this is one: HID scanner (Honeywell scanner)`,
		`- {name: scanner-6, kind: scanner, driver: wedge, address: "evdev://usb/05E0:1200"}   # Symbol Bar Code Scanner (Zebra / Symbol scanner)`,
		`# - {name: scanner-7, kind: scanner, driver: wedge, address: "evdev://usb/046D:C31C"}   # if this is one: Keyboard[2J`,
		`# - {name: scanner-8, kind: scanner, driver: camera, address: "v4l2://usb/046D:0825"}   # if this is one: Webcam`,
		`# - {name: display-1, kind: display, driver: framebuffer, address: "fb:///dev/fb0"}   # if this is one: i915drmfb`,
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	var list []map[string]any
	if err := yaml.Unmarshal([]byte(strings.Join(lines, "\n")), &list); err != nil || len(list) != 3 {
		t.Errorf("as YAML: %v, %v", list, err)
	}
}

// A composite device is one piece of hardware: its best way in is offered, and
// its address is not ambiguous.
func TestOneEntryForOneDevice(t *testing.T) {
	root := fixture(t,
		usb{socket: "1-1", vid: "0c2e", pid: "0901", subsystem: "tty", node: "ttyACM0"},
		usb{socket: "1-1", vid: "0c2e", pid: "0901", subsystem: "tty", node: "ttyACM1"},
		usb{socket: "1-1", vid: "0c2e", pid: "0901", subsystem: "hidraw", node: "hidraw3"},
	)
	got, err := detect.Detect(t.Context(), root)
	got = slices.DeleteFunc(got, func(f detect.Found) bool { return f.Identity == "" }) // ttyS1 of the fixture
	if err != nil || len(got) != 1 || got[0].Node != "/dev/ttyACM0" || got[0].Address != "serial://usb/0C2E:0901?baud=9600" {
		t.Errorf("%+v, %v", got, err)
	}
	n, err := sysfs.Tree(root).One("tty", device.Identity{VID: "0C2E", PID: "0901"})
	if err != nil || n.Dev != "/dev/ttyACM0" {
		t.Errorf("One = %+v, %v", n, err)
	}
}

func TestNothingThere(t *testing.T) {
	if got, err := detect.Detect(t.Context(), t.TempDir()); err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v, want an empty list", got, err)
	}
}

// A scanner in keyboard mode has a hidraw node as well, and so has one of a maker
// that nobody has heard of: the report descriptor tells what each is.
func TestHIDModes(t *testing.T) {
	const (
		keyboard = "\x05\x01\x09\x06\xa1\x01\x05\x07\x19\xe0\x29\xe7\x81\x02\xc0"
		pos      = "\x05\x8c\x09\x02\xa1\x01\x09\x12\xa1\x02\x85\x02\xc0\xc0"
		keys     = "1000000000007 ff800000000007ff febeffdff3cfffff fffffffffffffffe"
	)
	root := fixture(
		t,
		usb{socket: "1-1", vid: "0c2e", pid: "0201", product: "Scanner", subsystem: "input", node: "event3", keys: keys},
		usb{socket: "1-1", vid: "0c2e", pid: "0201", product: "Scanner", subsystem: "hidraw", node: "hidraw0", hid: keyboard},
		usb{socket: "1-2", vid: "9999", pid: "0001", product: "Noname", subsystem: "hidraw", node: "hidraw1", hid: keyboard + pos},
		usb{socket: "1-3", vid: "9999", pid: "0002", product: "Mouse", subsystem: "hidraw", node: "hidraw2", hid: "\x05\x01\x09\x02\xa1\x01\xc0"},
		usb{socket: "1-4", vid: "0c2e", pid: "0202", product: "Torn", subsystem: "hidraw", node: "hidraw3", hid: "\x05\x8c\x09\x02\xa2"},
	)
	found, err := detect.Detect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		if strings.HasPrefix(f.Node, "/dev/ttyS") {
			continue
		}
		got = append(got, fmt.Sprintf("%s %s %v", f.Driver, f.Address, f.Sure))
	}
	want := []string{"hidpos hidraw://usb/9999:0001 true", "wedge evdev://usb/0C2E:0201 true"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// A camera has a second node, for descriptions; a scanner may have two lines. The
// first one is meant, and ten comes after nine.
func TestFirstNode(t *testing.T) {
	root := fixture(
		t,
		usb{socket: "1-1", vid: "046d", pid: "0825", product: "Webcam", subsystem: "video4linux", node: "video9", index: "0"},
		usb{socket: "1-1", vid: "046d", pid: "0825", product: "Webcam", subsystem: "video4linux", node: "video10", index: "1"},
		usb{socket: "1-2", vid: "0c2e", pid: "0901", product: "Scanner", subsystem: "tty", node: "ttyACM9"},
		usb{socket: "1-2", vid: "0c2e", pid: "0901", product: "Scanner", subsystem: "tty", node: "ttyACM10"},
	)
	for subsystem, want := range map[string]string{"video4linux": "046D:0825 /dev/video9", "tty": "0C2E:0901 /dev/ttyACM9"} {
		name, node, _ := strings.Cut(want, " ")
		id, err := device.ParseIdentity(name)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := sysfs.Tree(root).One(subsystem, id); err != nil || n.Dev != node {
			t.Errorf("%s leads to %s, %v, want %s", id, n.Dev, err, node)
		}
	}
	found, err := detect.Detect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Node == "/dev/video10" || f.Node == "/dev/ttyACM10" {
			t.Errorf("offered: %+v", f)
		}
	}
}
