//go:build rig

package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wanted are the kernel's modules of both ends of every cable.
var wanted = []string{
	"dummy_hcd", "usb_f_acm", "usb_f_hid", "usb_f_fs", "uhci_hcd", // plugs
	"cdc_acm", "usblp", "usbhid", "hid_generic", "evdev", "uinput", "ftdi_sio", "vivid", "bochs", "cirrus",
}

// prepare builds the agent, the guest and the machine's initramfs.
func prepare(t *testing.T, root, dir string) (kernel, initrd string) {
	kernels, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		t.Fatalf("kernels in %s: %v %v", root, kernels, err)
	}
	var a archive
	for _, d := range []string{"dev", "proc", "sys", "run", "tmp", "var"} {
		a.dir(d)
	}
	a.link("var/run", "/run")
	for name, pkg := range map[string]string{"init": "./internal/rig/guest", "bin/tilld": "./cmd/tilld"} {
		out := filepath.Join(dir, filepath.Base(name))
		cmd := exec.Command("go", "build", "-tags", "rig", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", cmd, b)
		}
		check(t, a.copy(name, out))
	}
	a.file("etc/passwd", 0o644, []byte("root:x:0:0::/:/bin/sh\ntilld:x:990:990::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"))
	a.file("etc/group", 0o644, []byte("root:x:0:\ntty:x:5:\nlp:x:7:\ndialout:x:20:\nvideo:x:44:\ninput:x:104:\nkvm:x:105:\nrender:x:106:\nsgx:x:107:\ndisk:x:6:\ntilld:x:990:\naudio:x:29:\ncdrom:x:24:\ntape:x:26:\nkmem:x:15:\nnogroup:x:65534:\n"))
	mods, err := findModules(filepath.Join(root, "lib/modules"))
	check(t, err)
	list, err := mods.load(wanted...)
	check(t, err)
	var order strings.Builder
	for _, m := range list {
		a.file("modules/"+m.name+".ko", 0o644, m.image)
		order.WriteString(m.name + "\n")
	}
	a.file("modules/order", 0o644, []byte(order.String()))
	udev(t, &a, root)
	initrd = filepath.Join(dir, "initrd")
	check(t, os.WriteFile(initrd, a.bytes(), 0o600))
	return kernels[0], initrd
}

// udev puts udev, its rules and the libraries that it needs into the archive.
func udev(t *testing.T, a *archive, root string) {
	first := func(names ...string) string {
		for _, n := range names {
			if st, err := os.Stat(filepath.Join(root, n)); err == nil && !st.IsDir() {
				return filepath.Join(root, n)
			}
		}
		t.Fatalf("%s: none of %v", root, names)
		return ""
	}
	program := first("bin/udevadm", "usr/bin/udevadm")
	check(t, a.copy("bin/udevadm", program))
	a.link("bin/systemd-udevd", "udevadm")
	rules := filepath.Dir(first("lib/udev/rules.d/60-serial.rules", "usr/lib/udev/rules.d/60-serial.rules"))
	check(t, a.tree("lib/udev/rules.d", rules))
	check(t, a.copy("lib/udev/rules.d/60-tilld.rules", "../../packaging/60-tilld.rules"))
	for _, lib := range []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"} {
		if m, err := filepath.Glob(filepath.Join(root, lib, "libkmod.so.2*")); err == nil && len(m) > 0 {
			check(t, a.copy("lib/x86_64-linux-gnu/libkmod.so.2", m[0]))
		}
	}
	ldd, err := exec.Command("ldd", program).CombinedOutput()
	check(t, err)
	for _, m := range regexp.MustCompile(`(?m)^\s*(\S+)(?: => (\S+))? \(0x`).FindAllStringSubmatch(string(ldd), -1) {
		switch {
		case m[2] != "":
			check(t, a.copy("lib/x86_64-linux-gnu/"+m[1], m[2]))
		case strings.HasPrefix(m[1], "/"):
			check(t, a.copy(strings.TrimPrefix(m[1], "/"), m[1]))
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
