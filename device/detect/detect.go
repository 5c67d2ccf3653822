// Package detect lists what is plugged in and writes the configuration lines
// for it. It opens nothing: opening a serial line can reset what is on it.
package detect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tilld/device"
	"tilld/device/sysfs"
)

// Found is one piece of hardware that a till could use.
type Found struct {
	Kind     device.Kind `json:"kind"`     // best guess
	Driver   string      `json:"driver"`   // best guess
	Sure     bool        `json:"sure"`     // the guess follows from what the hardware says
	Name     string      `json:"name"`     // for people: "Honeywell scanner"
	Identity string      `json:"identity"` // "0C2E:0901/S1"; "" when not USB
	Node     string      `json:"node"`     // "/dev/ttyACM0"
	Address  string      `json:"address"`  // stable address for the configuration
	Config   string      `json:"config"`   // a line for the list of devices in the YAML file
}

// guess fills kind, driver and scheme of a node; ok is false for hardware that
// no driver is for.
func guess(n sysfs.Node) (f Found, scheme string, ok bool) {
	m, known := modelOf(n.Identity)
	f = Found{
		Kind: m.kind, Driver: m.driver, Sure: m.sure, Identity: n.Identity.String(), Node: n.Dev,
		Name: cmp.Or(strings.TrimSpace(n.Vendor+" "+n.Product), m.name, n.Name),
	}
	if known && m.name != "" && !strings.Contains(f.Name, m.name) {
		f.Name += " (" + m.name + ")"
	}
	switch n.Subsystem {
	case "tty":
		scheme = "serial"
		if f.Kind == "" {
			f.Kind = device.Scanner
		}
		if f.Kind == device.Scanner {
			f.Driver = "line"
		}
	case "usbmisc":
		scheme, f.Kind, f.Driver, f.Sure = "usblp", device.Printer, cmp.Or(f.Driver, "escpos"), n.Driver == "usblp"
		if n.Driver != "usblp" {
			return f, scheme, false
		}
	case "hidraw":
		scheme = "hidraw"
		if !n.POS && (n.HID || f.Kind != device.Scanner) {
			return f, scheme, false // a mouse, a keyboard, a touch screen, a scanner in another mode
		}
		f.Kind, f.Driver, f.Sure = device.Scanner, "hidpos", n.POS // without its descriptor the mode is not known
	case "input":
		scheme = "evdev"
		if !n.Keyboard || n.Identity.IsZero() {
			return f, scheme, false
		}
		f.Sure = f.Kind == device.Scanner
		f.Kind, f.Driver = device.Scanner, "wedge"
	case "video4linux":
		scheme, f.Kind, f.Driver, f.Sure = "v4l2", device.Scanner, "camera", false
	case "graphics":
		scheme, f.Kind, f.Driver, f.Sure = "fb", device.Display, "framebuffer", false // a desktop may be drawing there
	default:
		return f, "", false
	}
	return f, scheme, true
}

// rank orders the nodes of one piece of hardware: the way that carries most is
// offered, the others are not.
var rank = []string{"tty", "usbmisc", "hidraw", "input", "video4linux", "graphics"}

// arrange makes the list of what was found: one entry for each piece of
// hardware, named and with its configuration line.
func arrange(nodes []sysfs.Node) []Found {
	slices.SortStableFunc(nodes, func(a, b sysfs.Node) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Subsystem), slices.Index(rank, b.Subsystem)), sysfs.Compare(a, b))
	})
	count := make(map[device.Identity]int) // pieces of hardware of one identity
	first := make(map[string]bool)
	var kept []sysfs.Node
	for _, n := range nodes {
		if _, _, ok := guess(n); !ok {
			continue
		}
		box, _, _ := strings.Cut(n.Socket, ":")
		if box != "" && first[box] {
			continue
		}
		first[box] = true
		count[n.Identity]++
		kept = append(kept, n)
	}
	numbers := make(map[device.Kind]int)
	out := []Found{}
	for _, n := range kept {
		f, scheme, _ := guess(n)
		f.Address = address(n, scheme, count[n.Identity] == 1)
		numbers[f.Kind]++
		f.Config = line(f, numbers[f.Kind])
		out = append(out, f)
	}
	return out
}

// address is the one that survives replugging: by identity where that is
// unique, else by socket.
func address(n sysfs.Node, scheme string, unique bool) string {
	query := ""
	if scheme == "serial" {
		query = "?baud=9600"
	}
	if n.Identity.IsZero() || !unique {
		return scheme + "://" + n.Stable() + query
	}
	a := scheme + "://usb/" + n.Identity.VID + ":" + n.Identity.PID
	if n.Identity.Serial != "" {
		a += "/" + url.PathEscape(n.Identity.Serial)
	}
	return a + query
}

func line(f Found, number int) string {
	text := fmt.Sprintf("- {name: %s-%d, kind: %s, driver: %s, address: %s}", f.Kind, number, f.Kind, f.Driver, quote(f.Address))
	name := strings.Join(strings.Fields(f.Name), " ")
	if f.Sure {
		return text + "   # " + name
	}
	hint := ""
	if f.Kind == device.Scanner && f.Driver == "line" {
		hint = ", or kind: display, driver: cd5220 for a pole display"
	}
	return "# " + text + "   # if this is one: " + name + hint
}

// quote writes a YAML double-quoted string; JSON's are the same.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
