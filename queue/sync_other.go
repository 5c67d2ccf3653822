//go:build !linux

package queue

import (
	"math"
	"os"
	"runtime"
)

func datasync(f *os.File) error { return f.Sync() }

// fsyncDir syncs a directory; Windows has no such call, NTFS journals names.
func fsyncDir(d *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return d.Sync()
}

func allocate(f *os.File, size int64) error { return fillZero(f, size) }

// freeBytes is not known here; a full disk shows when a write fails.
func freeBytes(string) (int64, error) { return math.MaxInt64, nil }
