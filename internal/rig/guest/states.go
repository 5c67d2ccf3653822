//go:build rig

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Users and groups of /etc/passwd and /etc/group.
const (
	nobody = 65534
	tilld  = 990
)

// checkUdev starts udev, as on an installed system; it runs from here on.
func checkUdev(t *T) {
	t.ok(os.MkdirAll("/run/udev", 0o755))
	log, err := os.Create("/run/udev.log")
	t.ok(err)
	daemon := exec.Command("/bin/systemd-udevd")
	daemon.Stdout, daemon.Stderr = log, log
	t.ok(daemon.Start())
	t.wait("udev listens", 60*time.Second, func() bool { return exists("/run/udev/control") })
	b, err := exec.Command("/bin/udevadm", "trigger", "--action=add").CombinedOutput()
	if err != nil {
		t.Fatalf("udevadm: %v %s", err, b)
	}
	if b, err := exec.Command("/bin/udevadm", "settle", "--timeout=60").CombinedOutput(); err != nil {
		t.Errorf("udevadm settle: %v %s", err, b)
	}
}

// checkLinks: udev's stable names, by-id and by-path, in an address.
func checkLinks(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	other := newGadget(t, 0, "0c2e", "0901", "S2", acm)
	first := func(folder string) string {
		var list []string
		t.wait("a link in "+folder, 60*time.Second, func() bool {
			list, _ = filepath.Glob(folder + "/*")
			return len(list) > 0
		})
		return list[0]
	}
	g.plug()
	byID, byPath := first("/dev/serial/by-id"), first("/dev/serial/by-path")
	t.Logf("%s %s", byID, byPath)
	for _, link := range []string{byID, byPath} {
		if !g.in {
			g.plug()
		}
		t.wait("the link", 60*time.Second, func() bool { return exists(link) })
		a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://"+link+"?baud=9600"))
		a.is("scanner-1", "ready", 30*time.Second)
		cycle(t, a, g, "acm", "scanner-1", 10)
		other.plug()
		if link == byID { // that is the name of S1 alone
			t.wait("the other's link", 60*time.Second, func() bool { return exists("/dev/serial/by-path/" + filepath.Base(byPath)) })
			time.Sleep(time.Second)
			if d := a.device("scanner-1"); d.State != "absent" {
				t.Errorf("with another device: %+v", d)
			}
		} else {
			refused(t, a, other, "scanner-1")
		}
		other.unplug()
		a.is("scanner-1", "absent", 30*time.Second)
		g.plug()
		a.is("scanner-1", "ready", 30*time.Second)
		g.unplug()
		a.stop()
	}
}

// checkBusy: a line that another program holds, with and without the right to see
// which.
func checkBusy(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	g.plug()
	t.wait("the node", 60*time.Second, func() bool { return g.near("tty") != "" })
	udevSettled(t)
	hold := func() *os.File {
		f, err := os.OpenFile(g.near("tty"), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		t.ok(err)
		t.ok(unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0))
		return f
	}
	for _, as := range [][]user{nil, {{tilld, []uint32{tilld}}}} {
		f := hold()
		a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"), as...)
		d := a.is("scanner-1", "busy", 30*time.Second)
		t.Logf("%s [%s] %s", d.Condition, d.Code, d.Hint)
		if as == nil && !strings.Contains(d.Hint, "init") || d.Hint == "" {
			t.Errorf("the hint does not help: %+v", d)
		}
		f.Close()
		a.is("scanner-1", "ready", 30*time.Second)
		if again, err := os.OpenFile(g.near("tty"), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
			if n, err := unix.IoctlGetInt(int(again.Fd()), unix.TIOCGEXCL); err != nil || n == 0 {
				t.Errorf("the agent does not keep others off its line: %d %v", n, err)
			}
			again.Close()
		}
		a.stop()
	}
}

func udevSettled(t *T) {
	if b, err := exec.Command("/bin/udevadm", "settle", "--timeout=30").CombinedOutput(); err != nil {
		t.Errorf("udevadm settle: %v %s", err, b)
	}
}

// plugAll plugs one of each kind in: three scanners and a printer of a make.
func plugAll(t *T, vid, pid string) (s, k, h *gadget, p *paper) {
	s = newGadget(t, 0, "0c2e", "0901", "S1", acm)
	k = newGadget(t, 1, "0c2e", "0201", "K1", keyboard)
	h = newGadget(t, 2, "0c2e", "0907", "H1", pos)
	p = newPaper(t, 3, vid, pid, "P1")
	for _, g := range []*gadget{s, k, h, p.g} {
		g.plug()
	}
	t.wait("all nodes", 60*time.Second, func() bool {
		return s.near("tty") != "" && k.near("event") != "" && h.near("hidraw") != "" && exists("/dev/usb/lp0")
	})
	return s, k, h, p
}

