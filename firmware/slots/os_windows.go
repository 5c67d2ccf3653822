package slots

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

const binaryName = "tilld.exe"

const lockWait = 10 * time.Second

// owner is not needed: the slots inherit the access list of the directory.
type owner struct{}

func ownerOf(string) owner           { return owner{} }
func (owner) take(path string) error { return nil }

// lock opens the lock file for itself alone; the system releases it when the
// process ends, however it ends.
func lock(path string, o owner) (unlock func(), err error) {
	return lockFor(path, o, lockWait)
}

func lockFor(path string, _ owner, wait time.Duration) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
			syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
		if err == nil {
			return func() { syscall.CloseHandle(h) }, nil
		}
		if !time.Now().Before(deadline) {
			return nil, fmt.Errorf("%s: %w", path, errHeld)
		}
	}
}

// syncDir has no counterpart: NTFS keeps the order of its directory changes.
func syncDir(string) error { return nil }

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
