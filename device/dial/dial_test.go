//go:build linux

package dial_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/dial"
	"tilld/device/nodeport"
	"tilld/display/cd5220"
	"tilld/internal/fault"
	"tilld/scanner"
	"tilld/scanner/line"
)

// plug makes a pty that looks, in the tree below root, like a USB serial
// adapter: sys and dev as the kernel and udev make them.
func plug(t testing.TB, root, name, identity, socket string) *os.File {
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
	id, err := device.ParseIdentity(identity)
	if err != nil {
		t.Fatal(err)
	}
	usb := filepath.Join(root, "sys/devices/usb1", socket)
	port := filepath.Join(usb, socket+":1.0", name)
	must(t, os.MkdirAll(port, 0o755))
	for file, text := range map[string]string{
		usb + "/idVendor": strings.ToLower(id.VID), usb + "/idProduct": strings.ToLower(id.PID), usb + "/serial": id.Serial,
		usb + "/" + socket + ":1.0/bInterfaceClass": "ff",
	} {
		must(t, os.WriteFile(file, []byte(text+"\n"), 0o644))
	}
	class := filepath.Join(root, "sys/class/tty", name)
	must(t, os.MkdirAll(class, 0o755))
	os.Remove(class + "/device")
	must(t, os.Symlink(port, class+"/device"))
	must(t, os.MkdirAll(filepath.Join(root, "dev/serial/by-path"), 0o755))
	os.Remove(filepath.Join(root, "dev", name))
	must(t, os.Symlink(near.Name(), filepath.Join(root, "dev", name)))
	link := filepath.Join(root, "dev/serial/by-path", "pci-usb-"+socket)
	os.Remove(link)
	must(t, os.Symlink("../../"+name, link))
	return far
}

func unplug(t *testing.T, root, name, socket string) {
	t.Helper()
	must(t, os.RemoveAll(filepath.Join(root, "sys/class/tty", name)))
	must(t, os.RemoveAll(filepath.Join(root, "sys/devices/usb1", socket)))
	must(t, os.Remove(filepath.Join(root, "dev", name)))
	must(t, os.Remove(filepath.Join(root, "dev/serial/by-path", "pci-usb-"+socket)))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, d device.Dialer, addr string) device.Port {
	t.Helper()
	p, err := d.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// The pole display of the demo: a serial line carried by github.com/tarm/serial.
func TestPoleDisplayOnASerialLine(t *testing.T) {
	root := t.TempDir()
	far := plug(t, root, "ttyUSB1", "067B:2303", "1-2")
	d := dial.New(dial.Options{Root: root})
	pole, err := cd5220.Open(t.Context(), open(t, d, "serial:///dev/ttyUSB1?baud=9600&backend=tarm"), device.Spec{Name: "pole-1"})
	must(t, err)
	began := time.Now()
	must(t, pole.ShowLines(t.Context(), "Oolong tea", "12.00"))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("ShowLines took %v", took)
	}
	must(t, pole.Close())
	want := "\x0c\x0c\x1b@\x1b*\x04" + "\x1bQAOolong tea          \r\x1bQB12.00               \r" + "\x0c"
	got := make([]byte, len(want))
	far.SetReadDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != want {
		t.Errorf("the display got %q (%v)\nwant %q", got, err, want)
	}
}

// A scanner that is plugged out and in again, in another socket and under
// another number, keeps its name.
func TestScannerIsFoundWhereverItIsPluggedIn(t *testing.T) {
	root := t.TempDir()
	d := dial.New(dial.Options{Root: root})
	const addr = "serial://usb/0c2e:0901/S1?baud=115200"
	if _, err := d.Dial(t.Context(), addr); fault.KindOf(err) != fault.Absent {
		t.Errorf("nothing plugged in: %v, want kind absent", err)
	}
	plug(t, root, "ttyUSB0", "1A86:7523", "1-1")
	for i, place := range []struct{ name, socket string }{{"ttyACM0", "1-3"}, {"ttyACM7", "1-4"}} {
		far := plug(t, root, place.name, "0C2E:0901/S1", place.socket)
		s, err := line.Open(t.Context(), open(t, d, addr), device.Spec{Name: "scanner-1"})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		got, ended := make(chan scanner.Scan), make(chan error, 1)
		go func() { ended <- s.Run(ctx, func(sc scanner.Scan) { got <- sc }) }()
		far.WriteString("6901234567892\r")
		select {
		case sc := <-got:
			if string(sc.Data) != "6901234567892" || sc.Device != "scanner-1" {
				t.Errorf("scan %d is %+v", i, sc)
			}
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(60 * time.Second):
			t.Fatal("no scan")
		}
		far.Close()
		if err := <-ended; fault.KindOf(err) != fault.Absent {
			t.Errorf("unplugged: %v, want kind absent", err)
		}
		cancel()
		s.Close()
		unplug(t, root, place.name, place.socket)
	}
}

