//go:build rig

package main

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// checkKilled: without root's rights the kernel would wait 30 s for a serial
// device that takes nothing. Neither a stop nor a kill of the agent may.
func checkKilled(t *T) {
	c := newGadget(t, 0, "1a86", "7523", "P2", acm) // nobody reads at its end
	c.plug()
	t.wait("the node", 60*time.Second, func() bool { return c.near("tty") != "" })
	udevSettled(t)
	as := user{tilld, []uint32{tilld}}
	a := start(t, "\n  - {name: printer-1, kind: printer, driver: escpos, address: \"serial://usb/1A86:7523/P2?baud=115200\", options: {status: none, confirm: none}}", as)
	for i, how := range []unix.Signal{unix.SIGTERM, unix.SIGKILL, unix.SIGKILL} {
		a.is("printer-1", "ready", 30*time.Second)
		a.print(t, "stuck-"+string(rune('a'+i)), strings.Repeat(row, long))
		time.Sleep(2 * time.Second) // buffers fill
		d := a.device("printer-1")
		t.Logf("beside a full line: %s [%s]", d.State, d.Code)
		at := time.Now()
		t.ok(a.cmd.Process.Signal(how))
		select {
		case <-a.ended:
		case <-time.After(40 * time.Second):
			t.Fatalf("still there 40 s after %v", how)
		}
		took := time.Since(at)
		t.Figure("gone %v after %v", took.Round(time.Millisecond), how)
		if took > 5*time.Second {
			t.Errorf("gone only %v after %v", took, how)
		}
		at = time.Now()
		a.run(as)
		a.is("printer-1", "ready", 30*time.Second)
		t.Figure("in service %v after the next start", time.Since(at).Round(time.Millisecond))
	}
}

// checkBusyOthers: a keyboard that another program has grabbed, a printer that it
// has open, a camera that it films with.
func checkBusyOthers(t *T) {
	k := newGadget(t, 0, "0c2e", "0201", "K1", keyboard)
	p := newPaper(t, 1, "0416", "5011", "P1")
	k.plug()
	p.g.plug()
	t.wait("both nodes", 60*time.Second, func() bool { return k.near("event") != "" && exists("/dev/usb/lp0") })
	var held []*os.File
	open := func(node string) *os.File {
		f, err := os.OpenFile(node, os.O_RDWR|unix.O_NONBLOCK, 0)
		t.ok(err)
		held = append(held, f)
		return f
	}
	t.ok(unix.IoctlSetInt(int(open(k.near("event")).Fd()), eviocgrab, 1))
	open("/dev/usb/lp0")
	open("/dev/video0").Read(make([]byte, 1)) // begins to film
	a := start(t, usblpPrinter+
		"\n  - {name: wedge, kind: scanner, driver: wedge, address: \"evdev://usb/0C2E:0201\"}"+
		"\n  - {name: camera, kind: scanner, driver: camera, address: \"v4l2:///dev/video0\", options: {width: 640, height: 360, fps: 2}}")
	names := []string{"printer-1", "wedge", "camera"}
	for _, n := range names {
		d := a.is(n, "busy", 30*time.Second)
		t.Logf("%s: %s [%s] %s", n, d.Condition, d.Code, d.Hint)
		if d.Hint == "" {
			t.Errorf("%s: no hint", n)
		}
	}
	for _, f := range held {
		f.Close()
	}
	for _, n := range names {
		a.is(n, "ready", 30*time.Second)
	}
}
