package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

func TestIdentity(t *testing.T) {
	for text, want := range map[string]device.Identity{
		"1a86:7523":    {VID: "1A86", PID: "7523"},
		"0C2E:0901/S1": {VID: "0C2E", PID: "0901", Serial: "S1"},
		"0c2e:0901:S1": {VID: "0C2E", PID: "0901", Serial: "S1"},
		"0c2e:0901/":   {VID: "0C2E", PID: "0901"},
	} {
		got, err := device.ParseIdentity(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := device.ParseIdentity(got.String()); err != nil || again != got {
			t.Errorf("%v does not survive: %+v, %v", got, again, err)
		}
	}
	for _, text := range []string{"", "1a86", "1a86:", "1a8:7523", "1a86:7523x", "xxxx:7523", "+1a8:7523", "1A86:-523"} {
		if got, err := device.ParseIdentity(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
	model, one := device.Identity{VID: "1A86", PID: "7523"}, device.Identity{VID: "1A86", PID: "7523", Serial: "S1"}
	if !model.Matches(one) || one.Matches(model) || model.Matches(device.Identity{VID: "1A86", PID: "55D4"}) {
		t.Error("Matches is wrong")
	}
}

func TestApprovalsSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "devices.json")
	first, second := device.Identity{VID: "1A86", PID: "7523"}, device.Identity{VID: "0C2E", PID: "0901", Serial: "S1"}
	reopen := func() *device.Approvals {
		t.Helper()
		a, err := device.NewApprovals(path)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	check := func(a *device.Approvals, address string, id, want device.Identity) {
		t.Helper()
		if got, err := a.Check("pole-1", address, id); err != nil || got != want {
			t.Errorf("%s with %v: %v, %v, want %v", address, id, got, err, want)
		}
	}
	check(reopen(), "serial:///dev/ttyUSB0", first, first)
	check(reopen(), "serial:///dev/ttyUSB0", second, first)
	check(reopen(), "serial:///dev/ttyUSB0?baud=2400", second, second) // a changed address approves
	check(reopen(), "serial:///dev/ttyUSB0?baud=2400", first, second)
	a := reopen()
	if err := a.Forget("pole-1"); err != nil {
		t.Fatal(err)
	}
	check(reopen(), "serial:///dev/ttyUSB0?baud=2400", first, first)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want mode 0600", st.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedApprovals(t *testing.T) {
	for _, text := range []string{"{", "[]", `{"a": 1}`, strings.Repeat(" ", 2<<20)} {
		path := filepath.Join(t.TempDir(), "devices.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := device.NewApprovals(path)
		if err == nil || a == nil {
			t.Fatalf("%.20q: no error", text)
		}
		id := device.Identity{VID: "1A86", PID: "7523"}
		if got, err := a.Check("pole-1", "serial:///dev/ttyUSB0", id); err != nil || got != id {
			t.Errorf("afterwards: %v, %v", got, err)
		}
		if _, err := os.Stat(path + ".bad"); err != nil {
			t.Errorf("the damaged file is not kept: %v", err)
		}
	}
	if a, err := device.NewApprovals(filepath.Join(t.TempDir(), "no/such/dir/devices.json")); err != nil {
		t.Errorf("no file yet: %v", err)
	} else if _, err := a.Check("p", "serial:///dev/ttyUSB0", device.Identity{VID: "1A86", PID: "7523"}); err == nil {
		t.Error("an approval that cannot be written goes unnoticed")
	}
}

func TestAdviceTravelsInTheError(t *testing.T) {
	err := device.JoinGroup.With("node", "/dev/ttyUSB0", "group", "dialout").
		Fault(fault.Config, "ttyUSB0", "open", &fs.PathError{Op: "open", Path: "/dev/ttyUSB0", Err: fs.ErrPermission})
	wrapped := errors.Join(errors.New("first"), errors.Join(err))
	a, ok := device.AdviceOf(wrapped)
	if !ok || a.Code != "group" || !strings.Contains(a.In(lang.ZH), "dialout") || a.In(lang.EN) != fault.HintOf(err) {
		t.Errorf("advice %+v", a)
	}
	if device.StateOf(err) != device.Denied {
		t.Errorf("state %v, want denied", device.StateOf(err))
	}
	if _, ok := device.AdviceOf(fault.New(fault.Absent, "x", "open", nil)); ok {
		t.Error("advice out of nothing")
	}
}

func TestBoard(t *testing.T) {
	var b device.Board
	var seen []device.Status
	b.Watch(func(s device.Status) { seen = append(seen, s) })
	b.Add(device.Spec{Name: "pole-1", Kind: device.Display, Driver: "cd5220", Address: "serial:///dev/ttyUSB0"})
	trouble := device.PlugIn.Fault(fault.Absent, "pole-1", "open", fs.ErrNotExist)
	for _, err := range []error{trouble, trouble, nil, nil} {
		b.Report("pole-1", err)
	}
	b.Report("nobody", trouble)
	if len(seen) != 2 || seen[0].State != device.Missing || seen[0].Code != "unplugged" || seen[1].State != device.Ready || seen[1].Hint != "" || seen[1].Code != "" {
		t.Errorf("changes %+v, want absent and ready, once each", seen)
	}
	out, err := json.Marshal(b.List())
	if err != nil || strings.Contains(string(out), "Advice") || !strings.Contains(string(out), `"state":"ready"`) {
		t.Errorf("as JSON: %s, %v", out, err)
	}
}

func TestRegistryClosesThePortOfADriverThatFails(t *testing.T) {
	var reg device.Registry[device.Device]
	reg.Add("bad", func(context.Context, device.Port, device.Spec) (device.Device, error) { return nil, fs.ErrInvalid })
	port := new(devtest.Recorder)
	_, err := reg.Open(t.Context(), dials{port}, device.Spec{Name: "x", Driver: "bad", Address: "sim://x"})
	if !errors.Is(err, fs.ErrInvalid) || !port.Closed() {
		t.Errorf("%v, closed: %v", err, port.Closed())
	}
	if _, err := reg.Open(t.Context(), dials{port}, device.Spec{Name: "x", Driver: "bda"}); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "bad") {
		t.Errorf("unknown driver: %v, want one that lists the drivers", err)
	}
}

type dials struct{ p device.Port }

func (d dials) Dial(context.Context, string) (device.Port, error) { return d.p, nil }
