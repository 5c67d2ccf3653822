//go:build unix

package slots

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const binaryName = "tilld"

// lockWait bounds how long a change waits for another process, which holds the
// lock for a few syncs only.
const lockWait = 10 * time.Second

// owner is the user and group of the data directory. The update command may
// run as root; the service that starts the files does not.
type owner struct {
	uid, gid int
	set      bool
}

func ownerOf(dir string) (o owner) {
	if os.Geteuid() != 0 {
		return o
	}
	info, err := os.Stat(dir)
	if err != nil {
		return o
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
		return owner{uid: int(st.Uid), gid: int(st.Gid), set: true}
	}
	return o
}

func (o owner) take(path string) error {
	if !o.set {
		return nil
	}
	return os.Lchown(path, o.uid, o.gid)
}

// lock takes the lock file for this process; the system releases it when the
// process ends, however it ends.
func lock(path string, o owner) (unlock func(), err error) {
	return lockFor(path, o, lockWait)
}

func lockFor(path string, o owner, wait time.Duration) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := o.take(path); err != nil {
		f.Close()
		return nil, err
	}
	for deadline := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		switch {
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("%s: lock: %w", path, err)
		case !time.Now().Before(deadline):
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, errHeld)
		}
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
