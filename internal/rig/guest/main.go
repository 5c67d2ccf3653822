//go:build rig

// The guest is the init of the rig's virtual machine: it plugs USB gadgets in and
// out, runs the agent and reports what it sees, a line each, on the second serial
// line: PASS or FAIL with a check's name, FIGURE, LOG, at last DONE.
package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// checks in the order in which they run. Those after "udev" have it running.
var checks = []check{
	{"hello", checkHello},
	{"serial/replug", checkSerialReplug},
	{"serial/number", checkSerialNumber},
	{"serial/other", checkSerialOther},
	{"serial/lines", checkSerialLines},
	{"serial/flow", checkSerialFlow},
	{"serial/flap", checkFlap},
	{"serial/noise", checkNoise},
	{"printer/job", checkPrinterJob},
	{"printer/stuck", checkPrinterStuck},
	{"wedge", checkWedge},
	{"hidpos", checkHIDPOS},
	{"camera", checkCamera},
	{"glass", checkGlass},
	{"ftdi", checkFTDI},
	{"hotplug/thousand", checkThousand},
	{"hotplug/without-events", checkWithoutEvents},
	{"udev", checkUdev},
	{"links", checkLinks},
	{"busy/serial", checkBusy},
	{"busy/others", checkBusyOthers},
	{"killed", checkKilled},
	{"denied", checkDenied},
	{"detect", checkDetect},
}

type check struct {
	name string
	run  func(t *T)
}

// T is a check at work.
type T struct {
	name  string
	wrong []string
	after []func()
	doubt func() string // what else to say when something does not come
}

type stop struct{}

// Fatalf ends the check.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(stop{})
}

// Errorf fails the check, which goes on.
func (t *T) Errorf(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// Figure reports a measurement.
func (t *T) Figure(format string, args ...any) {
	report("FIGURE", t.name+": "+fmt.Sprintf(format, args...))
}

// Logf reports what may help.
func (t *T) Logf(format string, args ...any) { report("LOG", t.name+": "+fmt.Sprintf(format, args...)) }

// Cleanup has f run when the check is over.
func (t *T) Cleanup(f func()) { t.after = append(t.after, f) }

// ok ends the check at an error.
func (t *T) ok(err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func (c check) do() {
	t := &T{name: c.name}
	began := time.Now()
	guarded := func(f func()) {
		defer func() {
			if r := recover(); r != nil && r != any(stop{}) {
				t.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		f()
	}
	guarded(func() { c.run(t) })
	for i := len(t.after) - 1; i >= 0; i-- {
		guarded(t.after[i])
	}
	word, text := "PASS", ""
	if len(t.wrong) > 0 {
		word, text = "FAIL", " "+strings.Join(t.wrong, "\n")
	}
	report(word, fmt.Sprintf("%s (%.1f s)%s", c.name, time.Since(began).Seconds(), text))
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == withoutEvents {
		fmt.Fprintln(os.Stderr, runWithoutEvents(os.Args[2:]))
		os.Exit(1)
	}
	if err := boot(); err != nil {
		report("FAIL", "boot "+err.Error())
		finish()
	}
	only := regexp.MustCompile(parameter("rig_run"))
	for _, c := range checks {
		if c.name == "udev" || only.MatchString(c.name) {
			c.do()
		}
	}
	finish()
}

func finish() {
	report("DONE", "")
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	select {}
}

func checkHello(t *T) {
	var u unix.Utsname
	t.ok(unix.Uname(&u))
	t.Figure("Linux %s, up after %.1f s", strings.TrimRight(string(u.Release[:]), "\x00"), uptime())
}
