package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tilld/internal/config"
	"tilld/internal/unchecked"
	"tilld/packaging"
)

// The kernel names a driver's device numbers only once its module is loaded,
// which for most is when the first device is plugged in: after the service has
// started. /dev/usb/lp* has the name "usb".
func TestUnitLetsDevicesInThatComeLater(t *testing.T) {
	for name, line := range map[string]string{
		"ttyACM": "DeviceAllow=char-166 rw", "ttyUSB": "DeviceAllow=char-188 rw", "usblp": "DeviceAllow=char-180 rw",
		"input": "DeviceAllow=char-13 rw", "video4linux": "DeviceAllow=char-81 rw", "fb": "DeviceAllow=char-29 rw",
		"hidraw": "Wants=modprobe@hid.service", "boot_id": "ProtectProc=invisible",
		"root's blocks of a full disk": "AmbientCapabilities=CAP_SYS_RESOURCE",
	} {
		if !strings.Contains(packaging.Unit, "\n"+line+"\n") {
			t.Errorf("%s: the unit lacks %s", name, line)
		}
	}
	for name, line := range map[string]string{
		"the machine's boot id must be seen, codes torn by a kill are told by it": "ProcSubset=pid",
		"a till never gives up": "StartLimitBurst=",
	} {
		if strings.Contains(packaging.Unit, line) {
			t.Errorf("%s: the unit has %s", name, line)
		}
	}
}

func TestServiceUnit(t *testing.T) {
	start := []string{"/opt/a b/tilld-guard", "run", "--config", "/etc/100%/$x.yaml"}
	for _, c := range []struct {
		name, data, log string
		want            []string
		err             string
	}{
		{name: "usual", data: "/var/lib/tilld", want: []string{`ExecStart="/opt/a b/tilld-guard" "run" "--config" "/etc/100%%/$$x.yaml"` + "\n", "StateDirectory=tilld\n"}},
		{name: "a disk of its own", data: "/srv/till", log: "/srv/log/tilld.log", want: []string{"ReadWritePaths=\"/srv/till\"\n", "ReadWritePaths=\"/srv/log\"\n"}},
		{name: "log directory of the service", data: "/var/lib/tilld", log: "/var/log/tilld/tilld.log"},
		{name: "home", data: "/home/pos/till", err: "data_dir: /home/pos/till: services cannot see home directories"},
		{name: "private tmp", data: "/tmp/till", err: "lost with every stop"},
		{name: "relative log", data: "/var/lib/tilld", log: "log/tilld.log", err: "log.file: log: write the whole path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config.Defaults()
			cfg.DataDir, cfg.Log.File = c.data, c.log
			unit, err := serviceUnit(start, cfg)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v; want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(unit, w) {
					t.Errorf("no %s in\n%s", w, unit)
				}
			}
			if len(c.want) == 0 && strings.Contains(unit, "ReadWritePaths") {
				t.Errorf("a place of its own in\n%s", unit)
			}
			verifyUnit(t, unit)
		})
	}
}

// verifyUnit has systemd read the unit, with programs that are there.
func verifyUnit(t *testing.T, unit string) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		unchecked.Skip(t, "systemd-analyze is not installed")
	}
	unit = strings.ReplaceAll(unit, "/opt/a b/tilld-guard", "/bin/true")
	file := filepath.Join(t.TempDir(), "tilld.service")
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "verify", "--man=no", file).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("tilld.service:")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// A key that root has put into /etc/tilld for itself alone, as keys are made.
func TestHandOver(t *testing.T) {
	if os.Geteuid() != 0 {
		unchecked.Skip(t, "only root can give files away")
	}
	const uid, gid = 54321, 54322
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, mode os.FileMode) string {
		t.Helper()
		name = filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	cfg := config.Defaults()
	cfg.DataDir = filepath.Join(top, "data")
	file := write("etc/tilld.yaml", 0o600)
	cfg.Cloud.KeyFile = write("etc/till.key", 0o600)
	cfg.Cloud.CAFile = write("etc/ca.pem", 0o644)
	cfg.Cashier.PINFile = write("else/pin", 0o600)
	var told strings.Builder
	if err := handOver(file, cfg, uid, gid, &told); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{file: uid, cfg.Cloud.KeyFile: uid, cfg.Cloud.CAFile: 0, cfg.Cashier.PINFile: 0, cfg.DataDir: uid} {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", name, got, want)
		}
	}
	if st, err := os.Stat(cfg.Cloud.KeyFile); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key: %v, %v", st.Mode(), err)
	}
	if !strings.Contains(told.String(), cfg.Cashier.PINFile+": tilld cannot read it") || !strings.Contains(told.String(), "till.key belongs to tilld now") {
		t.Errorf("told:\n%s", told.String())
	}
}
