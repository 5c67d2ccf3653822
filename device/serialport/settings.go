package serialport

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"tilld/device"
)

// settings is a parsed serial:// address.
type settings struct {
	node    string          // path to open: "/dev/ttyUSB0", "COM3"; "" when it is to be found
	dev     string          // the same as the kernel names it
	find    device.Identity // serial://usb/…: what to look for
	expect  device.Identity // id=…: what must be there
	baud    int
	data    int
	parity  byte   // N O E M S
	stop    string // "1" "1.5" "2"
	backend string // bugst tarm
	flow    string // none xonxoff rtscts dtrdsr
}

func parse(u *url.URL) (settings, error) {
	s := settings{baud: 9600, data: 8, parity: 'N', stop: "1", backend: "bugst", flow: "none"}
	var err error
	switch {
	case u.Host == "usb":
		if s.find, err = device.ParseIdentity(strings.Trim(u.Path, "/")); err != nil {
			return s, err
		}
	case u.Host == "" && len(u.Path) > 1:
		s.node = u.Path
		if name := strings.TrimPrefix(u.Path, "/"); strings.HasPrefix(strings.ToUpper(name), "COM") {
			s.node = strings.ToUpper(name)
		}
	default:
		return s, fmt.Errorf("%q names no line: write serial:///dev/ttyUSB0 or serial://usb/VID:PID", u.Redacted())
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, err
	}
	for key, values := range q {
		v := values[0]
		switch key {
		case "baud":
			if s.baud, err = strconv.Atoi(v); err != nil || s.baud < 50 || s.baud > 4_000_000 {
				return s, fmt.Errorf("baud is %q, want a speed such as 9600 or 115200", v)
			}
		case "data":
			if s.data, err = strconv.Atoi(v); err != nil || s.data < 5 || s.data > 8 {
				return s, fmt.Errorf("data is %q, want 5 to 8", v)
			}
		case "parity":
			if s.parity = first(v); !strings.ContainsRune("NOEMS", rune(s.parity)) {
				return s, fmt.Errorf("parity is %q, want none, odd, even, mark or space", v)
			}
		case "stop":
			if s.stop = v; v != "1" && v != "1.5" && v != "2" {
				return s, fmt.Errorf("stop is %q, want 1, 1.5 or 2", v)
			}
		case "backend":
			if s.backend = v; v != "bugst" && v != "tarm" {
				return s, fmt.Errorf("backend is %q, want bugst or tarm", v)
			}
		case "flow":
			if s.flow = v; v != "none" && v != "xonxoff" && v != "rtscts" && v != "dtrdsr" {
				return s, fmt.Errorf("flow is %q, want none, xonxoff, rtscts or dtrdsr", v)
			}
		case "id":
			if s.expect, err = device.ParseIdentity(v); err != nil {
				return s, fmt.Errorf("id: %w", err)
			}
		default:
			return s, fmt.Errorf("no setting %q, there are baud, data, parity, stop, backend, flow and id", key)
		}
	}
	if s.backend == "tarm" && (s.parity == 'M' || s.parity == 'S') {
		return s, fmt.Errorf("parity mark or space needs backend bugst: tarm has none")
	}
	if s.backend == "tarm" && s.flow == "dtrdsr" {
		return s, fmt.Errorf("flow dtrdsr needs backend bugst: tarm cannot read modem lines")
	}
	return s, nil
}

func first(s string) byte {
	if s == "" {
		return 0
	}
	return strings.ToUpper(s)[0]
}
