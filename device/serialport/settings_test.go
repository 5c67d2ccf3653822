package serialport

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tilld/device"
	"tilld/internal/fault"
)

func TestParse(t *testing.T) {
	base := settings{node: "/dev/ttyUSB0", baud: 9600, data: 8, parity: 'N', stop: "1", backend: "bugst", flow: "none"}
	with := func(f func(*settings)) settings { s := base; f(&s); return s }
	for addr, want := range map[string]settings{
		"serial:///dev/ttyUSB0": base,
		"serial:///dev/ttyUSB0?baud=115200&data=7&parity=even&stop=2&backend=tarm&flow=xonxoff": with(func(s *settings) {
			s.baud, s.data, s.parity, s.stop, s.backend, s.flow = 115200, 7, 'E', "2", "tarm", "xonxoff"
		}),
		"serial:///dev/ttyUSB0?id=1a86:7523": with(func(s *settings) { s.expect = device.Identity{VID: "1A86", PID: "7523"} }),
		"serial:///COM3":                     with(func(s *settings) { s.node = "COM3" }),
		"serial://usb/0c2e:0901/S%2F1?baud=50": with(func(s *settings) {
			s.node, s.find, s.baud = "", device.Identity{VID: "0C2E", PID: "0901", Serial: "S/1"}, 50
		}),
	} {
		u, err := url.Parse(addr)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parse(u); err != nil || got != want {
			t.Errorf("%s: %+v, %v\n want %+v", addr, got, err, want)
		}
	}
}

// A typo is an error that names the key, never the default.
func TestParseRefuses(t *testing.T) {
	for addr, word := range map[string]string{
		"serial:///dev/ttyUSB0?bauds=9600":               "bauds",
		"serial:///dev/ttyUSB0?baud=fast":                "baud",
		"serial:///dev/ttyUSB0?baud=0":                   "baud",
		"serial:///dev/ttyUSB0?data=9":                   "data",
		"serial:///dev/ttyUSB0?parity=x":                 "parity",
		"serial:///dev/ttyUSB0?parity=":                  "parity",
		"serial:///dev/ttyUSB0?stop=3":                   "stop",
		"serial:///dev/ttyUSB0?backend=cgo":              "backend",
		"serial:///dev/ttyUSB0?flow=yes":                 "flow",
		"serial:///dev/ttyUSB0?backend=tarm&flow=dtrdsr": "dtrdsr",
		"serial:///dev/ttyUSB0?id=7523":                  "id",
		"serial://ttyUSB0":                               "line",
		"serial://usb/ch340":                             "VID:PID",
		"serial:///":                                     "line",
	} {
		u, err := url.Parse(addr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New("").Open(context.Background(), u)
		if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want kind config and the word %q", addr, err, word)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	regular := filepath.Join(dir, "regular")
	if err := os.WriteFile(regular, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]struct {
		kind fault.Kind
		code string
	}{
		"serial://" + dir + "/ttyNONE":    {fault.Absent, "unplugged"},
		"serial://" + regular:             {fault.Config, "wrong_address"},
		"serial:///dev/null":              {fault.Config, "wrong_address"},
		"serial:///dev/null?backend=tarm": {fault.Config, "wrong_address"},
		"serial://usb/FFFF:FFFF":          {fault.Absent, "unplugged"},
	} {
		u, _ := url.Parse(addr)
		_, err := New("").Open(t.Context(), u)
		advice, _ := device.AdviceOf(err)
		if fault.KindOf(err) != want.kind || advice.Code != want.code {
			t.Errorf("%s: %v (advice %q), want %v, %q", addr, err, advice.Code, want.kind, want.code)
		}
	}
}

func TestPermissionNamesTheGroup(t *testing.T) {
	err := explain("serial:///dev/ttyUSB0", settings{node: "/dev/ttyUSB0"}, &fs.PathError{Op: "open", Path: "/dev/ttyUSB0", Err: fs.ErrPermission})
	if device.StateOf(err) != device.Denied || !strings.Contains(fault.HintOf(err), "dialout") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, state %v, hint %q", err, device.StateOf(err), fault.HintOf(err))
	}
}
