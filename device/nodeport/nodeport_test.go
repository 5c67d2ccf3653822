//go:build linux

package nodeport_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/device/nodeport"
	"tilld/internal/fault"
)

// plug makes a pty, the one character device that can be made without
// hardware, look like a node of another subsystem below root.
func plug(t *testing.T, root, subsystem, folder, name, identity, keys string) *os.File {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	tio, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	if err := unix.IoctlSetTermios(int(near.Fd()), unix.TCSETS, tio); err != nil {
		t.Fatal(err)
	}
	near.Close()
	t.Cleanup(func() { far.Close() })
	vid, pid, _ := strings.Cut(identity, ":")
	hardware := filepath.Join(root, "sys/devices/usb1/1-1/1-1:1.0", name)
	for path, text := range map[string]string{
		"sys/devices/usb1/1-1/idVendor": vid, "sys/devices/usb1/1-1/idProduct": pid,
		"sys/devices/usb1/1-1/1-1:1.0/bInterfaceClass": "03", "sys/devices/usb1/1-1/1-1:1.0/" + name + "/capabilities/key": keys,
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"sys/class/" + subsystem + "/" + name + "/device": hardware, folder + "/" + name: near.Name(),
	} {
		link = filepath.Join(root, link)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	return far
}

func open(t *testing.T, o *nodeport.Opener, addr string) (device.Port, error) {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Open(t.Context(), u)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

func TestNodeIsAPort(t *testing.T) {
	devtest.Port(t, func(t *testing.T) devtest.Pair {
		root := t.TempDir()
		far := plug(t, root, "usbmisc", "dev/usb", "lp0", "04b8:0202", "")
		near, err := open(t, nodeport.New(root, "usbmisc"), "usblp:///dev/usb/lp0")
		if err != nil {
			t.Fatal(err)
		}
		return devtest.Pair{Near: near, Far: far, Unplug: func() { far.Close() }}
	})
}

func TestFileIsAPort(t *testing.T) {
	u := &url.URL{Scheme: "file", Path: filepath.Join(t.TempDir(), "receipts.bin")}
	p, err := nodeport.OpenFile(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	p.SetDeadline(time.Unix(1, 0))
	if n, err := p.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	if n, err := p.Write([]byte("late")); n != 0 || err == nil {
		t.Errorf("Write past the deadline = %d, %v", n, err)
	}
	p.SetDeadline(time.Time{})
	done := make(chan error, 1)
	go func() { _, err := p.Read(make([]byte, 1)); done <- err }()
	if n, err := p.Write([]byte("receipt")); n != 7 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := <-done; err == nil {
		t.Error("Close does not end a read")
	}
	if b, err := os.ReadFile(u.Path); err != nil || string(b) != "receipt" {
		t.Errorf("file holds %q, %v", b, err)
	}
}

func TestFindsTheKeyboardOfAScanner(t *testing.T) {
	root := t.TempDir()
	plug(t, root, "input", "dev/input", "event3", "0c2e:0901", "1f0000 0 0 0 0")
	plug(t, root, "input", "dev/input", "event4", "0c2e:0901", "ff 1ffffffffffffffe")
	p, err := open(t, nodeport.New(root, "input"), "evdev://usb/0C2E:0901")
	if err != nil {
		t.Fatal(err)
	}
	if path := p.(nodeport.Pather).Path(); filepath.Base(path) != "event4" {
		t.Errorf("opened %s, want the node with keys", path)
	}
	if id := p.(device.Identified).Identity(); id.String() != "0C2E:0901" {
		t.Errorf("identity %v", id)
	}
	if _, ok := p.(syscall.Conn); !ok {
		t.Error("no ioctls on this port")
	}
	if err := p.(device.Prober).Alive(); err != nil {
		t.Errorf("Alive = %v", err)
	}
}

func TestUnpluggedIsNoticedWithoutTraffic(t *testing.T) {
	root := t.TempDir()
	far := plug(t, root, "hidraw", "dev", "hidraw0", "0c2e:0907", "")
	p, err := open(t, nodeport.New(root, "hidraw"), "hidraw://usb/0C2E:0907")
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	for end := time.Now().Add(60 * time.Second); p.(device.Prober).Alive() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still alive")
		}
	}
	p.Close()
	if err := p.(device.Prober).Alive(); err != nil {
		t.Errorf("after Close: %v, want nil: that is no unplugging", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	root := t.TempDir()
	plug(t, root, "hidraw", "dev", "hidraw0", "0c2e:0907", "")
	if err := os.WriteFile(root+"/dev/regular", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]struct {
		kind fault.Kind
		code string
	}{
		"hidraw:///dev/hidraw9":              {fault.Absent, "unplugged"},
		"hidraw://usb/0C2E:0001":             {fault.Absent, "unplugged"},
		"hidraw:///dev/regular":              {fault.Config, "wrong_address"},
		"hidraw:///dev/hidraw0?id=05E0:0001": {fault.Config, "other_device"},
		"hidraw:///dev/hidraw0?id=0c2e:0907": {},
		"hidraw:///dev/hidraw0?id=x":         {fault.Config, "wrong_address"},
		"hidraw://hidraw0":                   {fault.Config, "wrong_address"},
	} {
		_, err := open(t, nodeport.New(root, "hidraw"), addr)
		advice, _ := device.AdviceOf(err)
		if fault.KindOf(err) != want.kind || advice.Code != want.code {
			t.Errorf("%s: %v (advice %q), want %v, %q", addr, err, advice.Code, want.kind, want.code)
		}
	}
}

// A node that is there and is no scanner or printer is a wrong address, not an
// unplugged device; framebuffers have nothing to wait for either.
func TestOtherKindOfNode(t *testing.T) {
	for _, subsystem := range []string{"usbmisc", "input", "hidraw", "video4linux", "graphics"} {
		p, err := nodeport.New("", subsystem).Open(t.Context(), &url.URL{Scheme: "x", Path: "/dev/null"})
		if subsystem == "graphics" {
			if err != nil {
				t.Errorf("%s: %v", subsystem, err)
			} else {
				p.Close()
			}
			continue
		}
		advice, _ := device.AdviceOf(err)
		if fault.KindOf(err) != fault.Config || advice.Code != "wrong_address" || !strings.Contains(fault.HintOf(err), "a device of another kind") {
			t.Errorf("%s: %v, %+v", subsystem, err, advice)
		}
	}
}