// checkDenied: a user without the group may not open anything, and is told which
// group; with the group everything works without root.
func checkDenied(t *T) {
	s, _, _, _ := plugAll(t, "0416", "5011")
	udevSettled(t)
	devices := fmt.Sprintf(lineScanner, "serial", "serial://usb/0C2E:0901/S1?baud=9600") +
		"\n  - {name: wedge, kind: scanner, driver: wedge, address: \"evdev://usb/0C2E:0201\"}" +
		"\n  - {name: hidpos, kind: scanner, driver: hidpos, address: \"hidraw://usb/0C2E:0907\"}" +
		"\n  - {name: usblp, kind: printer, driver: escpos, address: \"usblp://usb/0416:5011\"}" +
		"\n  - {name: camera, kind: scanner, driver: camera, address: \"v4l2:///dev/video0\", options: {width: 320, height: 180, fps: 1}}"
	names := []string{"serial", "wedge", "hidpos", "usblp", "camera"}
	a := start(t, devices, user{nobody, nil})
	for _, n := range names {
		d := a.is(n, "denied", 30*time.Second)
		group := "tilld"
		if n == "camera" {
			group = "video"
		}
		if d.Code != "group" || !strings.Contains(d.Hint, "group "+group) {
			t.Errorf("%s: [%s] %s; %s", n, d.Code, d.Hint, d.Condition)
		}
	}
	a.stop()
	a = start(t, devices, user{tilld, []uint32{tilld, 44}})
	for _, n := range names {
		a.is(n, "ready", 30*time.Second)
	}
	send(t, s.far("acm", 0), code(1))
	a.scan(code(1), 30*time.Second)
	// Replugged nodes belong to root until udev has run.
	for i := range 5 {
		mark := a.mark()
		s.unplug()
		a.state(mark, "serial", "absent", 30*time.Second)
		mark = a.mark()
		at := s.plug()
		t.Figure("not root, plug %d: in service after %v", i, a.state(mark, "serial", "ready", 30*time.Second).at.Sub(at).Round(time.Millisecond))
	}
	a.mu.Lock()
	for _, it := range a.news {
		if it.name == "device" && it.Name == "serial" && it.State != "ready" && it.State != "absent" {
			t.Errorf("on the way: %s [%s] %s", it.State, it.device.Code, it.Condition)
		}
	}
	a.mu.Unlock()
}

// checkNoise: what is no scanner is faulty, and said to be so.
func checkNoise(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	g.plug()
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	a.is("scanner-1", "ready", 30*time.Second)
	far := g.far("acm", 0)
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		junk := make([]byte, 512)
		for i := range junk {
			junk[i] = byte(128 + i%64)
		}
		for {
			select {
			case <-stop:
				return
			default:
				far.Write(junk)
			}
		}
	}()
	d := a.is("scanner-1", "faulty", 30*time.Second)
	t.Logf("%s [%s] %s", d.Condition, d.Code, d.Hint)
	if d.Code != "scanner_noise" {
		t.Errorf("%+v", d)
	}
	close(stop)
	<-ended
	a.is("scanner-1", "ready", 30*time.Second)
	send(t, far, code(3))
	send(t, far, code(4))
	a.scan(code(4), 30*time.Second)
}

// checkDetect: what detect writes works as it stands.
func checkDetect(t *T) {
	s, k, h, p := plugAll(t, "04b8", "0202")
	if exists("/run/udev/control") {
		udevSettled(t)
	}
	b, err := exec.Command("/bin/tilld", "detect").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	t.Logf("%s", b)
	var devices strings.Builder
	var names []string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "# ")
		if !strings.HasPrefix(line, "- {name:") || strings.Contains(line, "/dev/ttyS") || strings.Contains(line, "framebuffer") {
			continue
		}
		devices.WriteString("\n  " + line)
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "- {name: "), ",")
		names = append(names, name)
	}
	if len(names) != 5 {
		t.Errorf("%d devices were found, want a serial, a wedge and a HID POS scanner, a printer and a camera", len(names))
	}
	a := start(t, devices.String())
	for _, n := range names {
		a.is(n, "ready", 30*time.Second)
	}
	send(t, s.far("acm", 0), code(1))
	typed := k.far("hid", 0)
	for range 3 { // a machine that stands still between two keys tears a code
		keys(t, typed, code(2)+"\n")
	}
	_, err = h.far("hid", 0).Write(posReport(code(3), false))
	t.ok(err)
	for i := 1; i <= 3; i++ {
		a.scan(code(i), 30*time.Second)
	}
	a.print(t, "p", "PRINTED\n")
	if j := a.settled("p", 30*time.Second, outcomes...); j.Outcome != "confirmed" || p.count("PRINTED") != 1 {
		t.Errorf("%+v", j)
	}
}
