package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tilld/internal/unchecked"
)

// The package has the unit with the guard's command line, the programs and no
// configuration of its own: what the shop wrote is never touched.
func TestDeb(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		unchecked.Skip(t, "dpkg-deb is not installed")
	}
	programs, out := t.TempDir(), t.TempDir()
	for _, name := range []string{"tilld", "tilld-guard", "tillctl"} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) string {
		t.Helper()
		text, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
		}
		return string(text)
	}
	for version, want := range map[string]string{"v1.2.0-rc.1": "1.2.0~rc.1", "1.2.0": "1.2.0", "v1.2.0-3-g6c8f2bc": "1.2.0+3+g6c8f2bc", "6c8f2bc-dirty": "0~6c8f2bc+dirty", "dev": "0~dev"} {
		run("bash", "deb/build", programs, version, "amd64", out)
		if _, err := os.Stat(filepath.Join(out, "tilld_"+want+"_amd64.deb")); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
	file := filepath.Join(out, "tilld_1.2.0~rc.1_amd64.deb")
	tree := t.TempDir()
	run("dpkg-deb", "-R", file, tree)
	for _, name := range []string{"usr/bin/tilld", "usr/bin/tilld-guard", "usr/bin/tillctl", "DEBIAN/postinst", "DEBIAN/prerm", "DEBIAN/postrm"} {
		if st, err := os.Stat(filepath.Join(tree, name)); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	unit, err := os.ReadFile(filepath.Join(tree, "lib/systemd/system/tilld.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/bin/tilld-guard run --config /etc/tilld/tilld.yaml --data-dir /var/lib/tilld\n") {
		t.Errorf("%v\n%s", err, unit)
	}
	if left, err := os.ReadDir(filepath.Join(tree, "etc/tilld")); err != nil || len(left) != 0 {
		t.Errorf("/etc/tilld: %v, %v", left, err)
	}
}
