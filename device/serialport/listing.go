package serialport

import (
	"strings"

	"tilld/device"
	"tilld/device/sysfs"
)

// listing names the serial ports that the system knows, where there is no tree of
// hardware to look at.
type listing func() ([]sysfs.Node, error)

// locate finds the name of the one port that a serial://usb/… address means.
func (l listing) locate(want device.Identity) (string, error) {
	nodes, err := l()
	if err != nil {
		return "", err
	}
	var found []string
	for _, n := range nodes {
		if want.Matches(n.Identity) {
			found = append(found, n.Name)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return "", &sysfs.NotOneError{Want: want, Choices: found}
}

// lookup returns the port of a name; ok is false when the system does not list
// it, err when that cannot be told.
func (l listing) lookup(name string) (n sysfs.Node, ok bool, err error) {
	nodes, err := l()
	for _, n := range nodes {
		if strings.EqualFold(n.Name, name) {
			return n, true, err
		}
	}
	return sysfs.Node{}, false, err
}

// watch returns what tells that a port which is open is gone: it is listed no
// more, or the name is another device's. A system's own errors after an
// unplugging come late or not at all. nil for a port that is open without being
// listed, as virtual ones are: nothing can be told of it.
func (l listing) watch(name string) func() error {
	was, ok, _ := l.lookup(name)
	if !ok {
		return nil
	}
	return func() error {
		is, ok, err := l.lookup(name)
		if err != nil || ok && is.Identity == was.Identity {
			return nil // of an error: reading and writing will tell
		}
		return errGone
	}
}
