//go:build rig

package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func unhex(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// keyboard is a HID keyboard with its lamps.
var keyboard = function{"hid", map[string]string{
	"protocol": "1", "subclass": "1", "report_length": "8", "no_out_endpoint": "1",
	"report_desc": unhex("05 01 09 06 a1 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 95 01 75 08 81 03 95 05 75 01 05 08 19 01 29 05 91 02 95 01 75 03 91 03 95 06 75 08 15 00 25 65 05 07 19 00 29 65 81 00 c0"),
}}

// keys types a text on a US keyboard, as fast as most are asked: every 8 ms. The
// kernel keeps 64 events, a dozen keys, for a reader that is late.
func keys(t *T, f *os.File, text string) {
	for _, c := range text {
		var shift, key byte
		switch {
		case c >= 'a' && c <= 'z':
			key = byte(c-'a') + 4
		case c >= 'A' && c <= 'Z':
			shift, key = 2, byte(c-'A')+4
		case c == '0':
			key = 39
		case c >= '1' && c <= '9':
			key = byte(c-'1') + 30
		case c == '\n':
			key = 40
		case c == '-':
			key = 45
		case c == ':':
			shift, key = 2, 51
		case c == '/':
			key = 56
		case c == '.':
			key = 55
		}
		for _, r := range [][]byte{{shift, 0, key, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0}} {
			_, err := f.Write(r)
			t.ok(err)
			time.Sleep(8 * time.Millisecond)
		}
	}
}

const eviocgrab = 0x40044590

// grabbed reports whether a program has an input node for itself.
func grabbed(t *T, node string) bool {
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	t.ok(err)
	defer f.Close()
	err = unix.IoctlSetInt(int(f.Fd()), eviocgrab, 1)
	if err != nil && err != unix.EBUSY {
		t.Fatalf("%v", err)
	}
	return err != nil
}

// checkWedge: a keyboard scanner is taken for the agent alone and read as it
// types; it may come back under another number; a keyboard for people is left.
func checkWedge(t *T) {
	g := newGadget(t, 0, "0c2e", "0201", "K1", keyboard)
	people := newGadget(t, 1, "046d", "c31c", "", keyboard)
	people.plug()
	g.plug()
	var scannerNode string
	t.wait("both keyboards", 60*time.Second, func() bool {
		scannerNode = g.near("event")
		return scannerNode != "" && people.near("event") != ""
	})
	lamps := g.far("hid", 0)
	caps(t, scannerNode, true)
	readLamp(t, lamps, 2)
	a := start(t, "\n  - {name: scanner-1, kind: scanner, driver: wedge, address: \"evdev://usb/0C2E:0201\", options: {gap_ms: 3000}}") // this machine may stand still between two keys
	a.is("scanner-1", "ready", 30*time.Second)
	readLamp(t, lamps, 0) // CapsLock is put off
	if !grabbed(t, scannerNode) {
		t.Errorf("the scanner's keys also go to others")
	}
	if grabbed(t, people.near("event")) {
		t.Errorf("the keyboard for people was taken")
	}
	typed := people.far("hid", 0)
	keys(t, typed, "6901234567892\n")
	for i, c := range []string{"6901234567892", "https://V.example.cn/a-B1"} {
		at := time.Now()
		keys(t, lamps, c+"\n")
		s := a.scan(c, 30*time.Second)
		t.Figure("%d keys: %v from the first key to the news", len(c)+1, s.at.Sub(at).Round(time.Millisecond))
		if all := a.scans(0); len(all) != i+1 {
			t.Errorf("the ledger has %v", all)
		}
	}

	keys(t, lamps, "690123") // and the cable goes
	a.half("scanner-1")
	mark := a.mark()
	g.unplug()
	a.state(mark, "scanner-1", "absent", 30*time.Second)
	taken := newInput(t, "placeholder") // takes the free number
	defer taken.close()
	g.plug()
	a.is("scanner-1", "ready", 30*time.Second)
	if n := g.near("event"); n == scannerNode {
		t.Errorf("the scanner is %s again, which this check does not mean it to be", n)
	}
	lamps = g.far("hid", 0)
	keys(t, lamps, "4567892\n") // the other half is no code
	keys(t, lamps, code(5)+"\n")
	a.scan(code(5), 30*time.Second)
	if all := a.scans(0); len(all) != 3 || all[2].Code != code(5) {
		t.Errorf("the ledger has %v", all)
	}
	cycle(t, a, g, "hid", "scanner-1", 5)
}

// caps puts a keyboard's CapsLock lamp on or off.
func caps(t *T, node string, on bool) {
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	t.ok(err)
	defer f.Close()
	ev := make([]byte, 48)
	ev[16], ev[18] = 0x11, 1 // EV_LED, LED_CAPSL
	if on {
		ev[20] = 1
	}
	_, err = f.Write(ev)
	t.ok(err)
}

// readLamp waits until the kernel has told the keyboard a state of its lamps.
func readLamp(t *T, f *os.File, want byte) {
	got := make(chan byte, 100)
	go func() {
		b := make([]byte, 8)
		for {
			n, err := f.Read(b)
			if err != nil || n < 1 {
				return
			}
			got <- b[0]
			if b[0] == want {
				return
			}
		}
	}()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for {
		select {
		case b := <-got:
			if b == want {
				return
			}
		case <-late.C:
			t.Fatalf("the keyboard's lamps never become %d", want)
		}
	}
}

// input is a keyboard of uinput's: no USB, but quickly plugged.
type input struct {
	f    *os.File
	node string
}

func newInput(t *T, name string) *input {
	i := &input{f: newInputFile(t, name)}
	t.wait("the node of "+name, 60*time.Second, func() bool {
		list, _ := filepath.Glob("/sys/devices/virtual/input/*/name")
		for _, file := range list {
			if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) == name {
				events, _ := filepath.Glob(filepath.Dir(file) + "/event*")
				if len(events) == 1 {
					i.node = "/dev/input/" + filepath.Base(events[0])
				}
			}
		}
		return i.node != ""
	})
	return i
}

