package cloud

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// halfDisk takes half of what is written, or all and cannot sync it.
type halfDisk struct {
	*os.File
	half bool
}

func (d halfDisk) Write(b []byte) (int, error) {
	if !d.half {
		return d.File.Write(b)
	}
	n, err := d.File.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (d halfDisk) Sync() error { return syscall.EIO }

// A batch that got in by half, or of which nobody knows, leaves nothing behind
// which the repeated batch would be unreadable.
func TestLedgerOnAFullDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(name, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, half := range []bool{true, false} {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := appendWhole(halfDisk{f, half}, 4, []byte("two\nthree\n")); err == nil {
			t.Error("no error from a disk that failed")
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != "one\n" {
			t.Errorf("half %v: %q %v", half, got, err)
		}
	}
}
