//go:build rig

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// boot makes of an init a system: file systems, modules, loopback, the line to
// the host.
func boot() error {
	for _, m := range []struct{ kind, at, options string }{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", ""},
		{"tmpfs", "/run", "mode=755"},
		{"tmpfs", "/tmp", "mode=1777"},
		{"devpts", "/dev/pts", "ptmxmode=666"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, m.options); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	var err error
	if host, err = os.OpenFile("/dev/ttyS1", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return err
	}
	if err := raw(host); err != nil {
		return err
	}
	answers = bufio.NewReader(host)
	console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err == nil {
		unix.Dup2(int(console.Fd()), 1)
		unix.Dup2(int(console.Fd()), 2)
	}
	order, err := os.ReadFile("/modules/order")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(order)) {
		if err := insert(name, modules[name]); err != nil {
			return err
		}
	}
	if err := unix.Mount("configfs", "/sys/kernel/config", "configfs", 0, ""); err != nil {
		return err
	}
	os.Setenv("PATH", "/bin")
	return loopback()
}

// modules are the parameters of kernel modules.
var modules = map[string]string{
	"dummy_hcd": "num=4",
	"vivid":     "n_devs=1 node_types=0x1 num_inputs=1 input_types=0",
}

func insert(name, parameters string) error {
	b, err := os.ReadFile("/modules/" + name + ".ko")
	if err != nil {
		return err
	}
	if err := unix.InitModule(b, parameters); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("module %s: %w", name, err)
	}
	return nil
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return err
	}
	_, err = net.InterfaceByName("lo")
	return err
}

var (
	host    *os.File
	answers *bufio.Reader
	hostMu  sync.Mutex
)

// report sends the host one line.
func report(word, text string) {
	hostMu.Lock()
	defer hostMu.Unlock()
	fmt.Fprintf(host, "%s %s\n", word, strings.ReplaceAll(text, "\n", "\\n"))
}

// qemu has the host give QEMU a command.
func qemu(command string) error {
	report("QMP", command)
	answer, err := answers.ReadString('\n')
	if err != nil {
		return err
	}
	if answer = strings.TrimSpace(answer); answer != "OK" {
		return errors.New(answer)
	}
	return nil
}

// raw puts a terminal into raw mode.
func raw(f *os.File) error {
	tio, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	tio.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	tio.Cc[unix.VMIN], tio.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, tio)
}

func parameter(key string) string {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return ""
	}
	for _, word := range strings.Fields(string(b)) {
		if v, ok := strings.CutPrefix(word, key+"="); ok {
			return v
		}
	}
	return ""
}

func uptime() float64 {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	s, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return s
}
