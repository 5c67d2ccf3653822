package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tilld/internal/fault"
)

const lockName = "till.lock"

// lockDir locks the data directory. fault.Busy names the process that holds it.
// The lock ends with the process; the file stays.
func lockDir(dir string, shared bool, wait time.Duration) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	flag := os.O_RDWR | os.O_CREATE
	if shared {
		flag = os.O_RDONLY // a check changes nothing
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if shared && errors.Is(err, os.ErrNotExist) {
		return nil, nil // nobody ever opened this directory
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Config, Component: "queue", Op: "lock", Err: err}
	}
	for end := time.Now().Add(wait); ; time.Sleep(50 * time.Millisecond) {
		ok, err := tryLock(f, shared)
		if err != nil {
			f.Close()
			return nil, &fault.Error{Kind: fault.Config, Component: "queue", Op: "lock", Err: err}
		}
		if ok {
			break
		}
		if time.Now().After(end) {
			f.Close()
			return nil, &fault.Error{
				Kind: fault.Busy, Component: "queue", Op: "open", Err: holder(path),
				Hint: "Another tilld uses this data directory. Stop it first.",
			}
		}
	}
	if shared {
		return f, nil
	}
	text := strconv.Itoa(os.Getpid()) + "\n"
	if err := errors.Join(f.Truncate(0), writeAll(f, text)); err != nil {
		f.Close()
		return nil, &fault.Error{Kind: fault.Config, Component: "queue", Op: "lock", Err: err}
	}
	return f, nil
}

func writeAll(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// holder names the process whose number is in the lock file.
func holder(path string) error {
	b, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return fmt.Errorf("another tilld uses this data directory: %s is held by its process", path)
	}
	if name, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
		return fmt.Errorf("another tilld uses this data directory: %s is held by process %s (%s)", path, pid, strings.TrimSpace(string(name)))
	}
	return fmt.Errorf("another tilld uses this data directory: %s is held by process %s", path, pid)
}
