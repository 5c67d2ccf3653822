//go:build rig

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutEvents is the wrapper's argument: the agent is started as a program that
// may not listen to the kernel's events, as in a container.
const withoutEvents = "without-events"

// runWithoutEvents becomes the agent after a seccomp filter that refuses sockets
// of NETLINK_KOBJECT_UEVENT.
func runWithoutEvents(args []string) error {
	runtime.LockOSThread()
	const ld, jeq, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const allow, refuse = 0x7fff0000, 0x00050000 | uint32(unix.EPERM)
	filter := []unix.SockFilter{
		{Code: ld, K: 0}, // the call's number
		{Code: jeq, Jf: 5, K: unix.SYS_SOCKET},
		{Code: ld, K: 16}, // first argument
		{Code: jeq, Jf: 3, K: unix.AF_NETLINK},
		{Code: ld, K: 32}, // third
		{Code: jeq, Jf: 1, K: unix.NETLINK_KOBJECT_UEVENT},
		{Code: ret, K: refuse},
		{Code: ret, K: allow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	}
	return unix.Exec(args[0], args, os.Environ())
}

// checkWithoutEvents: the agent looks once a second and is still back within 2 s.
func checkWithoutEvents(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	wrap = []string{"/init", withoutEvents}
	defer func() { wrap = nil }()
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	if !strings.Contains(a.log(1<<20), "no kernel events") {
		t.Errorf("the agent did not notice that it has no events")
	}
	cycle(t, a, g, "acm", "scanner-1", 12)
}

// wrap is put before the agent's command.
var wrap []string

func command(args ...string) *exec.Cmd {
	args = append(append([]string{}, wrap...), args...)
	return exec.Command(args[0], args[1:]...)
}

// checkFlap: a cable with a loose contact leaves nothing behind, whatever moment
// it chooses.
func checkFlap(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	a := start(t, fmt.Sprintf(lineScanner, "scanner-1", "serial://usb/0C2E:0901/S1?baud=9600"))
	g.plug()
	a.is("scanner-1", "ready", 30*time.Second)
	time.Sleep(time.Second)
	files, tasks := a.descriptors(), a.metric("go_goroutines")
	r := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		g.unplug()
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
		g.plug()
		time.Sleep(time.Duration(300+r.IntN(300)) * time.Millisecond) // about when the node comes
	}
	at := time.Now()
	a.is("scanner-1", "ready", 30*time.Second)
	t.Figure("in service %v after the last of 25 short plugs", time.Since(at).Round(time.Millisecond))
	far := g.far("acm", 0)
	send(t, far, code(1)) // may be doubted: a code may have been cut off
	send(t, far, code(2))
	a.scan(code(2), 30*time.Second)
	settled(t, a, files, tasks)
}

// settled: what the agent holds is what it held before.
func settled(t *T, a *agent, files int, tasks float64) {
	end := time.Now().Add(10 * time.Second)
	for {
		f, k := a.descriptors(), a.metric("go_goroutines")
		if f <= files+1 && k <= tasks+3 {
			t.Figure("descriptors %d, then %d; goroutines %.0f, then %.0f", files, f, tasks, k)
			return
		}
		if time.Now().After(end) {
			t.Errorf("descriptors %d, then %d; goroutines %.0f, then %.0f", files, f, tasks, k)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// checkThousand: a thousand plugs and pulls with the kernel's own events.
func checkThousand(t *T) {
	first := newInput(t, "first")
	a := start(t, "\n  - {name: scanner-1, kind: scanner, driver: wedge, address: \"evdev://"+first.node+"\"}")
	a.is("scanner-1", "ready", 30*time.Second)
	time.Sleep(time.Second)
	files, tasks := a.descriptors(), a.metric("go_goroutines")
	began := time.Now()
	seen := 0
	for i := range 1000 {
		if i%50 == 0 {
			a.is("scanner-1", "ready", 30*time.Second)
		}
		mark := a.mark()
		first.close()
		if i%50 == 0 { // let it see some to the end
			a.state(mark, "scanner-1", "absent", 30*time.Second)
		}
		mark = a.mark()
		first.f = newInputFile(t, "first") // the lowest number that is free: the same
		if i%50 == 0 {
			a.state(mark, "scanner-1", "ready", 30*time.Second)
			seen++
		}
	}
	d := time.Since(began)
	a.is("scanner-1", "ready", 30*time.Second)
	t.Figure("1000 plug cycles in %.1f s, %d of them awaited", d.Seconds(), seen)
	settled(t, a, files, tasks)
	first.close()
	a.is("scanner-1", "absent", 30*time.Second)
}

// checkFTDI: QEMU's own USB serial adapter, an FTDI, with a display on it.
func checkFTDI(t *T) {
	a := start(t, "\n  - {name: pole-1, kind: display, driver: cd5220, address: \"serial://usb/0403:6001?baud=9600\"}")
	a.is("pole-1", "absent", 30*time.Second)
	var back, gone []time.Duration
	for range 6 {
		mark := a.mark()
		at := time.Now()
		t.wait("QEMU has the cable free", 60*time.Second, func() bool {
			return qemu(`{"execute":"device_add","arguments":{"driver":"usb-serial","id":"ftdi","chardev":"cable","always-plugged":true}}`) == nil
		})
		back = append(back, a.state(mark, "pole-1", "ready", 30*time.Second).at.Sub(at))
		if status := a.call("POST", "/v1/devices/pole-1/test", map[string]any{}, nil); status != 200 {
			t.Errorf("test of the display: %d", status)
		}
		mark = a.mark()
		at = time.Now()
		t.ok(qemu(`{"execute":"device_del","arguments":{"id":"ftdi"}}`))
		gone = append(gone, a.state(mark, "pole-1", "absent", 30*time.Second).at.Sub(at))
		t.wait("the node is gone", 60*time.Second, func() bool { return !exists("/dev/ttyUSB0") })
	}
	t.Figure("in service %s after device_add; absent %s after device_del", spread(back), spread(gone))
}

// vivid is the folder of the driver of cameras that are none.
const vivid = "/sys/bus/platform/drivers/vivid/"

// checkCamera: a camera streams, goes away while it streams, and comes back.
func checkCamera(t *T) {
	plug := func(file string) {
		t.ok(os.WriteFile(vivid+file, []byte("vivid.0"), 0o200))
	}
	t.wait("the camera's node", 60*time.Second, func() bool { return exists("/dev/video0") })
	a := start(t, "\n  - {name: camera-1, kind: scanner, driver: camera, address: \"v4l2:///dev/video0\", options: {width: 640, height: 360, fps: 5}}")
	a.is("camera-1", "ready", 30*time.Second)
	time.Sleep(2 * time.Second)
	a.is("camera-1", "ready", time.Second)
	for range 3 {
		mark := a.mark()
		at := time.Now()
		plug("unbind")
		t.Figure("absent %v after the pull", a.state(mark, "camera-1", "absent", 30*time.Second).at.Sub(at).Round(time.Millisecond))
		mark = a.mark()
		at = time.Now()
		plug("bind")
		t.Figure("in service %v after the plug", a.state(mark, "camera-1", "ready", 30*time.Second).at.Sub(at).Round(time.Millisecond))
		time.Sleep(time.Second)
		a.is("camera-1", "ready", time.Second)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", a.cmd.Process.Pid))
	t.ok(err)
	videos := 0
	for _, f := range files {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", a.cmd.Process.Pid, f.Name())); err == nil && strings.HasPrefix(to, "/dev/video") {
			videos++
		}
	}
	if videos > 2 {
		t.Errorf("%d descriptors of the camera are open", videos)
	}
}
