package serialport

import (
	"errors"
	"testing"

	"tilld/device"
	"tilld/device/sysfs"
)

// On systems that name their ports in a list, a device is found by what it is, and
// one that goes, or whose name another device takes, is gone. A port that is open
// without being in the list (virtual ones are not) is not.
func TestListing(t *testing.T) {
	scanner, printer := device.Identity{VID: "0C2E", PID: "0901", Serial: "SN1"}, device.Identity{VID: "04B8", PID: "0202", Serial: "P"}
	var (
		ports  []sysfs.Node
		broken error
	)
	list := listing(func() ([]sysfs.Node, error) { return ports, broken })
	ports = []sysfs.Node{{Name: "COM1"}, {Name: "COM5", Identity: scanner}}
	if name, err := list.locate(device.Identity{VID: "0C2E", PID: "0901"}); name != "COM5" || err != nil {
		t.Errorf("found %q, %v", name, err)
	}
	if n, ok, err := list.lookup("com5"); n.Identity != scanner || !ok || err != nil {
		t.Errorf("looked up %v, %v, %v", n, ok, err)
	}
	if list.watch("CNCA0") != nil {
		t.Error("a port that is not listed is watched")
	}
	gone := list.watch("COM5")
	if err := gone(); err != nil {
		t.Errorf("a port that is there: %v", err)
	}
	broken = errors.New("not now")
	if err := gone(); err != nil {
		t.Errorf("while nothing can be told: %v", err)
	}
	broken, ports = nil, []sysfs.Node{{Name: "COM1"}, {Name: "COM5", Identity: printer}}
	if err := gone(); !errors.Is(err, errGone) {
		t.Errorf("another device took the name: %v", err)
	}
	ports = ports[:1]
	if err := gone(); !errors.Is(err, errGone) {
		t.Errorf("unplugged: %v", err)
	}
	var none *sysfs.NotOneError
	if _, err := list.locate(scanner); !errors.As(err, &none) || len(none.Choices) != 0 {
		t.Errorf("unplugged, and found: %v", err)
	}
	ports = []sysfs.Node{{Name: "COM5", Identity: scanner}, {Name: "COM6", Identity: scanner}}
	if _, err := list.locate(scanner); !errors.As(err, &none) || len(none.Choices) != 2 {
		t.Errorf("two of them: %v", err)
	}
}