func newInputFile(t *T, name string) *os.File {
	f, err := os.OpenFile("/dev/uinput", os.O_RDWR, 0)
	t.ok(err)
	fd := int(f.Fd())
	const uiSetEvbit, uiSetKeybit, uiDevSetup, uiDevCreate = 0x40045564, 0x40045565, 0x405c5503, 0x5501
	t.ok(unix.IoctlSetInt(fd, uiSetEvbit, 1))
	for key := 1; key < 60; key++ {
		t.ok(unix.IoctlSetInt(fd, uiSetKeybit, key))
	}
	var setup struct {
		bus, vendor, product, version uint16
		name                          [80]byte
		effects                       uint32
	}
	setup.bus, setup.vendor, setup.product = 3, 1, 1
	copy(setup.name[:], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uiDevSetup, uintptr(unsafe.Pointer(&setup))); errno != 0 {
		t.Fatalf("uinput: %v", errno)
	}
	t.ok(unix.IoctlSetInt(fd, uiDevCreate, 0))
	return f
}

func (i *input) close() { i.f.Close() }

// pos is a HID POS scanner: report 2 with length, AIM identifier, 56 bytes and a
// flag, output report 4, and Honeywell's feature report FE.
var pos = function{"hid", map[string]string{
	"protocol": "0", "subclass": "0", "report_length": "64", "no_out_endpoint": "1",
	"report_desc": unhex("05 8c 09 02 a1 01 09 12 a1 02 85 02 15 00 26 ff 00 75 08 95 01 05 01 09 3b 81 02 05 8c 95 03 09 fb 09 fc 09 fd 81 02 " +
		"95 38 09 fe 82 02 01 95 02 06 66 ff 09 04 81 02 05 8c 75 01 95 01 09 ff 81 02 95 07 81 03 c0 " +
		"09 14 a1 02 85 04 75 08 95 01 09 00 91 02 c0 06 66 ff 85 fe 09 01 95 01 75 08 b1 02 c0"),
}}

// posReport is one input report; more says that the code goes on in the next.
func posReport(text string, more bool) []byte {
	r := make([]byte, 64)
	r[0], r[1], r[2], r[3], r[4] = 2, byte(len(text)), ']', 'E', '0'
	copy(r[5:], text)
	if more {
		r[63] = 1
	}
	return r
}

// checkHIDPOS: the mode is switched on at each plug, codes arrive, one that was
// cut off between two reports does not.
func checkHIDPOS(t *T) {
	g := newGadget(t, 0, "0c2e", "0907", "H1", pos)
	a := start(t, "\n  - {name: scanner-1, kind: scanner, driver: hidpos, address: \"hidraw://usb/0C2E:0907\", options: {model: honeywell}}")
	a.is("scanner-1", "absent", 30*time.Second)
	enabled := func(f *os.File) {
		b := make([]byte, 64)
		n, err := f.Read(b)
		if err != nil || n != 2 || b[0] != 0xfe || b[1] != 1 {
			t.Errorf("the scanner was told % x, %v", b[:max(n, 0)], err)
		}
	}
	g.plug()
	f := g.far("hid", 0)
	enabled(f)
	a.is("scanner-1", "ready", 30*time.Second)
	write := func(r []byte) {
		_, err := f.Write(r)
		t.ok(err)
	}
	write(posReport(code(1), false))
	a.scan(code(1), 30*time.Second)
	big := "https://v.example.cn/" + strings.Repeat("0123456789", 6)
	write(posReport(big[:56], true))
	write(posReport(big[56:], false))
	a.scan(big, 30*time.Second)
	write(posReport(big[:56], true)) // and the cable goes
	a.half("scanner-1")
	mark := a.mark()
	g.unplug()
	a.state(mark, "scanner-1", "absent", 30*time.Second)
	mark = a.mark()
	g.plug()
	enabled(f)
	a.state(mark, "scanner-1", "ready", 30*time.Second)
	write(posReport(big[56:], false)) // the other half
	write(posReport(code(2), false))
	a.scan(code(2), 30*time.Second)
	if all := a.scans(0); len(all) != 3 {
		t.Errorf("the ledger has %v", all)
	}
}