func TestTwoOfOneModel(t *testing.T) {
	root := t.TempDir()
	d := dial.New(dial.Options{Root: root})
	plug(t, root, "ttyUSB0", "1A86:7523", "1-1")
	plug(t, root, "ttyUSB1", "1A86:7523", "1-2")
	_, err := d.Dial(t.Context(), "serial://usb/1A86:7523")
	if fault.KindOf(err) != fault.Config || !strings.Contains(fault.HintOf(err), "/dev/serial/by-path/pci-usb-1-2") {
		t.Errorf("%v, hint %q, want one that names the sockets", err, fault.HintOf(err))
	}
	p := open(t, d, "serial:///dev/serial/by-path/pci-usb-1-2")
	if id, ok := device.As[device.Identified](p); !ok || id.Identity().String() != "1A86:7523" {
		t.Errorf("identity is %v", id)
	}
}

// A keyboard that calls itself a scanner, or the neighbour's scanner, is not
// taken for ours because it sits in the same socket.
func TestOtherDeviceInTheSocket(t *testing.T) {
	root := t.TempDir()
	d := dial.New(dial.Options{Root: root})
	plug(t, root, "ttyUSB0", "1A86:7523", "1-1")
	_, err := d.Dial(t.Context(), "serial:///dev/serial/by-path/pci-usb-1-1?id=0C2E:0901")
	if device.StateOf(err) != device.Faulty || !strings.Contains(fault.HintOf(err), "id=1A86:7523") {
		t.Errorf("%v, hint %q, want faulty and how to approve it", err, fault.HintOf(err))
	}
	open(t, d, "serial:///dev/serial/by-path/pci-usb-1-1?id=1a86:7523").Close()
}

func TestSchemes(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	dir := t.TempDir()
	d := dial.New(dial.Options{Sim: func(_ context.Context, name string) (device.Port, error) {
		if name != "pole" {
			return nil, fault.New(fault.Absent, name, "dial", errors.New("no such simulator"))
		}
		return near, nil
	}})
	open(t, d, "sim://pole")
	open(t, d, "file://"+dir+"/receipts.bin").Write([]byte("receipt"))
	if b, err := os.ReadFile(dir + "/receipts.bin"); err != nil || string(b) != "receipt" {
		t.Errorf("file holds %q, %v", b, err)
	}
	frames := open(t, d, "file://"+dir)
	if p, ok := device.As[nodeport.Pather](frames); !ok || p.Path() != dir {
		t.Errorf("path is %v", p)
	}
	for addr, want := range map[string]fault.Kind{
		"sim://printer":           fault.Absent,
		"usblp:///dev/usb/lp99":   fault.Absent,
		"usblp://usb/FFFF:FFFF":   fault.Absent,
		"evdev://usb/FFFF:FFFF":   fault.Absent,
		"hidraw://usb/FFFF:FFFF":  fault.Absent,
		"v4l2:///dev/video99":     fault.Absent,
		"v4l2://usb/webcam":       fault.Config,
		"usblp:///dev/usb/lp0?x=": fault.Config,
		"file://relative/path":    fault.Config,
		"bluetooth://00:11:22":    fault.Config,
		"ttyUSB0":                 fault.Config,
		"":                        fault.Config,
		"://":                     fault.Config,
	} {
		if _, err := d.Dial(t.Context(), addr); fault.KindOf(err) != want {
			t.Errorf("%q: %v, want kind %v", addr, err, want)
		}
	}
	if _, err := dial.New(dial.Options{}).Dial(t.Context(), "sim://pole"); fault.KindOf(err) != fault.Config {
		t.Errorf("no simulators: %v, want kind config", err)
	}
}
