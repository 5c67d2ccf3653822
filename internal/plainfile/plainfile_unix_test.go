//go:build unix

package plainfile_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tilld/internal/plainfile"
)

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("file"), []byte("text"), 0o600))
	must(os.Symlink("file", at("link")))
	must(os.Mkdir(at("folder"), 0o700))
	must(syscall.Mkfifo(at("pipe"), 0o600))
	must(os.Symlink("pipe", at("link to pipe")))
	must(os.Symlink("loop", at("loop")))
	must(os.Symlink("/dev/zero", at("device")))
	l, err := net.Listen("unix", at("socket"))
	must(err)
	defer l.Close()
	root, err := os.OpenRoot(dir)
	must(err)
	defer root.Close()

	for _, name := range []string{"file", "link"} {
		if b, err := plainfile.ReadFile(at(name)); err != nil || string(b) != "text" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if f, err := plainfile.OpenIn(root, name); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			f.Close()
		}
	}
	for _, name := range []string{"folder", "pipe", "link to pipe", "socket"} { // each at once
		if _, err := plainfile.ReadFile(at(name)); !errors.Is(err, plainfile.ErrNotPlain) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := plainfile.OpenIn(root, name); !errors.Is(err, plainfile.ErrNotPlain) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := plainfile.ReadDir(at("pipe")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a pipe as a folder: %v", err)
	}
	if list, err := plainfile.ReadDir(dir); err != nil || len(list) < 5 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := plainfile.Open(at("device")); !errors.Is(err, plainfile.ErrNotPlain) {
		t.Errorf("device: %v", err)
	}
	if _, err := plainfile.Open(at("loop")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("loop: %v", err)
	}
	if _, err := plainfile.Open(at("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}
