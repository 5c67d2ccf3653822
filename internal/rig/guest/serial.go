//go:build rig

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const lineScanner = "\n  - {name: %s, kind: scanner, driver: line, address: \"%s\", options: {suffix: cr}}"

// code returns the n-th EAN-13, all different.
func code(n int) string {
	digits := fmt.Sprintf("69%010d", n)
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * (1 + 2*(i%2))
	}
	return digits + fmt.Sprint((10-sum%10)%10)
}

// send types a code at the gadget's end.
func send(t *T, far *os.File, code string) {
	_, err := far.WriteString(code + "\r")
	t.ok(err)
}

func checkSerialReplug(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	t.Figure("the agent serves %.1f s after its start", time.Since(a.started).Seconds())
	a.is("scanner-1", "absent", 30*time.Second)
	cycle(t, a, g, "acm", "scanner-1", 50)
}

// cycle plugs a scanner in and out: in service within 2 s, each code arrives, and
// nothing is left behind.
func cycle(t *T, a *agent, g *gadget, kind, name string, n int) {
	var back, node, gone []time.Duration
	files, tasks := 0, 0.0
	if g.in {
		mark := a.mark()
		g.unplug()
		a.state(mark, name, "absent", 30*time.Second)
	}
	for i := range n {
		mark := a.mark()
		at := g.plug()
		seen := a.state(mark, name, "ready", 30*time.Second).at
		back = append(back, seen.Sub(at))
		if st, err := os.Stat(g.near("tty")); kind == "acm" && err == nil {
			node = append(node, seen.Sub(created(st)))
		}
		if i%10 == 0 && kind == "acm" {
			far := g.far(kind, 0)
			send(t, far, code(i))
			a.scanned(0, code(i), 30*time.Second)
			far.Close()
		}
		if i == 4 {
			files, tasks = a.descriptors(), a.metric("go_goroutines")
		}
		mark = a.mark()
		at = g.unplug()
		gone = append(gone, a.state(mark, name, "absent", 30*time.Second).at.Sub(at))
	}
	t.Figure("%d cycles: in service %s after the plug, %s after the node was made; absent %s after the pull", n, spread(back), spread(node), spread(gone))
	if slices.Max(back) > 2*time.Second {
		t.Errorf("in service only after %v\n%s", slices.Max(back), a.log(4000))
	}
	if f, k := a.descriptors(), a.metric("go_goroutines"); f > files+2 || k > tasks+5 {
		t.Errorf("descriptors %d, then %d; goroutines %.0f, then %.0f", files, f, tasks, k)
	}
}

func created(st os.FileInfo) time.Time {
	s := st.Sys().(*syscall.Stat_t)
	return time.Unix(s.Ctim.Sec, s.Ctim.Nsec)
}

// spread words p50 and the worst of measurements.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "?"
	}
	d = slices.Sorted(slices.Values(d))
	return fmt.Sprintf("%v (p50) %v (max)", d[len(d)/2].Round(time.Millisecond), d[len(d)-1].Round(time.Millisecond))
}

// checkSerialNumber: a device that comes back under another number keeps its
// name, because another has taken its number or something holds the dead node.
func checkSerialNumber(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	other := newGadget(t, 1, "1a86", "7523", "X", acm)
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	at := func(want string, n int) {
		a.is("scanner-1", "ready", 30*time.Second)
		if got := g.near("tty"); got != want {
			t.Errorf("the scanner is %s, not %s as this check means it to be", got, want)
		}
		far := g.far("acm", 0)
		defer far.Close()
		send(t, far, code(n))
		if s := a.scanned(0, code(n), 30*time.Second); s.Device != "scanner-1" {
			t.Errorf("the code comes from %q", s.Device)
		}
	}
	g.plug()
	at("/dev/ttyACM0", 1)
	g.unplug()
	a.is("scanner-1", "absent", 30*time.Second)
	other.plug()
	g.plug()
	at("/dev/ttyACM1", 2)
	other.unplug()
	g.unplug()
	a.is("scanner-1", "absent", 30*time.Second)
	g.plug()
	at("/dev/ttyACM0", 3)
	held, err := os.OpenFile("/dev/ttyACM0", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0) // root gets past the lock
	t.ok(err)
	defer held.Close()
	g.unplug()
	g.plug()
	at("/dev/ttyACM1", 4)
}

// checkSerialOther: another device in a scanner's place is not taken for it.
func checkSerialOther(t *T) {
	mine := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	serial := newGadget(t, 0, "0c2e", "0901", "S2", acm)
	model := newGadget(t, 0, "1a86", "7523", "", acm)
	byNode := fmt.Sprintf(lineScanner, "scanner-1", "serial:///dev/ttyACM0?baud=9600")
	mine.plug()
	a := start(t, byNode)
	a.is("scanner-1", "ready", 30*time.Second)
	mine.unplug()
	a.is("scanner-1", "absent", 30*time.Second)
	for _, g := range []*gadget{serial, model} {
		g.plug()
		refused(t, a, g, "scanner-1")
		g.unplug()
		a.is("scanner-1", "absent", 30*time.Second)
	}
	// A restart does not approve what is there now.
	a.stop()
	serial.plug()
	a.run()
	refused(t, a, serial, "scanner-1")
	serial.unplug()
	mine.plug()
	a.is("scanner-1", "ready", 30*time.Second)
	mine.unplug()
	a.stop()
	// The hint's own words approve the replacement.
	serial.plug()
	a.configure(fmt.Sprintf(lineScanner, "scanner-1", "serial:///dev/ttyACM0?baud=9600&id=0C2E:0901/S2"))
	a.run()
	a.is("scanner-1", "ready", 30*time.Second)
	serial.unplug()
	mine.plug()
	d := a.is("scanner-1", "faulty", 30*time.Second)
	if d.Code != "other_device" {
		t.Errorf("%+v", d)
	}
	mine.unplug()
	a.stop()
	a.configure(fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	serial.plug()
	a.run()
	t.wait("the agent has looked", 60*time.Second, func() bool {
		d = a.device("scanner-1")
		return d.Code != ""
	})
	if d.State != "absent" || d.Code != "unplugged" {
		t.Errorf("%+v", d)
	}
	t.Logf("by identity: %s; %s", d.Condition, d.Hint)
}

// refused: the agent says what it found, and takes no code from it.
func refused(t *T, a *agent, g *gadget, name string) {
	d := a.is(name, "faulty", 30*time.Second)
	t.Logf("%s [%s] %s", d.Condition, d.Code, d.Hint)
	if d.Code != "other_device" || !strings.Contains(d.Hint, "0C2E:0901/S1") {
		t.Errorf("%+v", d)
	}
	far := g.far("acm", 0)
	defer far.Close()
	before := len(a.scans(0))
	send(t, far, code(77))
	time.Sleep(time.Second) // nothing is to come
	if n := len(a.scans(0)); n != before {
		t.Errorf("a code of another device was taken")
	}
}

// checkSerialLines: DTR and RTS are up while the line is in use, down after it.
func checkSerialLines(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	g.plug()
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	a.is("scanner-1", "ready", 30*time.Second)
	lines := func(want int) {
		f, err := os.OpenFile(g.near("tty"), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		t.ok(err)
		defer f.Close()
		bits, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCMGET)
		t.ok(err)
		if got := bits & (unix.TIOCM_DTR | unix.TIOCM_RTS); got != want {
			t.Errorf("modem lines %#x, want %#x", got, want)
		}
	}
	lines(unix.TIOCM_DTR | unix.TIOCM_RTS)
}

// checkSerialFlow: a device that says XOFF is sent nothing until it says XON.
func checkSerialFlow(t *T) {
	g := newGadget(t, 0, "1a86", "7523", "P", acm)
	g.plug()
	a := start(t, "\n  - {name: printer-1, kind: printer, driver: escpos, address: \"serial://usb/1A86:7523/P?baud=115200&flow=xonxoff\", options: {confirm: none, status: none}}")
	a.is("printer-1", "ready", 30*time.Second)
	far := g.far("acm", 0)
	sink := collect(far)
	defer sink.stop()
	_, err := far.Write([]byte{0x13})
	t.ok(err)
	time.Sleep(500 * time.Millisecond) // the byte has to be there before the job
	before := sink.len()
	a.print(t, "flow", strings.Repeat("0123456789012345678901234567890\n", 1000))
	time.Sleep(2 * time.Second)
	if n := sink.len() - before; n > 4096 {
		t.Errorf("%d bytes were sent after XOFF", n)
	} else {
		t.Logf("%d bytes after XOFF", n)
	}
	_, err = far.Write([]byte{0x11})
	t.ok(err)
	t.wait("the rest comes after XON", 60*time.Second, func() bool { return sink.len()-before > 32000 })
}
